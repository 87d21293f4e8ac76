namespace Orchestrator.Api;

/// <summary>A resource of the API: what paths, discovery and storage call it, and what can be done with it.</summary>
public sealed record ResourceDescription
{
    public required string Group { get; init; }

    public required string Version { get; init; }

    /// <summary>The name in paths: <c>deployments</c>.</summary>
    public required string Plural { get; init; }

    public required string Singular { get; init; }

    public required GroupVersionKind Kind { get; init; }

    public IReadOnlyList<string> ShortNames { get; init; } = [];

    public IReadOnlyList<string> Categories { get; init; } = [];

    public required bool IsNamespaced { get; init; }

    /// <summary>In alphabetical order.</summary>
    public required IReadOnlyList<string> Verbs { get; init; }

    /// <summary>In the order of their names.</summary>
    public IReadOnlyList<SubresourceDescription> Subresources { get; init; } = [];

    /// <summary>Where its objects' keys begin (<c>/registry/pods/</c>); null for what is not stored.</summary>
    public string? StoragePrefix { get; init; }

    public string ApiVersion => ApiVersions.Join(Group, Version);

    public GroupVersionResource GroupVersionResource => new(Group, Version, Plural);

    public GroupResource GroupResource => new(Group, Plural);

    public bool Allows(string verb) => Verbs.Contains(verb);

    public SubresourceDescription? Subresource(string name) => Subresources.FirstOrDefault(subresource => subresource.Name == name);

    public override string ToString() => GroupVersionResource.ToString();
}

/// <summary>What is below an object: its <c>status</c>, <c>scale</c>, <c>log</c>.</summary>
public sealed record SubresourceDescription(string Name, GroupVersionKind Kind, IReadOnlyList<string> Verbs);
