using Orchestrator.Api.Rbac;

namespace Orchestrator.Api.Tests.Rbac;

public sealed class ForbiddenPathTests
{
    [Fact]
    public void A_path_is_forbidden_without_a_resource_to_name()
    {
        var request = new AccessRequest { User = "eve", Verb = "get", Path = "/metrics", IsResourceRequest = false };

        var status = ApiErrors.Forbidden(default, "", request.Refusal()).Status;

        Assert.Equal("forbidden: User \"eve\" cannot get path \"/metrics\"", status.Message);
        Assert.Equal(403, status.Code);
        Assert.Null(status.Details?.Kind);
    }
}
