using KvStore.Server.Bench.Results;

namespace KvStore.Server.Tests.Bench;

public class LatencyHistogramTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Percentiles_are_those_of_the_sorted_values(int seed)
    {
        var random = new Random(seed);
        var histogram = new LatencyHistogram();
        var values = new List<long>();
        for (int i = 0; i < 20_000; i++)
        {
            // Evenly over the powers of two, from 100 ns to 18 minutes.
            long value = (long)(100 * Math.Pow(2, random.NextDouble() * 33));
            values.Add(value);
            histogram.Record(value);
        }
        values.Sort();

        foreach (double percent in (double[])[0.1, 1, 50, 90, 99, 99.9, 99.99, 100])
        {
            long exact = values[(int)Math.Ceiling(values.Count * (percent / 100)) - 1];
            double found = histogram.Percentile(percent).TotalNanoseconds;
            Assert.InRange(found, exact - 100, exact * 1.004 + 100);
        }
        Assert.Equal(values[0] / 100, histogram.Minimum.Ticks);
        Assert.Equal(values[^1] / 100, histogram.Maximum.Ticks);
        Assert.Equal(values.Average() / 100, histogram.Mean.Ticks, tolerance: 1);
    }

    [Fact]
    public void An_empty_histogram_has_zeros()
    {
        var histogram = new LatencyHistogram();

        Assert.Equal(TimeSpan.Zero, histogram.Minimum);
        Assert.Equal(TimeSpan.Zero, histogram.Percentile(50));
        Assert.Equal(TimeSpan.Zero, histogram.Maximum);
    }

    [Fact]
    public void Values_beyond_its_range_count_at_its_ends()
    {
        var histogram = new LatencyHistogram();

        histogram.Record(-5);
        histogram.Record(long.MaxValue);

        Assert.Equal(TimeSpan.Zero, histogram.Minimum);
        Assert.InRange(histogram.Maximum.TotalMinutes, 18, 19);
    }

    [Fact]
    public void Histograms_add_up()
    {
        LatencyHistogram all = new(), even = new(), odd = new();
        for (int i = 0; i < 1000; i++)
        {
            all.Record(i * 997);
            (i % 2 == 0 ? even : odd).Record(i * 997);
        }

        even.Add(odd);

        Assert.Equal((all.Count, all.Minimum, all.Maximum, all.Mean), (even.Count, even.Minimum, even.Maximum, even.Mean));
        Assert.Equal(all.Percentile(99), even.Percentile(99));
    }

    [Fact]
    public void A_cleared_histogram_has_forgotten_everything()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(1_000_000);

        histogram.Clear();
        histogram.Record(2_000_000);

        Assert.Equal(1, histogram.Count);
        Assert.Equal(TimeSpan.FromMilliseconds(2), histogram.Percentile(1));
    }
}
