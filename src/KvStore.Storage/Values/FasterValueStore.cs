using System.Buffers.Binary;
using System.Collections.Concurrent;
using FASTER.core;
using KvStore.Raft;
using KvStore.Storage.Disks;
using KvStore.Storage.Values.Faster;

namespace KvStore.Storage.Values;

/// <summary>Values in FASTER: a log of records, its newest part in memory, and a hash index over it.</summary>
/// <remarks>
/// <code>
/// BeginAddress            FlushedUntil      ReadOnlyAddress       TailAddress
///      |  on disk, read by pread  |  in memory too  |  in memory only  |
///      '- log-00000000, log-00000001, ...            new records go here -'
/// </code>
/// In its directory: log-N (segments of the log), index-ID and checkpoint-ID (see <see cref="CheckpointManifest"/>), reserve.
/// FASTER's ways around which this is built: it ignores the error codes of writes (and then hangs) and of reads (and then parses
/// what is in the buffer), trusts its metadata, truncates on its own, and its Iterate is wrong; see the classes in Faster.
/// </remarks>
public sealed class FasterValueStore : IValueStore
{
    private const int MillisecondsBetweenTrials = 50;

    private readonly IDisk _disk;
    private readonly ValueStoreOptions _options;
    private readonly int _pageBits;
    private readonly int _memoryPages;
    private readonly int _pieceBytes;
    private readonly DiskReserve _reserve;
    private readonly LogDevice _device;
    private readonly RecordLengths _lengths;
    private readonly CheckpointFiles _checkpoints;
    private readonly FasterKV<RevisionKey, SpanByte> _faster;
    private readonly LogAccessor<RevisionKey, SpanByte> _log;
    private readonly ConcurrentBag<FasterValueReader> _readers = [];
    private readonly Lock _newSession = new();
    private FasterSession _writer = null!;
    private byte[] _record = new byte[4096];
    private long _roomUntil;
    private long _valuesSinceIndex;
    private long _triedAgain;
    private PendingCheckpoint? _checkpoint;
    private LogScanner? _compaction;
    private int _lentReaders;
    private volatile bool _isDisposed;

    private FasterValueStore(IDisk disk, string directory, ValueStoreOptions options, int pageBits, int segmentBits)
    {
        _disk = disk;
        Directory = directory;
        _options = options;
        _pageBits = pageBits;
        int memoryBits = Math.Max(options.MemoryBits, pageBits + 4);
        _memoryPages = 1 << memoryBits - pageBits;
        // A quarter of a page: what is left at the end of a page because the next record does not fit is wasted.
        _pieceBytes = (1 << pageBits - 2) - StoredRecord.SizeInLog(0);
        _reserve = new DiskReserve(disk, directory, options.ReserveBytesOrDefault);
        _device = new LogDevice(disk, directory, segmentBits, _reserve);
        _lengths = new RecordLengths(options.InitialReadBytes, sizeof(int) + StoredRecord.HeaderBytes + _pieceBytes);
        _checkpoints = new CheckpointFiles(disk, directory, pageBits, segmentBits, _device, _reserve);
        var log = new LogSettings
        {
            LogDevice = _device,
            PageSizeBits = pageBits,
            SegmentSizeBits = segmentBits,
            MemorySizeBits = memoryBits,
            MutableFraction = 0.5,
        };
        _faster = new FasterKV<RevisionKey, SpanByte>(
            options.IndexBucketsRounded,
            log,
            new CheckpointSettings { CheckpointManager = _checkpoints },
            comparer: new RevisionKeyComparer(),
            variableLengthStructSettings: new VariableLengthStructSettings<RevisionKey, SpanByte> { valueLength = _lengths },
            concurrencyControlMode: ConcurrencyControlMode.None);
        _log = _faster.Log;
    }

    public string Directory { get; }

    public long SizeBytes => _log.TailAddress - _log.BeginAddress;

    public int OpenReaders => Volatile.Read(ref _lentReaders);

    public bool IsReserveInUse => _reserve.IsInUse || _device.HasWriteFailure;

    internal long BeginAddress => _log.BeginAddress;

    /// <summary>An empty store; what a store left in the directory is deleted.</summary>
    /// <exception cref="InvalidDataException">The directory holds something else.</exception>
    public static FasterValueStore Create(IDisk disk, string directory, ValueStoreOptions options)
    {
        disk.CreateDirectory(directory);
        foreach (string name in OwnFiles(disk, directory))
        {
            if (name != DiskReserve.Name)
                disk.Delete(Path.Combine(directory, name));
        }
        disk.SyncDirectory(directory);
        var store = new FasterValueStore(disk, directory, options, options.PageBits, options.SegmentBits);
        store.Start();
        return store;
    }

