using System.Globalization;
using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Wal;

/// <summary>
/// Reads a whole log and decides what of it counts. Changes nothing on the disk: what is to be repaired is a result.
/// </summary>
internal sealed class LogReplay(IDisk disk, string directory, SegmentReader reader)
{
    private readonly BatchChanges _changes = new();
    private readonly List<IFile> _files = [];
    private LogState? _state;

    // As of the record read last; the state moves on by whole batches.
    private EntryId _last;
    private ulong _fixedIndex;

    public List<Segment> Segments { get; } = [];

    public LogState State => _state!;

    public WalIdentity Identity { get; private set; }

    public ulong NextBatch { get; private set; } = 1;

    /// <summary>The checksum of the last record.</summary>
    public uint Chain { get; private set; }

    /// <summary>The end of the last segment.</summary>
    public LogTail Tail { get; private set; } = new(0, null, 0);

    /// <summary>A last segment that ends within its head: it holds nothing yet.</summary>
    public string? EmptySegmentPath { get; private set; }

    public void Run()
    {
        var sequences = ListSegments();
        for (int i = 0; i < sequences.Count; i++)
            if (!TryReadSegment(sequences[i], isLast: i == sequences.Count - 1))
                return;
        // The hard state is written behind the entries it commits, and no commit is ever taken back.
        if (State.HardState.Commit > State.Entries.Last.Index)
            throw new WalException($"the log in '{directory}' ends at index {State.Entries.Last.Index} but has committed index "
                + $"{State.HardState.Commit}: entries are missing; restore the member from a snapshot or from its peers");
    }

    public void CloseFiles()
    {
        foreach (var file in _files)
            file.Dispose();
    }

    /// <summary>The sequences in <paramref name="directory"/>, the oldest first.</summary>
    public static List<ulong> SequencesIn(IDisk disk, string directory)
    {
        var sequences = new List<ulong>();
        foreach (string name in disk.List(directory))
        {
            if (!name.EndsWith(WalFormat.SegmentSuffix, StringComparison.Ordinal))
                continue;
            string number = name[..^WalFormat.SegmentSuffix.Length];
            if (!ulong.TryParse(number, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong sequence)
                || WalFormat.SegmentName(sequence) != name)
                throw new WalException($"'{Path.Combine(directory, name)}' is no segment of this log: its name is no sequence");
            sequences.Add(sequence);
        }
        return sequences;
    }

    private List<ulong> ListSegments()
    {
        var sequences = SequencesIn(disk, directory);
        if (sequences.Count == 0)
            throw new WalException($"'{directory}' holds no write-ahead log");
        // Released segments go one by one, oldest first: no crash leaves a gap.
        for (int i = 1; i < sequences.Count; i++)
            if (sequences[i] != sequences[i - 1] + 1)
                throw new WalException($"the segment '{PathOf(sequences[i - 1] + 1)}' is missing");
        return sequences;
    }

    private string PathOf(ulong sequence) => Path.Combine(directory, WalFormat.SegmentName(sequence));

    private bool TryReadSegment(ulong sequence, bool isLast)
    {
        string path = PathOf(sequence);
        var file = disk.Open(path, FileOpening.Existing);
        _files.Add(file);
        reader.MoveTo(file);
        if (SegmentHead.LengthOf(reader.At(0, SegmentHead.FixedBytes), path) is not { } length || length > reader.Length)
        {
            LeaveOutEmptySegment(path, isLast);
            return false;
        }
        var head = SegmentHead.Decode(reader.At(0, length), path, out uint checksum);
        var segment = new Segment(file, path, sequence, checksum, firstBatchOffset: WalFormat.Padded(length))
        {
            Capacity = reader.Length & -WalFormat.PageBytes,
        };
        Begin(head, segment);
        ReadBatches(segment, isLast);
        return true;
    }

    // Heads are synced before a segment gets its name: such a file was cut, and holds nothing.
    private void LeaveOutEmptySegment(string path, bool isLast)
    {
        if (!isLast || Segments.Count == 0)
            throw new WalException($"'{path}' is damaged: the file ends at {reader.Length}, within the head of the segment");
        EmptySegmentPath = path;
        reader.MoveTo(Segments[^1].File);
        CheckUnwrittenRest(Segments[^1]);
    }

    private void Begin(SegmentHead head, Segment segment)
    {
        if (head.Sequence != segment.Sequence)
            throw new WalException($"'{segment.Path}' is misnamed: its head says {WalFormat.SegmentName(head.Sequence)}");
        if (_state is null)
        {
            _state = new LogState(head);
            Identity = head.Identity;
            NextBatch = head.FirstBatch;
            Chain = head.Chain;
            _last = head.LastEntry;
            _fixedIndex = _state.FixedIndex;
        }
        if (head.Identity != Identity)
            throw new WalException($"'{segment.Path}' belongs to {head.Identity}, the log to {Identity}");
        if (head.FirstBatch != NextBatch || head.Chain != Chain || head.LastEntry != State.Entries.Last
            || head.State != State.HardState)
            throw new WalException($"'{segment.Path}' begins with batch {head.FirstBatch}, the segment before it ends ahead of "
                + $"batch {NextBatch} with entry {State.Entries.Last}: that one is damaged or one of them is another log's");
        Segments.Add(segment);
        Tail = new LogTail(segment.Position, null, 0);
    }

