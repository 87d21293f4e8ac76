using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Wal;

/// <summary>The member's durable log: entries, hard state and checkpoint marks, in segment files of its own format.</summary>
/// <remarks>
/// <para>One thread writes (the Append methods, <see cref="Sync"/>, <see cref="ReleaseBefore"/>); any thread may read and ask;
/// <see cref="TryPrepareNextSegment"/> belongs to one background loop. Nothing here starts a thread, so a simulation may call
/// all of it from one.</para>
/// <para>What is appended counts once <see cref="Sync"/> has returned. After an exception from it the log is dead: what the disk
/// holds is unknown, and the member must stop. <see cref="DiskFullException"/> is the exception to that: then nothing is lost,
/// what was appended waits, and Sync may be called again when there is room.</para>
/// <example>
/// <code>
/// Append 1..5, hard state commit 3     entries 1 2 3 4 5
/// Append 4'                            entries 1 2 3 4'       a later record for an index replaces it and what follows it
/// AppendMark applied 3                 a checkpoint holds 1 2 3: replay may start at 4
/// ReleaseBefore 4                      segments with nothing but 1 2 3 go
/// AppendRestart applied 90             a snapshot was installed: the log goes on with 91
/// </code>
/// </example>
/// </remarks>
public sealed class WriteAheadLog : IDisposable
{
    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly SpareSegment _spare;
    private readonly BatchBuffer _buffer;

    // Guards _segments and _state against readers; never held while the disk works.
    private readonly Lock _lock = new();
    private readonly List<Segment> _segments;
    private readonly LogState _state;

    // As of the record appended last, ahead of _state by what is not synced.
    private EntryId _appendedLast;
    private ulong _appendedFixedIndex;
    private IOException? _failure;

    private WriteAheadLog(IDisk disk, string directory, WalOptions options, LogReplay replay)
    {
        _disk = disk;
        _directory = directory;
        _spare = new SpareSegment(disk, directory, options.SegmentBytes);
        _buffer = new BatchBuffer(options.BatchLimitBytes, replay.NextBatch, replay.Chain);
        _segments = replay.Segments;
        _state = replay.State;
        _appendedLast = _state.Entries.Last;
        _appendedFixedIndex = _state.FixedIndex;
        Identity = replay.Identity;
    }

    public WalIdentity Identity { get; }

    /// <summary>As of the last sync.</summary>
    public HardState HardState
    {
        get
        {
            lock (_lock)
                return _state.HardState;
        }
    }

    /// <summary>
    /// The last two marks as of the last sync, the newest last; only the newest after a restart behind a snapshot.
    /// </summary>
    public IReadOnlyList<CheckpointMark> Marks
    {
        get
        {
            lock (_lock)
                return _state.Marks;
        }
    }

    /// <summary>The first index that can be read; one more than the last when there is none.</summary>
    public ulong FirstIndex
    {
        get
        {
            lock (_lock)
                return _state.Entries.FirstIndex;
        }
    }

    /// <summary>As of the last sync; the restart's index when nothing followed it.</summary>
    public ulong LastIndex
    {
        get
        {
            lock (_lock)
                return _state.Entries.Last.Index;
        }
    }

    /// <summary>
    /// Bytes that can still be logged without asking the disk for room: zero-filled space in the current segment, and the
    /// segment made ahead. When the disk is full and this gets small, only what helps to free space should still be logged.
    /// </summary>
    public long ReservedBytes
    {
        get
        {
            lock (_lock)
                return Math.Max(0, _segments[^1].Capacity - _segments[^1].Position)
                    + Math.Max(0, _spare.ReadyBytes - WalFormat.PageBytes);
        }
    }

    /// <summary>What all segments take on the disk.</summary>
    public long SizeBytes
    {
        get
        {
            lock (_lock)
                return _segments.Sum(segment => Math.Max(segment.Capacity, segment.Position)) + _spare.ReadyBytes;
        }
    }

    /// <summary>Whether the directory holds a log; a creation that was interrupted does not count.</summary>
    public static bool Exists(IDisk disk, string directory) =>
        disk.DirectoryExists(directory) && LogReplay.SequencesIn(disk, directory).Count > 0;

    /// <summary>Whose log it is, without opening it.</summary>
    /// <exception cref="WalException">There is none, or its first segment is damaged.</exception>
    public static WalIdentity ReadIdentity(IDisk disk, string directory)
    {
        var sequences = disk.DirectoryExists(directory) ? LogReplay.SequencesIn(disk, directory) : [];
        if (sequences.Count == 0)
            throw new WalException($"'{directory}' holds no write-ahead log");
        string path = Path.Combine(directory, WalFormat.SegmentName(sequences[0]));
        using var file = disk.Open(path, FileOpening.Existing);
        var start = new byte[SegmentHead.FixedBytes];
        int length = SegmentHead.LengthOf(start.AsSpan(0, file.Read(0, start)), path)
            ?? throw new WalException($"'{path}' is damaged: the file ends within the head of the segment");
        var head = new byte[length];
        if (file.Read(0, head) < length)
            throw new WalException($"'{path}' is damaged: the file ends within the head of the segment");
        return SegmentHead.Decode(head, path, out _).Identity;
    }

