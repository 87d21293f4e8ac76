using System.Globalization;

namespace KvStore.Server.Configuration;

/// <summary>History that a member drops by itself: none, what is older than a period, or all but the last revisions.</summary>
public sealed record AutoCompaction
{
    public static readonly AutoCompaction Off = new();

    private AutoCompaction()
    {
    }

    /// <summary>Age from which history is dropped; null where revisions count, or nothing does.</summary>
    public TimeSpan? Period { get; private init; }

    /// <summary>Number of revisions kept; null where a period counts, or nothing does.</summary>
    public long? Revisions { get; private init; }

    /// <param name="mode">periodic or revision.</param>
    /// <param name="retention">A duration; a plain number is hours, or revisions.</param>
    /// <exception cref="ConfigurationException">With etcd's text where it has one.</exception>
    public static AutoCompaction Parse(string mode, string retention)
    {
        bool isNumber = long.TryParse(retention, NumberStyles.None, CultureInfo.InvariantCulture, out long number);
        return mode switch
        {
            "revision" when isNumber => number == 0 ? Off : new AutoCompaction { Revisions = number },
            "revision" => throw new ConfigurationException(
                $"--auto-compaction-retention {GoSyntax.Quote(retention)} must be a number of revisions when "
                + "--auto-compaction-mode is revision"),
            "periodic" => OfPeriod(isNumber ? TimeSpan.FromHours(Math.Min(number, 1_000_000)) : ParsePeriod(retention)),
            "" => throw new ConfigurationException("undefined auto-compaction-mode"),
            _ => throw new ConfigurationException($"unknown auto-compaction-mode {GoSyntax.Quote(mode)}"),
        };
    }

    private static AutoCompaction OfPeriod(TimeSpan period) =>
        period == TimeSpan.Zero ? Off : new AutoCompaction { Period = period };

    private static TimeSpan ParsePeriod(string retention)
    {
        if (!GoSyntax.TryParseDuration(retention, out TimeSpan period))
        {
            throw new ConfigurationException(
                $"error parsing CompactionRetention: time: invalid duration {GoSyntax.Quote(retention)}");
        }
        if (period < TimeSpan.Zero)
            throw new ConfigurationException($"--auto-compaction-retention must not be negative (set to {retention})");
        return period;
    }
}
