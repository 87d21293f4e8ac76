using System.Globalization;

namespace KvStore.Server.Bench.Results;

/// <summary>A result for the eye.</summary>
internal static class ResultText
{
    public static void Write(LoadResult result, TextWriter output)
    {
        foreach (var group in result.Groups)
        {
            output.WriteLine($"{result.Workload}: {group.Completed:N0} {group.Name} in {group.Elapsed.TotalSeconds:0.00} s, " +
                $"{group.PerSecond:N0}/s, " +
                $"{group.Clients:N0} clients on {group.Connections:N0} connections, {group.Failed:N0} errors");
            output.WriteLine($"  latency: {Latency(group.Latency)}");
            foreach (var (text, count) in group.Errors)
                output.WriteLine($"  {count:N0} x {text}");
        }
        long completed = result.Groups.Sum(group => group.Completed);
        output.WriteLine($"  generator: {result.ClientProcessorTime.TotalSeconds:0.00} s of processor time" +
            (completed > 0 ? $", {result.ClientProcessorTime.TotalSeconds * 100_000 / completed:0.00} s per 100k" : ""));
    }

    private static string Latency(LatencyHistogram latency) =>
        $"min {Milliseconds(latency.Minimum)}, mean {Milliseconds(latency.Mean)}, p50 {Milliseconds(latency.Percentile(50))}, " +
        $"p90 {Milliseconds(latency.Percentile(90))}, p99 {Milliseconds(latency.Percentile(99))}, " +
        $"p99.9 {Milliseconds(latency.Percentile(99.9))}, max {Milliseconds(latency.Maximum)} ms";

    private static string Milliseconds(TimeSpan time) => time.TotalMilliseconds.ToString("0.000", CultureInfo.InvariantCulture);
}
