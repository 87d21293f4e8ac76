using KvStore.Benchmarks.Reports;
using KvStore.Server.Bench.Results;

namespace KvStore.Benchmarks.Scenarios;

/// <summary>A load's own figures and those of the server under it.</summary>
internal sealed record MeasuredLoad(LoadResult Result, TimeSpan ServerProcessorTime, long ServerResidentBytes)
{
    private const double BytesPerMebibyte = 1 << 20;

    public (Metric, double)[] Values =>
        [.. ValuesOf(Result.Main), (Metric.Cpu, CpuPer100K), (Metric.Rss, ServerResidentBytes / BytesPerMebibyte)];

    private double CpuPer100K => ServerProcessorTime.TotalSeconds * 100_000 / Math.Max(1, Result.Main.Completed);

    public static (Metric, double)[] ValuesOf(GroupResult group) =>
    [
        (Metric.Rate, group.PerSecond),
        (Metric.P50, group.Latency.Percentile(50).TotalMilliseconds),
        (Metric.P99, group.Latency.Percentile(99).TotalMilliseconds),
    ];
}
