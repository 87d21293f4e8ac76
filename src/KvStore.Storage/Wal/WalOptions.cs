namespace KvStore.Storage.Wal;

public sealed record WalOptions
{
    public static readonly WalOptions Default = new();

    /// <summary>
    /// The size of a segment file; a multiple of 4 KiB, at least three of them. A record that is larger makes its segment larger.
    /// </summary>
    public long SegmentBytes { get; init; } = 32 << 20;

    /// <summary>
    /// What one write and sync may carry: more than that is split, so that a torn write never spans much of a segment.
    /// </summary>
    internal int BatchLimitBytes => (int)Math.Min(4 << 20, (SegmentBytes - WalFormat.PageBytes) / 2);

    internal void Check()
    {
        if (SegmentBytes < 3 * WalFormat.PageBytes || SegmentBytes % WalFormat.PageBytes != 0)
            throw new ArgumentException($"a segment of {SegmentBytes} bytes: it must be a multiple of 4096, at least 12288");
    }
}
