using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>Kinds that nobody serves.</summary>
public sealed class UnservedKindTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string CustomKinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    /// <summary>kubectl asks before it says "no matches for kind".</summary>
    [Fact]
    public async Task Kinds_of_users_own_are_an_empty_list()
    {
        var (code, list) = await server.SendAsync(HttpMethod.Get, CustomKinds + "?limit=500");

        Assert.Equal(200, code);
        Assert.Equal("CustomResourceDefinitionList", (string?)list["kind"]);
        Assert.Empty((JsonArray)list["items"]!);
    }

    [Theory]
    [InlineData(CustomKinds + "/widgets.example.com")]
    [InlineData("/apis/example.com/v1/widgets")]
    public async Task Anything_else_is_not_found(string path)
    {
        using var response = await server.Http.GetAsync(path);

        Assert.Equal(404, (int)response.StatusCode);
    }
}
