using System.Globalization;
using System.Text.RegularExpressions;

namespace KvStore.Benchmarks.Reports;

/// <summary>A ratio of ours to etcd's that must be reached: <c>put/1000 cpu &lt;= 0.6</c>.</summary>
internal sealed partial record Floor(string Row, Metric Metric, bool IsUpperLimit, double Limit)
{
    /// <summary>What the store is held to by default (<c>--check all</c>).</summary>
    public static readonly IReadOnlyList<Floor> All =
    [
        Parse("put/1000 cpu <= 0.6"),
        Parse("range-linearizable/1000 cpu <= 0.6"),
        Parse("put/1 p50 <= 1.0"),
        Parse("watch/1 rate >= 1.0"),
        Parse("watch/100 rate >= 1.0"),
        Parse("watch/1000 rate >= 1.0"),
        Parse("million/load p99 <= 1.0"),
        Parse("million/load rss <= 0.6"),
        Parse("million/load directory <= 0.8"),
        Parse("million/restart restart <= 0.3"),
        Parse("slowdisk/slowed/ranges p99 <= 0.1"),
        Parse("slowdisk/slowed/puts rate >= 1.0"),
        Parse("cluster/put/100 cpu <= 0.7"),
        Parse("cluster/put/1000 cpu <= 0.7"),
        Parse("cluster/put/100 rate >= 1.3"),
        Parse("cluster/put/1000 rate >= 1.3"),
        Parse("cluster/range-linearizable/1000 cpu <= 0.8"),
    ];

    /// <exception cref="BenchmarkException">The text is no floor.</exception>
    public static Floor Parse(string text)
    {
        var match = Grammar().Match(text);
        if (!match.Success || Metric.Named(match.Groups["metric"].Value) is not { } metric)
        {
            string names = string.Join(", ", Metric.All.Select(known => known.Name));
            throw new BenchmarkException(
                $"'{text}' is no floor: write \"ROW METRIC <= RATIO\" (or >=), \"put/1000 cpu <= 0.6\" say; metrics are " +
                $"{names}.");
        }
        double limit = double.Parse(match.Groups["limit"].Value, CultureInfo.InvariantCulture);
        return new Floor(match.Groups["row"].Value, metric, match.Groups["relation"].Value == "<=", limit);
    }

    /// <summary>Whether the report reaches the floor; null where it has no such ratio.</summary>
    public bool? IsReached(Report report) =>
        report.Ratio(Row, Metric) is { } ratio ? (IsUpperLimit ? ratio <= Limit : ratio >= Limit) : null;

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Row} {Metric.Name} {(IsUpperLimit ? "<=" : ">=")} {Limit}");

    [GeneratedRegex(@"^\s*(?<row>\S+)\s+(?<metric>\w+)\s*(?<relation><=|>=)\s*(?<limit>\d+(\.\d+)?)\s*$")]
    private static partial Regex Grammar();
}
