namespace KvStore.Benchmarks.Reports;

/// <summary>What can be measured of a server, with the unit in which it is reported.</summary>
internal sealed record Metric(string Name, string Unit, string Format)
{
    public static readonly Metric Rate = new("rate", "/s", "N0");

    public static readonly Metric P50 = new("p50", "ms", "0.000");

    public static readonly Metric P99 = new("p99", "ms", "0.000");

    /// <summary>The server's processor seconds for 100,000 requests.</summary>
    public static readonly Metric Cpu = new("cpu", "s/100k", "0.00");

    public static readonly Metric Rss = new("rss", "MiB", "N0");

    /// <summary>From kill -9 and a new start to the first linearizable read.</summary>
    public static readonly Metric Restart = new("restart", "s", "0.000");

    public static readonly Metric Directory = new("directory", "MiB", "N0");

    public static readonly IReadOnlyList<Metric> All = [Rate, P50, P99, Cpu, Rss, Restart, Directory];

    public static Metric? Named(string name) => All.FirstOrDefault(metric => metric.Name == name);
}
