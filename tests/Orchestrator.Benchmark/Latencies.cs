using System.Globalization;

namespace Orchestrator.Benchmark;

/// <summary>Times of single things, in milliseconds.</summary>
internal sealed class Latencies
{
    private readonly List<double> _milliseconds = [];

    public void Add(TimeSpan time)
    {
        lock (_milliseconds)
            _milliseconds.Add(time.TotalMilliseconds);
    }

    public int Count => _milliseconds.Count;

    public double Percentile(double percent)
    {
        lock (_milliseconds)
        {
            double[] sorted = [.. _milliseconds.Order()];
            return sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * percent / 100))];
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"p50 {Percentile(50):0.0} ms, p99 {Percentile(99):0.0} ms, max {Percentile(100):0.0} ms of {Count}");
}
