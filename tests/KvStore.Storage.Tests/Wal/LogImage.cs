using System.Buffers.Binary;
using KvStore.Raft;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using static KvStore.Storage.Tests.Wal.LogScript;

namespace KvStore.Storage.Tests.Wal;

/// <summary>
/// A log of exactly 64 KiB in four segments as bytes, taken apart by a reader that shares no code with the log's own.
/// </summary>
internal sealed class LogImage
{
    public const int SegmentBytes = 16 << 10;

    private LogImage(List<byte[]> segments)
    {
        Segments = segments;
        for (int i = 0; i < segments.Count; i++)
            Parse(i);
    }

    /// <summary>The files, the oldest first.</summary>
    public List<byte[]> Segments { get; }

    public List<Region> Regions { get; } = [];

    public List<Record> Records { get; } = [];

    public Region LastBatch => Regions.Last(region => region.Kind == RegionKind.Batch);

    public enum RegionKind
    {
        Head,
        Batch,
        Padding,
    }

    public sealed record Region(RegionKind Kind, int Segment, int Start, int End);

    public sealed record Record(int Segment, int End, int Type, Entry Entry, HardState State, ulong Mark);

    public static LogImage Write()
    {
        var disk = new SimulatedDisk();
        using (var log = Create(disk))
        {
            log.Write(Entries(1, 1, 4, bytes: 700), State(1, 2));
            log.Write(Entries(1, 5, 40, bytes: 60), State(1, 20));
            log.AppendMark(Mark(1, 18, 7, 7, 7));
            log.Write([], State(2, 20));
            log.Write([.. Entries(2, 30, 33, bytes: 900)], State(2, 31));
            // A value of zeros: a whole sector of a batch is zero as it should be.
            log.Write([new Entry(2, 34, EntryType.ConfChangeV2, new byte[1800]), Entry(2, 35, 400)], State(2, 34));
            log.Write(Entries(3, 36, 60, bytes: 90), State(3, 60));
            log.Write([], State(4, 60));
            log.Write(Entries(4, 61, 62, bytes: 1500), null);
            log.AppendMark(Mark(4, 61, 1));
            log.Write(Entries(4, 63, 66, bytes: 30), State(4, 64));
            log.Write(Entries(5, 66, 68, bytes: 0), State(5, 66));
            log.Write([Entry(5, 69, 1100), new Entry(5, 70, EntryType.Normal, new byte[1200]), Entry(5, 71, 300)], State(5, 69));
        }
        var names = disk.List(LogDirectory);
        return new LogImage([.. names.Select(name => disk.BytesOf($"{LogDirectory}/{name}"))]);
    }

    /// <summary>A disk with the first <paramref name="bytes"/> bytes of the log; segments behind the cut are not there.</summary>
    public SimulatedDisk DiskOf(int bytes)
    {
        var disk = new SimulatedDisk();
        for (int i = 0; i < Segments.Count && i * SegmentBytes < bytes; i++)
            disk.Place(PathOf((ulong)i + 1), Segments[i].AsSpan(0, Math.Min(SegmentBytes, bytes - (i * SegmentBytes))));
        return disk;
    }

    /// <summary>What a log with these records must say.</summary>
    public static Content ContentOf(IEnumerable<Record> records)
    {
        var entries = new List<Entry>();
        HardState state = default;
        var marks = new List<ulong>();
        foreach (var record in records)
            switch (record.Type)
            {
                case 1:
                    entries.RemoveRange((int)record.Entry.Index - 1, entries.Count - ((int)record.Entry.Index - 1));
                    entries.Add(record.Entry);
                    break;
                case 2: state = record.State; break;
                default: marks.Add(record.Mark); break;
            }
        return new Content(entries, state, marks);
    }

    /// <summary>Everything a log holds, to be compared.</summary>
    public sealed record Content(IReadOnlyList<Entry> Entries, HardState State, IReadOnlyList<ulong> Marks)
    {
        public static Content Of(WriteAheadLog log) =>
            new(log.All(), log.HardState, [.. log.Marks.Select(mark => mark.Applied.Index)]);

        public bool IsSameAs(Content other)
        {
            if (State != other.State || Entries.Count != other.Entries.Count || !Marks.SequenceEqual(other.Marks))
                return false;
            for (int i = 0; i < Entries.Count; i++)
                if (Entries[i].Id != other.Entries[i].Id || Entries[i].Type != other.Entries[i].Type
                    || !Entries[i].Data.Span.SequenceEqual(other.Entries[i].Data.Span))
                    return false;
            return true;
        }

        public override string ToString() => $"{State} marks [{string.Join(' ', Marks)}] entries {Indexes(Entries)}";
    }

    private void Parse(int segment)
    {
        byte[] bytes = Segments[segment];
        int headEnd = Number(bytes, 12);
        Regions.Add(new Region(RegionKind.Head, segment, 0, headEnd));
        int offset = headEnd;
        for (int start = Page(headEnd); start < bytes.Length && Number(bytes, start) != 0; start = Page(offset))
        {
            Regions.Add(new Region(RegionKind.Padding, segment, offset, start));
            offset = start + Number(bytes, start + 4);
            Regions.Add(new Region(RegionKind.Batch, segment, start, offset));
            for (int record = start + 32; record < offset; record += 9 + Number(bytes, record + 4))
                Records.Add(RecordAt(bytes, segment, record));
        }
        Regions.Add(new Region(RegionKind.Padding, segment, offset, bytes.Length));
    }

    private static Record RecordAt(byte[] bytes, int segment, int start)
    {
        var body = bytes.AsMemory(start + 9, Number(bytes, start + 4));
        int end = start + 9 + body.Length;
        ulong first = Long(body.Span, 0);
        ulong second = Long(body.Span, 8);
        return bytes[start + 8] switch
        {
            1 => new Record(segment, end, 1, new Entry(first, second, (EntryType)body.Span[16], body[17..]), default, 0),
            2 => new Record(segment, end, 2, default, new HardState(first, new NodeId(second), Long(body.Span, 16)), 0),
            _ => new Record(segment, end, 3, default, default, second),
        };
    }

    private static int Page(int offset) => (offset + 4095) / 4096 * 4096;

    private static int Number(byte[] bytes, int offset) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(offset));

    private static ulong Long(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
