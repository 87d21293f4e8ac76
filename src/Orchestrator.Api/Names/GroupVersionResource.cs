namespace Orchestrator.Api;

/// <summary>A resource's full name, as paths have it: <c>apps</c>, <c>v1</c>, <c>deployments</c>.</summary>
public readonly record struct GroupVersionResource(string Group, string Version, string Resource)
{
    /// <summary>As documents say it: <c>apps/v1</c>, or <c>v1</c> for the core group.</summary>
    public string ApiVersion => ApiVersions.Join(Group, Version);

    public GroupResource GroupResource => new(Group, Resource);

    /// <summary>Takes the version as documents say it: <c>Parse("apps/v1", "deployments")</c>.</summary>
    /// <exception cref="FormatException">The version has more than one slash.</exception>
    public static GroupVersionResource Parse(string apiVersion, string resource)
    {
        var (group, version) = ApiVersions.Split(apiVersion);
        return new GroupVersionResource(group, version, resource);
    }

    /// <summary>As Kubernetes' messages say it.</summary>
    public override string ToString() => $"{Group}/{Version}, Resource={Resource}";
}