    private void ReadBatches(Segment segment, bool isLast)
    {
        while (!WalFormat.IsUnwritten(reader.At(segment.Position, WalFormat.SectorBytes)))
            if (!TryReadBatch(segment, isLast))
                return;
        if (isLast)
            CheckUnwrittenRest(segment);
    }

    /// <returns>False when the batch is torn.</returns>
    private bool TryReadBatch(Segment segment, bool isLast)
    {
        long offset = segment.Position;
        var sector = reader.At(offset, WalFormat.SectorBytes);
        if (isLast && sector.Length < WalFormat.BatchHeaderBytes)
        {
            Tail = Tail with { DirtyEnd = reader.Length };
            return false;
        }
        if (!WalFormat.TryReadBatchHeader(sector, segment.HeadChecksum, out var header))
            throw Damaged(segment, offset, "the header of a batch fails its check");
        if (header.Sequence != NextBatch || header.Chain != Chain)
            throw Damaged(segment, offset, $"batch {header.Sequence} stands where batch {NextBatch} belongs");
        var batch = reader.At(offset, header.Length);
        int whole = ReadRecords(segment, batch);
        State.Apply(_changes, segment, offset);
        if (whole < header.Length)
            CheckTorn(segment, header, batch, whole, isLast);
        if (whole > WalFormat.BatchHeaderBytes)
            Include(segment, header with { Length = whole, SectorCount = WalFormat.CountSectors(batch[..whole]) });
        if (whole < header.Length)
            Tail = Tail with { DirtyEnd = offset + WalFormat.Padded(header.Length) };
        return whole == header.Length;
    }

    private void Include(Segment segment, in BatchHeader batch)
    {
        NextBatch++;
        Tail = new LogTail(segment.Position, batch, 0);
        segment.Position = Tail.Position;
    }

    /// <returns>Where in the batch the last whole record ends.</returns>
    private int ReadRecords(Segment segment, ReadOnlySpan<byte> batch)
    {
        _changes.Clear();
        int offset = WalFormat.BatchHeaderBytes;
        while (offset < batch.Length)
        {
            int start = offset;
            uint chainBefore = Chain;
            uint chain = Chain;
            if (!WalFormat.TryReadRecord(batch, ref offset, ref chain, out var type, out var body))
                break;
            Chain = chain;
            if (!TryInterpret(type, body, start, offset - start, chainBefore))
                throw Damaged(segment, segment.Position + start,
                    $"a record of type {(byte)type} passes its check but makes no sense here; perhaps a newer build wrote it");
        }
        return offset;
    }

    private bool TryInterpret(RecordType type, ReadOnlySpan<byte> body, int offset, int length, uint chainBefore)
    {
        switch (type)
        {
            case RecordType.Entry when body.Length >= WalFormat.EntryFieldsBytes:
                var id = WalFormat.ReadEntryId(body);
                bool isPossible = id.Index > _fixedIndex && id.Index <= _last.Index + 1;
                _last = id;
                _changes.AddEntry(id, offset, length, chainBefore);
                return isPossible;
            case RecordType.HardState when body.Length == WalFormat.HardStateBytes:
                var state = WalFormat.ReadHardState(body);
                _fixedIndex = Math.Max(_fixedIndex, state.Commit);
                _changes.AddHardState(state);
                return true;
            case RecordType.Mark or RecordType.Restart when MarkCodec.TryRead(body) is { } mark:
                _fixedIndex = Math.Max(_fixedIndex, mark.Applied.Index);
                if (type == RecordType.Restart)
                    _last = mark.Applied;
                _changes.AddMark(mark, type);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Takes a batch that is not whole for torn only if that is proven, see <see cref="WalFormat"/>.</summary>
    private void CheckTorn(Segment segment, in BatchHeader header, ReadOnlySpan<byte> batch, int whole, bool isLast)
    {
        long offset = segment.Position;
        bool isCutShort = batch.Length < header.Length || WalFormat.CountSectors(batch) < header.SectorCount;
        if (!isLast || !isCutShort)
            throw Damaged(segment, offset + whole, "a record fails its check");
        // Only one batch is on its way at a time.
        long end = offset + WalFormat.Padded(header.Length);
        for (long next = end; next < reader.Length; next += WalFormat.PageBytes)
            if (!WalFormat.IsUnwritten(reader.At(next, WalFormat.SectorBytes)))
                throw Damaged(segment, offset + whole, $"a record fails its check, and more was written behind it, at {next}");
    }

    /// <summary>Finds what is left of a batch whose header did not reach the disk, in what should be zeros.</summary>
    private void CheckUnwrittenRest(Segment segment)
    {
        long dirtyEnd = 0;
        for (long offset = segment.Position; offset < reader.Length; offset += WalFormat.PageBytes)
        {
            var page = reader.At(offset, WalFormat.PageBytes);
            int last = page.LastIndexOfAnyExcept((byte)0);
            if (last < 0)
                continue;
            dirtyEnd = offset + last + 1;
            if (WalFormat.TryReadBatchHeader(page, segment.HeadChecksum, out var header) && header.Sequence > NextBatch)
                throw Damaged(segment, segment.Position, $"batch {NextBatch} is missing, batch {header.Sequence} is at {offset}");
        }
        if (dirtyEnd > 0)
            Tail = Tail with { DirtyEnd = dirtyEnd };
    }

    private static WalException Damaged(Segment segment, long offset, string what) =>
        new($"'{segment.Path}' is damaged at offset {offset}: {what}; nothing was changed. Restore the member from a snapshot, "
            + "or remove it from its cluster and add it anew");
}
