namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>The kernel's mounts.</summary>
internal sealed class LinuxMounts : IMounts
{
    private const string Table = "/proc/self/mountinfo";
    private const int UnmountTries = 50;
    private static readonly TimeSpan UnmountPause = TimeSpan.FromMilliseconds(20);

    public IReadOnlyList<string> Below(string folder) => Below(File.ReadLines(Table), folder);

    /// <param name="table">Lines of mountinfo.</param>
    public static IReadOnlyList<string> Below(IEnumerable<string> table, string folder) =>
    [
        .. table.Select(line => line.Split(' ')).Where(fields => fields.Length > 4).Select(fields => Unescaped(fields[4]))
            .Where(path => path == folder || path.StartsWith(folder + "/", StringComparison.Ordinal)),
    ];

    public void MountMemory(string folder, string options)
    {
        try
        {
            LinuxFiles.MountNew("tmpfs", folder, options.Length == 0 ? "noswap" : options + ",noswap");
        }
        catch (IOException e) when (LinuxFiles.ErrorOf(e) == LinuxFiles.InvalidArgument)
        {
            LinuxFiles.MountNew("tmpfs", folder, options); // Before Linux 6.4 what is in memory may be swapped out.
        }
    }

    public void MountHugePages(string folder, string options) => LinuxFiles.MountNew("hugetlbfs", folder, options);

    public void Bind(string source, string target, bool isRecursive) => LinuxFiles.Bind(source, target, isRecursive);

    public void Unmount(string target)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                LinuxFiles.Unmount(target);
                return;
            }
            catch (IOException e) when (LinuxFiles.ErrorOf(e) == LinuxFiles.Busy && tries < UnmountTries)
            {
                Thread.Sleep(UnmountPause); // What was killed takes a moment to be gone.
            }
        }
    }

    /// <summary>Blanks, line ends and backslashes are written as their octal numbers.</summary>
    private static string Unescaped(string path)
    {
        if (!path.Contains('\\', StringComparison.Ordinal))
            return path;
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < path.Length; i++)
        {
            if (path[i] == '\\' && i + 3 < path.Length && path.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                text.Append((char)(((path[i + 1] - '0') << 6) | ((path[i + 2] - '0') << 3) | (path[i + 3] - '0')));
                i += 3;
            }
            else
            {
                text.Append(path[i]);
            }
        }
        return text.ToString();
    }
}