    /// <summary>
    /// The store as a checkpoint left it, and perhaps some values that were written after the checkpoint began.
    /// </summary>
    /// <remarks>Checkpoints newer than this are deleted: their part of the log is written anew.</remarks>
    /// <exception cref="InvalidDataException">
    /// The checkpoint, or a file that it needs, is missing, damaged or foreign.
    /// </exception>
    public static FasterValueStore Open(IDisk disk, string directory, ValueStoreOptions options, CheckpointId checkpoint)
    {
        if (!disk.DirectoryExists(directory))
            throw new InvalidDataException($"{directory}: there is no such directory");
        var files = OwnFiles(disk, directory);
        var manifest = CheckpointFiles.ReadManifest(disk, directory, checkpoint.Value);
        if (manifest.PageBits is < 9 or > 28 || manifest.SegmentBits < manifest.PageBits || manifest.SegmentBits > 40)
            throw new InvalidDataException($"{directory}: checkpoint {checkpoint.Value:N} has impossible page and segment sizes");
        var store = new FasterValueStore(disk, directory, options, manifest.PageBits, manifest.SegmentBits);
        try
        {
            store.Recover(manifest, files);
        }
        catch
        {
            store.Dispose();
            throw;
        }
        return store;
    }

    public void Write(Revision revision, ReadOnlySpan<byte> value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (value.Length <= _pieceBytes)
        {
            Append(RevisionKey.Of(revision), RecordKind.Whole, value);
        }
        else
        {
            int piece = 1;
            for (int done = 0; done < value.Length; done += _pieceBytes)
            {
                var bytes = value.Slice(done, Math.Min(_pieceBytes, value.Length - done));
                Append(RevisionKey.Of(revision, piece++), RecordKind.Piece, bytes);
            }
            Span<byte> length = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(length, value.Length);
            Append(RevisionKey.Of(revision), RecordKind.Head, length);
        }
        _valuesSinceIndex++;
    }

    public IValueReader OpenReader()
    {
        // Counted first and looked at second, as Dispose looks for readers only after it has said that it is gone.
        Interlocked.Increment(ref _lentReaders);
        if (_isDisposed)
        {
            Interlocked.Decrement(ref _lentReaders);
            throw new ObjectDisposedException(nameof(FasterValueStore));
        }
        if (!_readers.TryTake(out var reader))
            reader = NewReader();
        reader.Lend();
        return reader;
    }

