using System.Numerics;
using KvStore.Raft;

namespace KvStore.Server.Bench.Results;

/// <summary>Counts durations so that every percentile is known to 0.4 %, in constant memory and without sorting.</summary>
/// <remarks>
/// As HdrHistogram does: 256 buckets for each power of two of nanoseconds. What lies beyond 18 minutes counts as that.
/// <code>
/// 0 .. 511 ns: one bucket each      512 .. 1023: two nanoseconds a bucket      1024 .. 2047: four ...
/// </code>
/// </remarks>
public sealed class LatencyHistogram
{
    private const int PrecisionBits = 8;
    private const int LongestBits = 40;
    private const int BucketsPerPower = 1 << PrecisionBits;

    private readonly long[] _counts = new long[(LongestBits - PrecisionBits + 1) * BucketsPerPower];
    private double _sumNanoseconds;
    private long _minimum = long.MaxValue, _maximum;

    public long Count { get; private set; }

    public TimeSpan Minimum => Count == 0 ? TimeSpan.Zero : FromNanoseconds(_minimum);

    public TimeSpan Maximum => FromNanoseconds(_maximum);

    public TimeSpan Mean => Count == 0 ? TimeSpan.Zero : FromNanoseconds((long)(_sumNanoseconds / Count));

    public void Record(long nanoseconds)
    {
        nanoseconds = Math.Clamp(nanoseconds, 0, (1L << LongestBits) - 1);
        _counts[BucketOf(nanoseconds)]++;
        _sumNanoseconds += nanoseconds;
        _minimum = Math.Min(_minimum, nanoseconds);
        _maximum = Math.Max(_maximum, nanoseconds);
        Count++;
    }

    /// <summary>Counts what <paramref name="other"/> has counted too.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int bucket = 0; bucket < _counts.Length; bucket++)
            _counts[bucket] += other._counts[bucket];
        _sumNanoseconds += other._sumNanoseconds;
        _minimum = Math.Min(_minimum, other._minimum);
        _maximum = Math.Max(_maximum, other._maximum);
        Count += other.Count;
    }

    /// <summary>The duration that <paramref name="percent"/> of the recorded ones do not exceed.</summary>
    public TimeSpan Percentile(double percent)
    {
        Invariant.Holds(percent is > 0 and <= 100);
        long rank = (long)Math.Ceiling(Count * (percent / 100));
        long seen = 0;
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= rank && seen > 0)
                return FromNanoseconds(Math.Clamp(UpperEnd(bucket), _minimum, _maximum));
        }
        return TimeSpan.Zero;
    }

    public void Clear()
    {
        Array.Clear(_counts);
        _sumNanoseconds = 0;
        (_minimum, _maximum, Count) = (long.MaxValue, 0, 0);
    }

    private static int BucketOf(long nanoseconds)
    {
        int shift = Math.Max(0, BitOperations.Log2((ulong)nanoseconds | 1) - PrecisionBits);
        return shift * BucketsPerPower + (int)(nanoseconds >> shift);
    }

    /// <summary>The inverse of <see cref="BucketOf"/>: the largest duration that falls into the bucket.</summary>
    private static long UpperEnd(int bucket)
    {
        int shift = Math.Max(0, bucket / BucketsPerPower - 1);
        long leading = bucket - shift * BucketsPerPower;
        return ((leading + 1) << shift) - 1;
    }

    private static TimeSpan FromNanoseconds(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick);
}
