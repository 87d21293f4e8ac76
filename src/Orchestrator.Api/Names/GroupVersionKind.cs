namespace Orchestrator.Api;

/// <summary>A kind's full name; the core group's name is empty.</summary>
public readonly record struct GroupVersionKind(string Group, string Version, string Kind)
{
    /// <summary>As documents say it: <c>apps/v1</c>, or <c>v1</c> for the core group.</summary>
    public string ApiVersion => ApiVersions.Join(Group, Version);

    public GroupKind GroupKind => new(Group, Kind);

    /// <summary>Takes a document's two fields: <c>Parse("apps/v1", "Deployment")</c>.</summary>
    /// <exception cref="FormatException">The version has more than one slash.</exception>
    public static GroupVersionKind Parse(string? apiVersion, string? kind)
    {
        var (group, version) = ApiVersions.Split(apiVersion ?? "");
        return new GroupVersionKind(group, version, kind ?? "");
    }

    /// <summary>As Kubernetes' messages say it.</summary>
    public override string ToString() => $"{ApiVersion}, Kind={Kind}";
}
