using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>Packs records into batches, ready to be written as they are. One owner; no allocation per record.</summary>
/// <remarks>
/// <code>
/// _bytes   | header, records, zeros to 4 KiB | header, records, zeros | header, records
///            sealed                            sealed                   open: takes the next record
/// </code>
/// </remarks>
internal sealed class BatchBuffer(int batchLimitBytes, ulong nextSequence, uint chain)
{
    // Enough for what a member that has just started writes.
    private const int InitialBytes = 8 << 10;

    // What one huge batch needed is given back.
    private const int KeptBytes = 8 << 20;

    private readonly Queue<PendingBatch> _sealed = new();
    private readonly Stack<PendingBatch> _unused = new();
    private byte[] _bytes = [];
    private int _end;
    private PendingBatch? _open;

    public void Add(in Entry entry)
    {
        int size = WalFormat.EntryFieldsBytes + entry.Data.Length;
        var record = Reserve(size, out int offset);
        WalFormat.WriteEntryFields(record[WalFormat.RecordHeaderBytes..], entry);
        entry.Data.Span.CopyTo(record[(WalFormat.RecordHeaderBytes + WalFormat.EntryFieldsBytes)..]);
        _open!.Changes.AddEntry(entry.Id, offset, record.Length, chain);
        chain = WalFormat.FinishRecord(record, RecordType.Entry, chain);
    }

    public void Add(HardState state)
    {
        var record = Reserve(WalFormat.HardStateBytes, out _);
        WalFormat.WriteHardState(record[WalFormat.RecordHeaderBytes..], state);
        _open!.Changes.AddHardState(state);
        chain = WalFormat.FinishRecord(record, RecordType.HardState, chain);
    }

    public void Add(CheckpointMark mark, RecordType type)
    {
        var record = Reserve(MarkCodec.SizeOf(mark), out _);
        MarkCodec.Write(record[WalFormat.RecordHeaderBytes..], mark);
        _open!.Changes.AddMark(mark, type);
        chain = WalFormat.FinishRecord(record, type, chain);
    }

    /// <summary>
    /// Ends the open batch: from here on its bytes stay as they are, also when writing them must be tried again.
    /// </summary>
    public void Seal()
    {
        if (_open is null)
            return;
        int paddedEnd = _open.Start + WalFormat.Padded(_open.Length);
        EnsureCapacity(paddedEnd);
        _bytes.AsSpan(_end, paddedEnd - _end).Clear();
        _end = paddedEnd;
        _sealed.Enqueue(_open);
        _open = null;
    }

    /// <summary>The oldest sealed batch, or null.</summary>
    public PendingBatch? Peek() => _sealed.Count > 0 ? _sealed.Peek() : null;

    /// <summary>The padded bytes of a sealed batch, with a header for the segment that it goes to.</summary>
    public ReadOnlySpan<byte> BytesFor(PendingBatch batch, Segment segment)
    {
        var records = _bytes.AsSpan(batch.Start, batch.Length);
        // The header is in the first sector and never all zeros, written or not: fill it in before counting.
        WalFormat.WriteBatchHeader(records, new BatchHeader(batch.Length, batch.Sequence, 1, batch.Chain), segment.HeadChecksum);
        int sectors = WalFormat.CountSectors(records);
        WalFormat.WriteBatchHeader(
            records, new BatchHeader(batch.Length, batch.Sequence, sectors, batch.Chain), segment.HeadChecksum);
        return _bytes.AsSpan(batch.Start, WalFormat.Padded(batch.Length));
    }

    /// <summary>Forgets the oldest sealed batch: it is on disk.</summary>
    public void Remove()
    {
        var batch = _sealed.Dequeue();
        batch.Changes.Clear();
        _unused.Push(batch);
        if (_sealed.Count > 0 || _open is not null)
            return;
        _end = 0;
        if (_bytes.Length > KeptBytes)
            _bytes = [];
    }

    private Span<byte> Reserve(int bodySize, out int offset)
    {
        int size = WalFormat.RecordHeaderBytes + bodySize;
        Invariant.Holds(bodySize <= WalFormat.RecordLimitBytes);
        if (_open is not null && _open.Length + size > batchLimitBytes)
            Seal();
        var batch = _open ?? Start();
        EnsureCapacity(checked(_end + size));
        var record = _bytes.AsSpan(_end, size);
        offset = _end - batch.Start;
        _end += size;
        batch.Length += size;
        return record;
    }

    private PendingBatch Start()
    {
        EnsureCapacity(_end + WalFormat.BatchHeaderBytes);
        _open = _unused.Count > 0 ? _unused.Pop() : new PendingBatch();
        _open.Start = _end;
        _open.Length = WalFormat.BatchHeaderBytes;
        _open.Sequence = nextSequence++;
        _open.Chain = chain;
        _end += WalFormat.BatchHeaderBytes;
        return _open;
    }

    // Pinned, so that the system call writes from where the records lie.
    private void EnsureCapacity(int bytes)
    {
        if (bytes <= _bytes.Length)
            return;
        long wanted = Math.Max(Math.Max(InitialBytes, bytes), _bytes.Length * 2L);
        int size = (int)Math.Min(Array.MaxLength, WalFormat.Padded(wanted));
        byte[] larger = GC.AllocateUninitializedArray<byte>(size, pinned: true);
        _bytes.AsSpan(0, _end).CopyTo(larger);
        _bytes = larger;
    }
}