    /// <summary>Makes an empty log, durable when this returns.</summary>
    /// <exception cref="WalException">There is one already.</exception>
    public static WriteAheadLog Create(IDisk disk, string directory, WalIdentity identity, WalOptions? options = null)
    {
        options ??= WalOptions.Default;
        options.Check();
        disk.CreateDirectory(directory);
        if (Exists(disk, directory))
            throw new WalException($"'{directory}' holds a write-ahead log already");
        var head = new SegmentHead(1, identity, default, FirstBatch: 1, Chain: 0, default, []);
        using (var spare = new SpareSegment(disk, directory, options.SegmentBytes))
            spare.UseAs(Path.Combine(directory, WalFormat.SegmentName(1)), head.Encode(out _)).Dispose();
        return Open(disk, directory, options);
    }

    /// <summary>Reads the whole log, checks it, and cuts off a write that a crash provably cut short.</summary>
    /// <exception cref="WalException">The log is damaged, foreign or newer, or there is none; nothing was changed.</exception>
    public static WriteAheadLog Open(IDisk disk, string directory, WalOptions? options = null)
    {
        options ??= WalOptions.Default;
        options.Check();
        using var reader = new SegmentReader();
        var replay = new LogReplay(disk, directory, reader);
        bool isOpen = false;
        try
        {
            replay.Run();
            Settle(disk, directory, replay);
            var log = new WriteAheadLog(disk, directory, options, replay);
            isOpen = true;
            return log;
        }
        finally
        {
            if (!isOpen)
                replay.CloseFiles();
        }
    }

    /// <summary>Appends entries, which replace those at and after the first one's index, and behind them a hard state.</summary>
    public void Append(ReadOnlySpan<Entry> entries, HardState? state)
    {
        ThrowIfFailed();
        foreach (ref readonly var entry in entries)
        {
            // Committed entries never change, and there are no gaps.
            Invariant.Holds(entry.Index > _appendedFixedIndex);
            Invariant.Holds(entry.Index <= _appendedLast.Index + 1);
            _buffer.Add(entry);
            _appendedLast = entry.Id;
        }
        if (state is { } hardState)
            AppendHardState(hardState);
    }

    /// <summary>Says that a checkpoint of what this log holds is complete.</summary>
    public void AppendMark(CheckpointMark mark)
    {
        ThrowIfFailed();
        Invariant.Holds(mark.Applied.Index <= _appendedLast.Index);
        _buffer.Add(mark, RecordType.Mark);
        _appendedFixedIndex = Math.Max(_appendedFixedIndex, mark.Applied.Index);
    }

    /// <summary>Lets the log begin anew behind a checkpoint that came from elsewhere; what it holds is void.</summary>
    public void AppendRestart(CheckpointMark mark)
    {
        ThrowIfFailed();
        Invariant.Holds(mark.Applied.Index >= _appendedFixedIndex);
        _buffer.Add(mark, RecordType.Restart);
        _appendedFixedIndex = mark.Applied.Index;
        _appendedLast = mark.Applied;
    }

    /// <summary>Makes everything appended durable: one write and one fdatasync, unless it is very much.</summary>
    /// <exception cref="DiskFullException">A new segment is needed and there is no room: nothing is lost, call again.</exception>
    /// <exception cref="WalException">The disk failed; every later call fails too.</exception>
    public void Sync()
    {
        ThrowIfFailed();
        _buffer.Seal();
        while (_buffer.Peek() is { } batch)
        {
            try
            {
                WriteOut(batch);
            }
            catch (IOException error) when (error is not DiskFullException)
            {
                throw Fail(error);
            }
            Settle(batch);
        }
    }

    /// <summary>Synced entries in [<paramref name="lo"/>, <paramref name="hi"/>), as many as fit, but at least one.</summary>
    /// <param name="sizeLimit">In the bytes of <see cref="Entry.EncodedSizeBytes"/>.</param>
    /// <returns>Nothing when the log does not hold <paramref name="lo"/>, not yet or no more. Any thread may ask.</returns>
    /// <exception cref="WalException">What lies on the disk fails its check.</exception>
    public IReadOnlyList<Entry> ReadEntries(ulong lo, ulong hi, ulong sizeLimit)
    {
        var spans = PinCovering(lo, hi, sizeLimit);
        try
        {
            return SpanReader.Read(spans, lo, hi, sizeLimit);
        }
        finally
        {
            Unpin(spans);
        }
    }

