using System.Text.RegularExpressions;

namespace Orchestrator.Host.Machine;

/// <summary>What containerd wrote when it could not begin, as a line that says what to do.</summary>
internal static partial class ContainerdComplaint
{
    /// <summary>Parts without which nothing runs and which find below containerd's root what they have kept there; the first cause first, as
    /// those behind it fail for want of it.</summary>
    private static readonly string[] Keepers = ["io.containerd.content.v1.content", "io.containerd.metadata.v1.bolt"];

    /// <summary>What else CRI needs, which may also be the machine's fault, and what speaks it: up to containerd 1.7, and since 2.0.</summary>
    private static readonly string[] Others =
        ["io.containerd.snapshotter.v1.overlayfs", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"];

    /// <summary>What the library of its databases says of a file that is none, of another version of its format, or is damaged. It opens
    /// the database of containers' files when it first needs it.</summary>
    private static readonly string[] BoltsWords = ["invalid database", "version mismatch", "checksum error"];

    /// <param name="lines">Of its log, since it was started.</param>
    /// <returns>Null if nothing that it wrote is known to keep it from running.</returns>
    public static string? In(IReadOnlyList<string> lines, NodePlace place)
    {
        var failed = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Match match in lines.Select(line => Plugin().Match(line)).Where(match => match.Success))
            failed.TryAdd(match.Groups["id"].Value, match.Groups["error"].Value.Replace("\\\"", "\"", StringComparison.Ordinal));
        if (Array.Find(Keepers, failed.ContainsKey) is { } keeper)
            return Unreadable(keeper == Keepers[^1] ? "its database " + place.ContainerdDatabase : "its folder " + Path.Combine(place.ContainerdRoot, keeper), failed[keeper], place);
        // It ends in the middle of a look at its database, which is mapped into its memory.
        if (lines.FirstOrDefault(IsPanic) is { } panic && lines.Any(line => line.Contains("bbolt.", StringComparison.Ordinal)))
        {
            bool isOfSnapshots = lines.Any(line => line.Contains("/snapshots/storage.", StringComparison.Ordinal));
            return Unreadable("its database " + (isOfSnapshots ? place.ContainerdSnapshots : place.ContainerdDatabase), panic, place);
        }
        return Array.Find(Others, failed.ContainsKey) is { } part ? $"its part {part} cannot begin: {failed[part]}" : null;
    }

    /// <summary>containerd runs, but refuses what every node begins with.</summary>
    /// <param name="words">Its own.</param>
    public static string OfRefusal(string words, NodePlace place) =>
        Array.Exists(BoltsWords, word => words.Contains(word, StringComparison.Ordinal))
            ? "containerd cannot run containers: " + Unreadable("its database " + place.ContainerdSnapshots, words, place)
            : $"containerd cannot run containers: {words}";

    private static string Unreadable(string what, string reason, NodePlace place) =>
        $"{what} is damaged or of another format ({reason}): stop the cluster, remove the folder {place.ContainerdRoot} and start the cluster again; "
        + "containers are then made anew and images pulled (what was imported has to be imported again), objects and the data of claims stay";

    private static bool IsPanic(string line) =>
        line.StartsWith("panic: ", StringComparison.Ordinal) || line.StartsWith("fatal error: ", StringComparison.Ordinal);

    /// <summary>containerd 1 names the plugin in the message, containerd 2 beside it.</summary>
    [GeneratedRegex("""msg="failed to load plugin(?: (?<id>[^ "]+))?" error="(?<error>(?:[^"\\]|\\.)*)"(?: id=(?<id>\S+))?""")]
    private static partial Regex Plugin();
}