    public ICheckpointInProgress BeginCheckpoint()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Invariant.Holds(_checkpoint is null or { HasEnded: true });
        _device.Resume();
        if (_checkpoint is { HasFailed: true, Base: null })
            _valuesSinceIndex += _checkpoint.ValuesSinceIndex;
        var latest = _checkpoints.Latest;
        bool isFull = latest is null
            || _valuesSinceIndex >= _options.ValuesUntilIndexIsDue(latest.IndexChunks.Sum(chunk => (long)chunk.Length));
        var checkpoint = new PendingCheckpoint(_log.BeginAddress, _valuesSinceIndex, isFull ? null : latest);
        if (isFull)
            _valuesSinceIndex = 0;
        _checkpoints.Expect(checkpoint);
        // FASTER may still be leaving the last state of the checkpoint before this one.
        while (!TryInitiate(isFull))
            _writer.Refresh();
        _checkpoint = checkpoint;
        return checkpoint;
    }

    public void Refresh()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        // A checkpoint that waits for a page to be written must go on when the disk can again, without another write.
        if (_device.HasWriteFailure && Environment.TickCount64 - _triedAgain >= MillisecondsBetweenTrials)
        {
            _triedAgain = Environment.TickCount64;
            _device.TryAgain();
        }
        _writer.Refresh();
    }

    public bool TryRestoreReserve()
    {
        _reserve.TryTake();
        if (!_reserve.IsInUse)
            _device.TryAgain();
        return !IsReserveInUse;
    }

    public void KeepOnly(IReadOnlyCollection<CheckpointId> checkpoints)
    {
        long? needed = _checkpoints.KeepOnly(checkpoints.Select(checkpoint => checkpoint.Value).ToHashSet());
        _device.DeleteBelow(Math.Min(needed ?? long.MaxValue, _log.BeginAddress));
        _reserve.TryTake();
    }

    public CompactionStep Compact(long budgetBytes, ValuePredicate isLive)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        long begin = _log.BeginAddress;
        long until = begin;
        long moved = 0;
        bool hasNoRoom = false;
        long room = RoomToMove();
        var scanner = CompactionScanner(begin);
        try
        {
            using var reader = (FasterValueReader)OpenReader();
            while (until - begin < budgetBytes && !hasNoRoom)
            {
                if (!scanner.TryNext(out var value))
                {
                    EndCompactionScan();
                    break;
                }
                if (isLive(scanner.Revision, value) && IsNewest(reader, scanner))
                    hasNoRoom = !TryMove(scanner, value, room - moved, ref moved);
                if (!hasNoRoom)
                    until = scanner.NextAddress;
            }
        }
        catch
        {
            EndCompactionScan(); // What was moved is there twice; the next step examines it again.
            throw;
        }
        if (hasNoRoom)
            EndCompactionScan(); // The value that found no room is examined again.
        if (until > begin)
            _log.ShiftBeginAddress(until);
        return new CompactionStep(until - begin, Math.Max(0, until - begin - moved), hasNoRoom);
    }

    public void Scan(ValueVisitor visitor)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        using var scanner = new LogScanner(Directory, _device, _lengths, _log, _log.BeginAddress, _log.TailAddress);
        while (scanner.TryNext(out var value))
            visitor(scanner.Revision, value);
    }

    public ICheckpointReader ReadCheckpoint(CheckpointId checkpoint, long position = 0) =>
        new CheckpointScanner(_disk, Directory, CheckpointFiles.ReadManifest(_disk, Directory, checkpoint.Value), position);

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        AwaitReaders();
        EndCompactionScan();
        // No checkpoint, no flush: a store that is closed is one that crashed, and that way is always tested.
        _checkpoints.Dispose();
        _device.Dispose();
        _faster.Dispose();
    }

    internal void TakeBack(FasterValueReader reader)
    {
        _readers.Add(reader);
        Interlocked.Decrement(ref _lentReaders);
    }

    private void AwaitReaders()
    {
        Interlocked.MemoryBarrier();
        var spin = new SpinWait();
        while (Volatile.Read(ref _lentReaders) > 0)
            spin.SpinOnce();
    }

    private static List<string> OwnFiles(IDisk disk, string directory)
    {
        var names = disk.List(directory).ToList();
        foreach (string name in names)
        {
            bool isOwn = name == DiskReserve.Name
                || LogDevice.TryParseName(name, out _)
                || IndexFile.TryParseName(name, out _)
                || CheckpointManifest.TryParseName(name, out _)
                || CheckpointFiles.IsUnfinished(name);
            if (!isOwn)
            {
                throw new InvalidDataException(
                    $"{Path.Combine(directory, name)}: this file is not one of a value store; "
                    + $"is {directory} the right directory?");
            }
        }
        return names;
    }

    // Kept from step to step, because each one starts with reading a page into memory of its own.
    private LogScanner CompactionScanner(long begin)
    {
        if (_compaction is { } running && running.NextAddress == begin)
            return running;
        EndCompactionScan();
        // Only what is on disk, so that moving the begin address never waits for a page to be written.
        long end = Math.Max(begin, Math.Min(_device.FlushedUntil, _log.TailAddress));
        return _compaction = new LogScanner(Directory, _device, _lengths, _log, begin, end);
    }

    private void EndCompactionScan()
    {
        _compaction?.Dispose();
        _compaction = null;
    }

    // What is moved is on the disk twice until a checkpoint lets go of the old place; that must not be what fills it up. Room is
    // left for that checkpoint, which brings what is only in memory and the index to the disk, and for records that free space.
    private long RoomToMove()
    {
        long unwritten = _log.TailAddress - _device.FlushedUntil;
        long headroom = _options.IndexBytes + _options.ReserveBytesOrDefault / 8;
        return _disk.FreeBytes(Directory) - unwritten - headroom;
    }

    private bool TryMove(LogScanner scanner, ReadOnlySpan<byte> value, long room, ref long moved)
    {
        if (scanner.SizeInLog > room)
            return false;
        try
        {
            Write(scanner.Revision, value);
        }
        catch (DiskFullException)
        {
            return false; // Others take room too.
        }
        moved += scanner.SizeInLog;
        return true;
    }

    private static bool IsNewest(FasterValueReader reader, LogScanner scanner) =>
        reader.TryFind(scanner.Revision, out long address) && address == scanner.Address;

    private void Recover(CheckpointManifest manifest, List<string> files)
    {
        // Look at everything before anything is deleted, so that a refusal leaves the other checkpoints as they are.
        _device.OpenSegments(manifest.Begin, manifest.Until);
        _checkpoints.BeginRecovery(manifest);
        _checkpoints.Adopt(DeleteNewer(manifest, files));
        _device.CutOff();
        int readFailures = _device.ReadFailures;
        try
        {
            // A page in memory at the start is enough: the rest is read when it is asked for. No undoing of values that came
            // after the version the checkpoint is of: they are a prefix of one writer's order too.
            _faster.Recover(manifest.Index, manifest.Checkpoint, numPagesToPreload: 1, undoNextVersion: false);
        }
        catch (FasterException failure)
        {
            throw new InvalidDataException(
                $"{Directory}: checkpoint {manifest.Checkpoint:N} cannot be recovered: {failure.Message}", failure);
        }
        _checkpoints.EndRecovery();
        if (_device.ReadFailures != readFailures)
            throw new IOException(
                $"{Directory}: cannot read the log of values: {_device.LastReadFailure?.Message}", _device.LastReadFailure);
        Invariant.Holds(_log.TailAddress == manifest.Until);
        _valuesSinceIndex = manifest.ValuesSinceIndex;
        Start();
    }

    // The log from the checkpoint's end on is written anew, so whatever says that it knows the log there must go first.
    private List<CheckpointManifest> DeleteNewer(CheckpointManifest opened, List<string> files)
    {
        var older = new List<CheckpointManifest>();
        var deleted = new List<string>();
        foreach (string name in files)
        {
            if (CheckpointManifest.TryParseName(name, out var id) && id != opened.Checkpoint)
            {
                if (TryReadManifest(id) is { } other && other.Until <= opened.Until)
                    older.Add(other);
                else
                    deleted.Add(name);
            }
            else if (CheckpointFiles.IsUnfinished(name))
            {
                deleted.Add(name);
            }
        }
        DeleteAll(deleted);
        var indexes = older.Append(opened).Select(manifest => manifest.Index).ToHashSet();
        long lastSegment = (opened.Until - 1) >> opened.SegmentBits;
        long firstSegment = older.Append(opened).Min(manifest => manifest.Begin) >> opened.SegmentBits;
        DeleteAll(files.Where(name =>
            (LogDevice.TryParseName(name, out int segment) && (segment > lastSegment || segment < firstSegment))
            || (IndexFile.TryParseName(name, out var index) && !indexes.Contains(index))));
        return older;
    }

    private void DeleteAll(IEnumerable<string> names)
    {
        bool isAny = false;
        foreach (string name in names)
        {
            _disk.Delete(Path.Combine(Directory, name));
            isAny = true;
        }
        if (isAny)
            _disk.SyncDirectory(Directory);
    }

    private CheckpointManifest? TryReadManifest(Guid checkpoint)
    {
        try
        {
            return CheckpointFiles.ReadManifest(_disk, Directory, checkpoint);
        }
        catch (InvalidDataException)
        {
            return null; // It is not the one that is to be opened, and nothing can be opened from it.
        }
    }

    private void Start()
    {
        _writer = NewSession(out _);
        _reserve.TryTake();
    }

    private FasterValueReader NewReader()
    {
        var session = NewSession(out var functions);
        return new FasterValueReader(this, session, functions);
    }

    private FasterSession NewSession(out ValueFunctions functions)
    {
        functions = new ValueFunctions(_lengths);
        lock (_newSession)
            return _faster.For(functions).NewSession<ValueFunctions>();
    }

    private bool TryInitiate(bool isFull) => isFull
        ? _faster.TryInitiateFullCheckpoint(out _, CheckpointType.FoldOver)
        : _faster.TryInitiateHybridLogCheckpoint(out _, CheckpointType.FoldOver);

    private unsafe void Append(RevisionKey key, RecordKind kind, ReadOnlySpan<byte> bytes)
    {
        int length = StoredRecord.HeaderBytes + bytes.Length;
        MakeRoom(StoredRecord.SizeInLog(bytes.Length));
        if (_record.Length < length)
            _record = new byte[Math.Max(length, _record.Length * 2)];
        bytes.CopyTo(_record.AsSpan(StoredRecord.HeaderBytes));
        StoredRecord.WriteHeader(_record.AsSpan(0, length), key, kind);
        fixed (byte* record = _record)
        {
            var value = new SpanByte(length, (nint)record);
            _writer.Upsert(ref key, ref value);
        }
    }

    // FASTER, asked for a record when memory is full of pages that cannot be written, never comes back. So it is not asked.
    private void MakeRoom(int bytes)
    {
        long end = _log.TailAddress + bytes;
        if (end <= _roomUntil && !_device.HasWriteFailure)
            return;
        var spin = new SpinWait();
        while (true)
        {
            _device.Resume();
            // The record, or the page after this one if it does not fit on this, must find its place free.
            long lastPage = (_device.FlushedUntil >> _pageBits) + _memoryPages - 1;
            if ((end >> _pageBits) + 1 <= lastPage)
            {
                _roomUntil = ((end >> _pageBits) + 1) << _pageBits;
                return;
            }
            _device.Help();
            _writer.Refresh();
            spin.SpinOnce();
        }
    }
}