    /// <summary>The term of a synced entry, also of the one just before <see cref="FirstIndex"/>. Any thread may ask.</summary>
    public bool TryGetTerm(ulong index, out ulong term)
    {
        lock (_lock)
            return _state.Entries.TryGetTerm(index, out term);
    }

    /// <summary>
    /// Deletes the segments that hold nothing but entries before <paramref name="index"/>, which a synced mark covers.
    /// </summary>
    public void ReleaseBefore(ulong index)
    {
        ThrowIfFailed();
        // Only what a checkpoint holds may go.
        Invariant.Holds(index <= _state.MarkedIndex + 1);
        try
        {
            while (_segments.Count > 1 && _segments[0].MaxIndex < index)
                ReleaseOldest();
        }
        catch (IOException error)
        {
            throw Fail(error);
        }
    }

    /// <summary>Makes the next segment ahead of its use; for the background loop, again and again.</summary>
    /// <returns>False when there was nothing to do.</returns>
    /// <exception cref="DiskFullException">There is no room. The log goes on within <see cref="ReservedBytes"/>.</exception>
    public bool TryPrepareNextSegment() => _spare.TryPrepare();

    /// <summary>Closes the files. What was not synced is forgotten.</summary>
    public void Dispose()
    {
        foreach (var segment in _segments)
            segment.File.Dispose();
        _spare.Dispose();
    }

    // What is read counts as durable from now on, so it must be.
    private static void Settle(IDisk disk, string directory, LogReplay replay)
    {
        if (replay.EmptySegmentPath is { } path)
            disk.Delete(path);
        replay.Tail.MakeDurable(replay.Segments[^1]);
        disk.SyncDirectory(directory);
    }

    private void AppendHardState(HardState state)
    {
        // So every prefix of the log is one that a member may have: the commit index never points behind its end.
        Invariant.Holds(state.Commit <= _appendedLast.Index);
        _buffer.Add(state);
        _appendedFixedIndex = Math.Max(_appendedFixedIndex, state.Commit);
    }

    private void WriteOut(PendingBatch batch)
    {
        var current = _segments[^1];
        int size = WalFormat.Padded(batch.Length);
        // A batch larger than a segment makes its segment larger, but has it for itself.
        if (current.Position + size > current.Capacity && !current.IsFresh)
            current = StartSegment(batch);
        current.File.Write(current.Position, _buffer.BytesFor(batch, current));
        try
        {
            current.File.Sync();
        }
        catch (DiskFullException error)
        {
            throw new IOException($"the log's sync failed: {error.Message}", error);
        }
    }

    private Segment StartSegment(PendingBatch batch)
    {
        ulong sequence = _segments[^1].Sequence + 1;
        var head = new SegmentHead(
            sequence, Identity, _state.Entries.Last, batch.Sequence, batch.Chain, _state.HardState, _state.Marks);
        byte[] bytes = head.Encode(out uint checksum);
        string path = Path.Combine(_directory, WalFormat.SegmentName(sequence));
        var file = _spare.UseAs(path, bytes);
        var segment = new Segment(file, path, sequence, checksum, bytes.Length) { Capacity = file.Length };
        lock (_lock)
            _segments.Add(segment);
        return segment;
    }

    private void Settle(PendingBatch batch)
    {
        var current = _segments[^1];
        lock (_lock)
        {
            _state.Apply(batch.Changes, current, current.Position);
            current.Position += WalFormat.Padded(batch.Length);
        }
        _buffer.Remove();
    }

    private void ReleaseOldest()
    {
        var oldest = _segments[0];
        bool isPinned;
        lock (_lock)
        {
            _segments.RemoveAt(0);
            _state.Entries.Release(oldest);
            isPinned = oldest.IsPinned;
            oldest.Release();
        }
        // One by one and durably, so that no crash leaves a gap. A reader's bytes must not be zeroed under it.
        if (!isPinned && _spare.TryAdopt(oldest.Path))
            return;
        _disk.Delete(oldest.Path);
        _disk.SyncDirectory(_directory);
    }

    private List<EntrySpan> PinCovering(ulong lo, ulong hi, ulong sizeLimit)
    {
        lock (_lock)
        {
            var spans = _state.Entries.Covering(lo, hi, sizeLimit);
            foreach (var span in spans)
                span.Segment!.Pin();
            return spans;
        }
    }

    private void Unpin(List<EntrySpan> spans)
    {
        lock (_lock)
            foreach (var span in spans)
                span.Segment!.Unpin();
    }

    private WalException Fail(IOException error)
    {
        _failure = error;
        return Failed();
    }

    private void ThrowIfFailed()
    {
        if (_failure is not null)
            throw Failed();
    }

    private WalException Failed() => new(
        $"the write-ahead log in '{_directory}' failed, what it holds on the disk is unknown: {_failure!.Message}; "
        + "the member must stop, and finds out what is durable when it starts again", _failure);
}
