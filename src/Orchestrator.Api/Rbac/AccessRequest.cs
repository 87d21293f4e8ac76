namespace Orchestrator.Api.Rbac;

/// <summary>What somebody wants to do, as far as authorization looks at it.</summary>
/// <remarks>Absent texts are "": a request for all namespaces has an empty <see cref="Namespace"/>, a list an empty <see cref="Name"/>.</remarks>
public sealed record AccessRequest
{
    public required string User { get; init; }

    public IReadOnlyCollection<string> Groups { get; init; } = [];

    /// <summary>get, list, watch, create, update, patch, delete, deletecollection, or a special one as bind and impersonate;
    /// for a path the HTTP method in lower case.</summary>
    public required string Verb { get; init; }

    public string Group { get; init; } = "";

    public string Resource { get; init; } = "";

    public string Subresource { get; init; } = "";

    public string Namespace { get; init; } = "";

    public string Name { get; init; } = "";

    /// <summary>The URL's path; rules look at it only when this is no resource request.</summary>
    public string Path { get; init; } = "";

    public bool IsResourceRequest { get; init; } = true;

    /// <summary>"pods" or "pods/log".</summary>
    public string CombinedResource => Subresource.Length == 0 ? Resource : $"{Resource}/{Subresource}";

    /// <summary>The sentence of a 403: <c>User "x" cannot list resource "pods" in API group "" in the namespace "default"</c>.</summary>
    public string Refusal()
    {
        string user = Quoted.Text(User);
        if (!IsResourceRequest)
            return $"User {user} cannot {Verb} path {Quoted.Text(Path)}";
        string scope = Namespace.Length == 0 ? "at the cluster scope" : $"in the namespace {Quoted.Text(Namespace)}";
        return $"User {user} cannot {Verb} resource {Quoted.Text(CombinedResource)} in API group {Quoted.Text(Group)} {scope}";
    }

    /// <summary>The same with why the authorizers could not say more, if they could not.</summary>
    public string Refusal(string? reason) => string.IsNullOrEmpty(reason) ? Refusal() : $"{Refusal()}: {reason}";
}
