using KvStore.Raft;
using KvStore.Storage.Disks;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;

namespace KvStore.Storage.Tests.Wal;

/// <summary>Small builders that the tests of the log share.</summary>
internal static class LogScript
{
    public const string LogDirectory = "/data/wal";

    public static readonly WalIdentity Identity = new(0xC1, 0xA1);

    /// <summary>The smallest useful segment: a head and three pages of batches.</summary>
    public static readonly WalOptions SmallSegments = new() { SegmentBytes = 16 << 10 };

    public static Entry Entry(ulong term, ulong index, int bytes = 20)
    {
        byte[] data = new byte[bytes];
        new SeededRandom((term * 1_000_003) + index).Fill(data);
        return new Entry(term, index, EntryType.Normal, data);
    }

    public static Entry[] Entries(ulong term, ulong first, ulong last, int bytes = 20)
    {
        var entries = new Entry[(int)(last - first + 1)];
        for (int i = 0; i < entries.Length; i++)
            entries[i] = Entry(term, first + (ulong)i, bytes);
        return entries;
    }

    public static HardState State(ulong term, ulong commit, ulong vote = 1) => new(term, new NodeId(vote), commit);

    public static CheckpointMark Mark(ulong term, ulong index, params byte[] checkpoint) => new(
        new EntryId(term, index),
        new ConfState { Voters = [new NodeId(1), new NodeId(2)], Learners = [new NodeId(3)] },
        checkpoint);

    public static WriteAheadLog Create(IDisk disk, WalOptions? options = null) =>
        WriteAheadLog.Create(disk, LogDirectory, Identity, options ?? SmallSegments);

    public static WriteAheadLog Open(IDisk disk, WalOptions? options = null) =>
        WriteAheadLog.Open(disk, LogDirectory, options ?? SmallSegments);

    public static WriteAheadLog Write(this WriteAheadLog log, Entry[] entries, HardState? state = null)
    {
        log.Append(entries, state);
        log.Sync();
        return log;
    }

    public static WriteAheadLog Checkpoint(this WriteAheadLog log, ulong index)
    {
        log.AppendMark(Mark(1, index));
        log.Sync();
        return log;
    }

    public static IReadOnlyList<Entry> All(this WriteAheadLog log) =>
        log.ReadEntries(log.FirstIndex, log.LastIndex + 1, ulong.MaxValue);

    public static string Indexes(IEnumerable<Entry> entries) =>
        string.Join(' ', entries.Select(entry => $"{entry.Term}/{entry.Index}"));

    public static void AssertSame(IReadOnlyList<Entry> expected, IReadOnlyList<Entry> actual)
    {
        Assert.Equal(Indexes(expected), Indexes(actual));
        for (int i = 0; i < expected.Count; i++)
            Assert.True(expected[i].Data.Span.SequenceEqual(actual[i].Data.Span));
    }

    public static string PathOf(ulong sequence) => $"{LogDirectory}/{sequence:x16}.wal";
}
