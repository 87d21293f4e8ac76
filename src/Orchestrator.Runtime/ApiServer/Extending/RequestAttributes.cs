using Orchestrator.Api;
using Orchestrator.Api.Rbac;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>What a request is about, as an authorizer judges it.</summary>
/// <param name="Verb">get, list, watch, create, update, patch, delete, deletecollection, proxy's and connect's as the HTTP
/// method says; for non-resource requests the HTTP method in lower case.</param>
/// <param name="Group">Empty for the core group, and for non-resource requests.</param>
/// <param name="Subresource">Empty for the resource itself.</param>
/// <param name="Namespace">Empty for cluster-scoped resources and for all namespaces.</param>
/// <param name="Name">Empty for collections, and where the server is to choose it.</param>
/// <param name="Path">The URL's path, without query.</param>
/// <param name="LabelSelector">As in the query; null if there is none.</param>
/// <param name="FieldSelector">As in the query; null if there is none. A watch or list of <c>metadata.name=x</c> has Name
/// x, as in Kubernetes.</param>
public sealed record RequestAttributes(
    UserInfo User, string Verb, string Group, string Version, string Resource, string Subresource, string Namespace, string Name,
    string Path, bool IsResourceRequest, string? LabelSelector = null, string? FieldSelector = null)
{
    public static RequestAttributes ForPath(UserInfo user, string verb, string path) =>
        new(user, verb, "", "", "", "", "", "", path, IsResourceRequest: false);

    public static RequestAttributes ForResource(
        UserInfo user, string verb, string group, string version, string resource, string ns, string name,
        string subresource = "") =>
        new(user, verb, group, version, resource, subresource, ns, name, "", IsResourceRequest: true);

    /// <summary>What the pure rules look at.</summary>
    public AccessRequest ToAccessRequest() => new()
    {
        User = User.Name,
        Groups = User.Groups,
        Verb = Verb,
        Group = Group,
        Resource = Resource,
        Subresource = Subresource,
        Namespace = Namespace,
        Name = Name,
        Path = Path,
        IsResourceRequest = IsResourceRequest,
    };

    /// <summary>403 with the sentence that users know.</summary>
    /// <param name="reason">The authorizer's; may be empty.</param>
    public ApiException Forbidden(string reason) =>
        ApiErrors.Forbidden(IsResourceRequest ? new GroupResource(Group, Resource) : default, Name, ToAccessRequest().Refusal(reason));
}
