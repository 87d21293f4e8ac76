namespace Orchestrator.Runtime.Security.Kubeconfigs;

/// <summary>Which files kubectl reads and writes.</summary>
public static class KubeconfigPaths
{
    /// <summary>All files of $KUBECONFIG, or ~/.kube/config alone.</summary>
    public static IReadOnlyList<string> All(string? environmentValue, string homeDirectory)
    {
        string[] named = (environmentValue ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return named.Length > 0 ? [.. named.Distinct()] : [Path.Combine(homeDirectory, ".kube", "config")];
    }

    /// <summary>Where new entries go: the first file that exists, else the last one.</summary>
    public static string ToWrite(string? environmentValue, string homeDirectory)
    {
        var all = All(environmentValue, homeDirectory);
        return all.FirstOrDefault(File.Exists) ?? all[^1];
    }

    /// <summary>The same by this process's environment.</summary>
    public static string ToWrite() => ToWrite(Environment.GetEnvironmentVariable("KUBECONFIG"), Home());

    public static IReadOnlyList<string> All() => All(Environment.GetEnvironmentVariable("KUBECONFIG"), Home());

    private static string Home() => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
}
