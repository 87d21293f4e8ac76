namespace Orchestrator.Api;

/// <summary>A method on a path, as both versions of OpenAPI describe it.</summary>
/// <param name="Method">In lower case.</param>
/// <param name="Action">What <c>x-kubernetes-action</c> says: <c>get</c>, <c>list</c>, <c>post</c>, <c>connect</c>, ...</param>
/// <param name="Kind">What it is done to.</param>
/// <param name="Id">A name that no other operation has.</param>
/// <param name="Summary">A sentence.</param>
/// <param name="Parameters">In the query.</param>
/// <param name="Body">The body's definition; null where there is none.</param>
/// <param name="IsBodyRequired">Deletions may go without theirs.</param>
/// <param name="Response">The answer's definition; null where it is plain text or a stream.</param>
/// <param name="SuccessCodes">HTTP statuses.</param>
internal sealed record ApiOperation(
    string Method,
    string Action,
    GroupVersionKind Kind,
    string Id,
    string Summary,
    IReadOnlyList<ApiParameter> Parameters,
    string? Body,
    bool IsBodyRequired,
    string? Response,
    IReadOnlyList<string> SuccessCodes)
{
    /// <summary>The forms of a patch that a server takes, in OpenAPI's order.</summary>
    public static readonly IReadOnlyList<string> PatchTypes =
    [
        "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ];

    public bool IsPatch => Action == "patch";

    /// <summary>Its answer may be a stream of changes.</summary>
    public bool IsList => Action == "list";
}

/// <param name="Path">As a template: <c>/api/v1/namespaces/{namespace}/pods/{name}</c>.</param>
/// <param name="Group">Of the resource.</param>
/// <param name="Version">Of the resource.</param>
/// <param name="Parameters">Shared by all of its operations.</param>
/// <param name="Operations">In the order of their methods' names.</param>
internal sealed record ApiPath(
    string Path, string Group, string Version, IReadOnlyList<ApiParameter> Parameters, IReadOnlyList<ApiOperation> Operations);
