using System.Globalization;

namespace Orchestrator.Api;

/// <summary>The paths that the resources' table gives, with what can be done there.</summary>
internal sealed class ServedPaths(SchemaSet schemas, ResourceTable resources)
{
    private const string Meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";

    private static readonly string[] ProxyMethods = ["delete", "get", "head", "options", "patch", "post", "put"];

    /// <summary>All paths in ordinal order.</summary>
    public IReadOnlyList<ApiPath> All => [.. resources.All.SelectMany(PathsOf).OrderBy(path => path.Path, StringComparer.Ordinal)];

    /// <summary>Where a version's paths begin: <c>api/v1</c>, <c>apis/apps/v1</c>.</summary>
    public static string Root(string group, string version) => group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";

    private IEnumerable<ApiPath> PathsOf(ResourceDescription resource)
    {
        string root = "/" + Root(resource.Group, resource.Version);
        string collection = resource.IsNamespaced ? $"{root}/namespaces/{{namespace}}/{resource.Plural}" : $"{root}/{resource.Plural}";
        ApiParameter[] around = resource.IsNamespaced ? [ApiParameter.InPathNamespace, ApiParameter.Pretty] : [ApiParameter.Pretty];
        ApiParameter[] item = [ApiParameter.InPathName, .. around];
        ApiPath[] paths =
        [
            Path(resource, collection, around, CollectionOperations(resource)),
            Path(resource, $"{collection}/{{name}}", item, ItemOperations(resource)),
            .. resource.Subresources.Select(subresource =>
                Path(resource, $"{collection}/{{name}}/{subresource.Name}", item, SubresourceOperations(resource, subresource, ""))),
            .. resource.Subresources.Where(subresource => subresource.Name == "proxy").Select(subresource =>
                Path(resource, $"{collection}/{{name}}/proxy/{{path}}", [.. item, ApiParameter.InPathPath],
                    SubresourceOperations(resource, subresource, "WithPath"))),
        ];
        // Over all namespaces one can only list.
        if (resource.IsNamespaced && resource.Allows("list"))
            paths = [.. paths, Path(resource, $"{root}/{resource.Plural}", [ApiParameter.Pretty], [List(resource, "", "ForAllNamespaces")])];
        return paths.Where(path => path.Operations.Count > 0);
    }

    private static ApiPath Path(
        ResourceDescription resource, string path, IReadOnlyList<ApiParameter> parameters, IEnumerable<ApiOperation> operations) =>
        new(path, resource.Group, resource.Version, parameters,
            [.. operations.OrderBy(operation => operation.Method, StringComparer.Ordinal)]);

    private IEnumerable<ApiOperation> CollectionOperations(ResourceDescription resource)
    {
        string scope = Scope(resource);
        if (resource.Allows("list"))
            yield return List(resource, scope, "");
        if (resource.Allows("create"))
            yield return Write(resource, resource.Kind, "post", "post", "create", scope + resource.Kind.Kind, "Creates", ["200", "201", "202"]);
        if (resource.Allows("deletecollection"))
            yield return new ApiOperation("delete", "deletecollection", resource.Kind,
                $"delete{GroupName(resource)}Collection{scope}{resource.Kind.Kind}",
                $"Deletes a collection of {resource.Kind.Kind} objects.", ApiParameter.OfDeleteCollection,
                Meta + "DeleteOptions", IsBodyRequired: false, Meta + "Status", ["200"]);
    }

    private IEnumerable<ApiOperation> ItemOperations(ResourceDescription resource)
    {
        string name = Scope(resource) + resource.Kind.Kind;
        if (resource.Allows("get"))
            yield return Read(resource, resource.Kind, name, []);
        if (resource.Allows("update"))
            yield return Write(resource, resource.Kind, "put", "put", "replace", name, "Replaces", ["200", "201"]);
        if (resource.Allows("patch"))
            yield return Patch(resource, resource.Kind, name);
        if (resource.Allows("delete"))
            yield return new ApiOperation("delete", "delete", resource.Kind, $"delete{GroupName(resource)}{name}",
                $"Deletes the {resource.Kind.Kind}.", ApiParameter.OfDelete, Meta + "DeleteOptions", IsBodyRequired: false,
                Meta + "Status", ["200", "202"]);
    }

