namespace Orchestrator.Api;

/// <summary>The two halves of <c>apps/v1</c>; the core group has none before the slash, and no slash.</summary>
public static class ApiVersions
{
    public static string Join(string group, string version) => group.Length == 0 ? version : $"{group}/{version}";

    /// <exception cref="FormatException">There is more than one slash.</exception>
    public static (string Group, string Version) Split(string apiVersion)
    {
        int slash = apiVersion.IndexOf('/');
        if (slash < 0)
            return ("", apiVersion);
        return apiVersion.IndexOf('/', slash + 1) < 0
            ? (apiVersion[..slash], apiVersion[(slash + 1)..])
            : throw new FormatException($"unexpected GroupVersion string: {apiVersion}");
    }
}
