using Orchestrator.Api;
using Orchestrator.Api.Rbac;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Authorization;

/// <summary>A request's attributes as the pure core sees them, and the Status of a request that is not allowed.</summary>
internal static class Refusals
{
    public static AccessRequest Access(RequestAttributes request) => new()
    {
        User = request.User.Name,
        Groups = request.User.Groups,
        Verb = request.Verb,
        Group = request.Group,
        Resource = request.Resource,
        Subresource = request.Subresource,
        Namespace = request.Namespace,
        Name = request.Name,
        Path = request.Path,
        IsResourceRequest = request.IsResourceRequest,
    };

    public static ApiException Forbidden(RequestAttributes request, string reason) =>
        ApiErrors.Forbidden(new GroupResource(request.Group, request.Resource), request.Name, Access(request).Refusal(reason));
}