    private IEnumerable<ApiOperation> SubresourceOperations(ResourceDescription resource, SubresourceDescription subresource, string suffix)
    {
        string name = Scope(resource) + resource.Kind.Kind + Pascal(subresource.Name) + suffix;
        if (subresource.Kind.Kind.EndsWith("Options", StringComparison.Ordinal))
            return (subresource.Name == "proxy" ? ProxyMethods : ["get", "post"]).Select(method => Connect(resource, subresource, method, name));
        return subresource.Verbs.Select(verb => verb switch
        {
            "create" => Write(resource, subresource.Kind, "post", "post", "create", name, "Posts", ["200", "201", "202"]),
            "update" => Write(resource, subresource.Kind, "put", "put", "replace", name, "Replaces", ["200", "201"]),
            "patch" => Patch(resource, subresource.Kind, name),
            _ => Read(resource, subresource.Kind, name, ApiParameter.OfSubresource(subresource.Name)) with
            {
                Response = subresource.Name == "log" ? null : schemas.FindForKind(subresource.Kind)?.Name,
            },
        });
    }

    private ApiOperation List(ResourceDescription resource, string scope, string suffix) => new(
        "get", "list", resource.Kind, $"list{GroupName(resource)}{scope}{resource.Kind.Kind}{suffix}",
        $"Lists or watches {resource.Kind.Kind} objects.", ApiParameter.OfList, null, IsBodyRequired: false,
        schemas.FindForKind(resource.Kind with { Kind = resource.Kind.Kind + "List" })?.Name, ["200"]);

    private ApiOperation Read(ResourceDescription resource, GroupVersionKind kind, string name, IReadOnlyList<ApiParameter> parameters) => new(
        "get", "get", kind, $"read{GroupName(resource)}{name}", $"Reads the {kind.Kind}.", parameters, null, IsBodyRequired: false,
        schemas.FindForKind(kind)?.Name, ["200"]);

    private ApiOperation Write(
        ResourceDescription resource, GroupVersionKind kind, string method, string action, string verb, string name, string sentence,
        IReadOnlyList<string> codes) => new(
        method, action, kind, $"{verb}{GroupName(resource)}{name}", $"{sentence} the {kind.Kind}.", ApiParameter.OfWrite,
        schemas.FindForKind(kind)?.Name, IsBodyRequired: true, schemas.FindForKind(kind)?.Name, codes);

    private ApiOperation Patch(ResourceDescription resource, GroupVersionKind kind, string name) => new(
        "patch", "patch", kind, $"patch{GroupName(resource)}{name}", $"Changes some fields of the {kind.Kind}.", ApiParameter.OfPatch,
        Meta + "Patch", IsBodyRequired: true, schemas.FindForKind(kind)?.Name, ["200", "201"]);

    private static ApiOperation Connect(ResourceDescription resource, SubresourceDescription subresource, string method, string name) => new(
        method, "connect", subresource.Kind, $"connect{GroupName(resource)}{Pascal(method)}{name}",
        $"Connects to the {subresource.Name} of the {resource.Kind.Kind}.", ApiParameter.OfSubresource(subresource.Kind.Kind), null,
        IsBodyRequired: false, null, ["200"]);

    private static string Scope(ResourceDescription resource) => resource.IsNamespaced ? "Namespaced" : "";

    /// <summary><c>rbac.authorization.k8s.io/v1</c> is RbacAuthorizationV1.</summary>
    private static string GroupName(ResourceDescription resource)
    {
        string group = resource.Group.Length == 0 ? "core" : resource.Group.Replace(".k8s.io", "", StringComparison.Ordinal);
        return string.Concat(group.Split('.').Select(Pascal)) + Pascal(resource.Version);
    }

    private static string Pascal(string word) => char.ToUpper(word[0], CultureInfo.InvariantCulture) + word[1..];
}
