namespace Orchestrator.Host.Machine;

/// <summary>Where this process, and what it starts, looks for programs.</summary>
/// <remarks>Users' PATH often lacks the folders of the administrator's programs, and so does that of a service: nft, ip and runc lie there. The
/// runtime and the network plugins look for theirs by the PATH that they inherit.</remarks>
internal static class ProgramPath
{
    private static readonly string[] Administrators = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

    /// <summary>Adds them behind what is there, for the whole process.</summary>
    public static void Widen() => Environment.SetEnvironmentVariable("PATH", Widened(Environment.GetEnvironmentVariable("PATH") ?? ""));

    internal static string Widened(string path)
    {
        string[] folders = path.Split(':', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(':', folders.Concat(Administrators.Except(folders)));
    }
}
