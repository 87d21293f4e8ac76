using System.Globalization;
using FASTER.core;
using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Values.Faster;

/// <summary>
/// FASTER's log on our disk: plain files of one segment each, read on the caller's thread, written in the background.
/// </summary>
/// <remarks>
/// FASTER has no way to live with a page that cannot be written: it notes the error and waits for ever. So a write that fails is
/// not reported to it but kept (FASTER keeps the page in memory until it is told of success), later writes queue behind it, and
/// the writer, which calls <see cref="Resume"/> before each step, tries again and gets the error itself.
/// Reads that fail are told to FASTER as zeros, since it ignores their error code too; the error waits in
/// <see cref="TakeReadFailure"/> for the thread that read. Nothing here may throw into FASTER.
/// </remarks>
internal sealed class LogDevice : IDevice
{
    public const uint SectorBytes = 512;

    private const string Prefix = "log-";

    /// <summary>More than that is not left to the next sync: whoever syncs another file meanwhile would wait for all of it. Only a
    /// snapshot that is being received comes so far.</summary>
    private const long UnsyncedLimit = 32 << 20;

    [ThreadStatic]
    private static Exception? _readFailure;

    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly int _segmentBits;
    private readonly DiskReserve _reserve;

    // Guards everything below but the reading of _segments. Never held while FASTER is called.
    private readonly Lock _lock = new();
    private readonly Queue<PendingWrite> _writes = new();
    private readonly HashSet<int> _dirtySegments = [];
    private readonly SortedDictionary<long, long> _writtenAhead = [];
    private volatile IFile?[] _segments = [];
    private int _firstSegment;
    private bool _areNamesDirty;
    private bool _isWriting;
    private bool _isClosed;
    private volatile IOException? _writeFailure;
    private volatile IOException? _syncFailure;
    private long _writtenUntil;
    private long _unsyncedBytes;
    private volatile int _readFailures;
    private volatile Exception? _lastReadFailure;

    public LogDevice(IDisk disk, string directory, int segmentBits, DiskReserve reserve)
    {
        _disk = disk;
        _directory = directory;
        _segmentBits = segmentBits;
        _reserve = reserve;
    }

    private readonly record struct PendingWrite(
        nint Source, int Segment, long Offset, int Length, DeviceIOCompletionCallback Callback, object Context);

    /// <summary>Everything below is written (not necessarily synced) and FASTER knows or is just being told.</summary>
    /// <remarks>Writes are whole sectors, so of the last one only a part may count.</remarks>
    public long FlushedUntil => Math.Max(0, WrittenUntil - SectorBytes);

    private long WrittenUntil => Volatile.Read(ref _writtenUntil);

    /// <summary>Counts failed reads of any thread, for long work whose pages FASTER may read on another thread.</summary>
    public int ReadFailures => _readFailures;

    public Exception? LastReadFailure => _lastReadFailure;

    public bool HasWriteFailure => _writeFailure is not null || _syncFailure is not null;

    public int StartSegment => _firstSegment;

    public int EndSegment => _segments.Length - 1;

    public uint SectorSize => SectorBytes;

    public string FileName => _directory;

    public long Capacity => -1;

    public long SegmentSize => 1L << _segmentBits;

    public int ThrottleLimit { get; set; } = int.MaxValue;

    public static string NameOf(int segment) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{segment:d8}");

    public static bool TryParseName(string name, out int segment)
    {
        segment = 0;
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out segment)
            && name == NameOf(segment);
    }

    /// <summary>Takes up the files of a log that a checkpoint says reaches from one address to the other.</summary>
    /// <exception cref="InvalidDataException">A file is missing or too short.</exception>
    public void OpenSegments(long begin, long until)
    {
        Invariant.Holds(_segments.Length == 0);
        long writtenUntil = (until + SectorBytes - 1) & ~(SectorBytes - 1L);
        int first = (int)(begin >> _segmentBits);
        int last = (int)((writtenUntil - 1) >> _segmentBits);
        var segments = new IFile?[last + 1];
        _segments = segments;
        _firstSegment = first;
        for (int segment = first; segment <= last; segment++)
        {
            string path = PathOf(segment);
            if (begin == until && !_disk.FileExists(path))
                continue; // A store that holds no value may never have written any.
            if (!_disk.FileExists(path))
                throw new InvalidDataException($"{path}: the file is missing; the checkpoint needs its values");
            segments[segment] = _disk.Open(path, FileOpening.Existing);
            long needed = Math.Min(SegmentSize, writtenUntil - ((long)segment << _segmentBits));
            long length = segments[segment]!.Length;
            if (length < needed)
                throw new InvalidDataException(
                    $"{path}: the file has {length} bytes, the checkpoint needs {needed}; it was cut off");
        }
        _writtenUntil = writtenUntil;
    }

    /// <summary>Drops what the last segment holds behind the checkpoint's end; it will be written anew.</summary>
    public void CutOff()
    {
        long end = _writtenUntil - ((long)EndSegment << _segmentBits);
        if (_segments[EndSegment] is { } last && last.Length > end)
            last.SetLength(end);
    }

    public void ReadAsync(
        int segmentId, ulong sourceAddress, nint destinationAddress, uint readLength, DeviceIOCompletionCallback callback,
        object context)
    {
        Read(segmentId, (long)sourceAddress, SpanAt(destinationAddress, (int)readLength));
        callback(0, readLength, context);
    }

    public void ReadAsync(
        ulong alignedSourceAddress, nint alignedDestinationAddress, uint alignedReadLength, DeviceIOCompletionCallback callback,
        object context) =>
        ReadAsync(
            (int)((long)alignedSourceAddress >> _segmentBits), alignedSourceAddress & (ulong)(SegmentSize - 1),
            alignedDestinationAddress, alignedReadLength, callback, context);

    public void WriteAsync(
        nint sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback,
        object context)
    {
        var write = new PendingWrite(sourceAddress, segmentId, (long)destinationAddress, (int)numBytesToWrite, callback, context);
        lock (_lock)
            _writes.Enqueue(write);
        ThreadPool.UnsafeQueueUserWorkItem(static device => device.WriteQueued(), this, preferLocal: false);
    }

    public void WriteAsync(
        nint alignedSourceAddress, ulong alignedDestinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback,
        object context) =>
        WriteAsync(
            alignedSourceAddress, (int)((long)alignedDestinationAddress >> _segmentBits),
            alignedDestinationAddress & (ulong)(SegmentSize - 1), numBytesToWrite, callback, context);

    /// <summary>Tries a failed write again, on the caller's thread, and says what came of it.</summary>
    /// <exception cref="DiskFullException">There is still no room. Nothing is lost: call again later.</exception>
    /// <exception cref="IOException">The write fails again, or a sync has failed: what is on the disk is unknown.</exception>
    public void Resume()
    {
        ThrowIfSyncFailed();
        TryAgain();
        if (_writeFailure is DiskFullException full)
            throw new DiskFullException($"{_directory}: the disk is full; free space, the store goes on by itself", full);
        if (_writeFailure is { } failure)
            throw new IOException($"{_directory}: cannot write values: {failure.Message}", failure);
    }

    /// <summary>Tries a failed write again and keeps what came of it to itself.</summary>
    public void TryAgain()
    {
        if (_writeFailure is null)
            return;
        _writeFailure = null;
        WriteQueued();
    }

    /// <summary>Writes what is queued on the caller's thread; for a writer that would only wait for a busy pool.</summary>
    public void Help() => WriteQueued();

    /// <summary>Makes all that was written so far durable, names included.</summary>
    /// <exception cref="IOException">
    /// It failed, and will for ever: a second sync could succeed without the lost bytes.
    /// </exception>
    public void Sync()
    {
        ThrowIfSyncFailed();
        List<int> dirty;
        bool areNamesDirty;
        lock (_lock)
        {
            dirty = [.. _dirtySegments];
            _dirtySegments.Clear();
            _unsyncedBytes = 0;
            (areNamesDirty, _areNamesDirty) = (_areNamesDirty, false);
        }
        try
        {
            foreach (int segment in dirty.Order())
            {
                if (_segments[segment] is { } file)
                    file.Sync();
            }
            if (areNamesDirty)
                _disk.SyncDirectory(_directory);
        }
        catch (IOException failure)
        {
            _syncFailure = failure;
            throw;
        }
    }

    /// <summary>Deletes the segments that lie wholly below <paramref name="address"/>.</summary>
    public void DeleteBelow(long address)
    {
        int end = Math.Min((int)(address >> _segmentBits), _segments.Length);
        for (int segment = _firstSegment; segment < end; segment++)
        {
            IFile? file;
            lock (_lock)
            {
                file = _segments[segment];
                _segments[segment] = null;
                _firstSegment = segment + 1;
                _dirtySegments.Remove(segment);
                _areNamesDirty = true;
            }
            file?.Dispose();
            if (_disk.FileExists(PathOf(segment)))
                _disk.Delete(PathOf(segment));
        }
    }

    /// <summary>The error of the last read on this thread, if it failed since last asked.</summary>
    public static Exception? TakeReadFailure()
    {
        var failure = _readFailure;
        if (failure is not null)
            _readFailure = null;
        return failure;
    }

    public void Dispose()
    {
        lock (_lock)
            _isClosed = true;
        // A page that is being written finishes; the others stay unwritten, as after a crash.
        SpinWait.SpinUntil(() => !Volatile.Read(ref _isWriting));
        foreach (var file in _segments)
            file?.Dispose();
    }

    public void Initialize(long segmentSize, LightEpoch? epoch = null, bool omitSegmentIdFromFilename = false) =>
        Invariant.Holds(segmentSize == SegmentSize);

    public bool TryComplete() => true;

    public bool Throttle() => false;

    public long GetFileSize(int segment) => SegmentSize;

    public void Reset()
    {
    }

    // FASTER truncates when it thinks fit; only we know which checkpoints still need a segment (DeleteBelow).
    public void TruncateUntilAddressAsync(long toAddress, AsyncCallback callback, IAsyncResult result) => callback(result);

    public void TruncateUntilAddress(long toAddress)
    {
    }

    public void TruncateUntilSegmentAsync(int toSegment, AsyncCallback callback, IAsyncResult result) => callback(result);

    public void TruncateUntilSegment(int toSegment)
    {
    }

    public void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    public void RemoveSegment(int segment)
    {
    }

    private static unsafe Span<byte> SpanAt(nint address, int length) => new((void*)address, length);

    private string PathOf(int segment) => Path.Combine(_directory, NameOf(segment));

    private void Read(int segment, long offset, Span<byte> destination)
    {
        int read = 0;
        try
        {
            var segments = _segments;
            // A deleted segment reads as zeros: whoever still asks finds nothing and looks again from the new begin address.
            if (segment >= _firstSegment && segment < segments.Length && segments[segment] is { } file)
            {
                read = file.Read(offset, destination);
                // FASTER reads ahead of what it needs, past the end too; only bytes that were written must be there.
                long start = ((long)segment << _segmentBits) + offset;
                long written = Math.Min(WrittenUntil - start, SegmentSize - offset);
                if (read < Math.Min(destination.Length, written))
                    NoteReadFailure(new EndOfStreamException($"{file.Path}: the file ends at {offset + read}; it was cut off"));
            }
            else if (segment >= segments.Length)
            {
                NoteReadFailure(new EndOfStreamException($"{PathOf(segment)}: there is no such file yet"));
            }
        }
        catch (ObjectDisposedException) when (segment < _firstSegment)
        {
            read = 0; // Deleted while it was being read: as above.
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            NoteReadFailure(failure);
        }
        destination[read..].Clear();
    }

    private void NoteReadFailure(Exception failure)
    {
        _readFailure = failure;
        _lastReadFailure = failure;
        Interlocked.Increment(ref _readFailures);
    }

    private void WriteQueued()
    {
        lock (_lock)
        {
            if (_isWriting)
                return; // Whoever writes will find what was added.
            _isWriting = true;
        }
        while (TryPeek(out var write))
        {
            if (TryWrite(write) is { } failure)
            {
                _writeFailure = failure;
                continue;
            }
            lock (_lock)
                _writes.Dequeue();
            write.Callback(0, (uint)write.Length, write.Context);
        }
    }

    private bool TryPeek(out PendingWrite write)
    {
        lock (_lock)
        {
            if (!_isClosed && _writeFailure is null && _writes.TryPeek(out write))
                return true;
            write = default;
            _isWriting = false;
            return false;
        }
    }

    private IOException? TryWrite(PendingWrite write)
    {
        try
        {
            _reserve.WithRoom(() => Write(write));
            return null;
        }
        catch (IOException failure)
        {
            return failure;
        }
        catch (UnauthorizedAccessException failure)
        {
            return new IOException(failure.Message, failure);
        }
    }

    private void Write(PendingWrite write)
    {
        var file = SegmentFor(write.Segment);
        lock (_lock)
            _dirtySegments.Add(write.Segment);
        file.Write(write.Offset, SpanAt(write.Source, write.Length));
        long start = ((long)write.Segment << _segmentBits) + write.Offset;
        bool isMuch;
        lock (_lock)
        {
            NoteWritten(start, start + write.Length);
            isMuch = (_unsyncedBytes += write.Length) > UnsyncedLimit;
        }
        if (isMuch)
            file.BeginWriteback(write.Offset, write.Length);
    }

    private IFile SegmentFor(int segment)
    {
        var segments = _segments;
        if (segment < segments.Length && segments[segment] is { } known)
            return known;
        var file = _disk.Open(PathOf(segment), FileOpening.CreateIfMissing);
        lock (_lock)
        {
            var grown = new IFile?[Math.Max(segment + 1, _segments.Length)];
            _segments.CopyTo(grown, 0);
            grown[segment] = file;
            _segments = grown;
            _areNamesDirty = true;
        }
        return file;
    }

    // Pages are handed to us in order but for the two halves of one, so this holds an entry or two at most.
    private void NoteWritten(long start, long end)
    {
        if (start > _writtenUntil)
        {
            _writtenAhead[start] = Math.Max(end, _writtenAhead.GetValueOrDefault(start));
            return;
        }
        long until = Math.Max(_writtenUntil, end);
        while (_writtenAhead.Count > 0)
        {
            var (aheadStart, aheadEnd) = _writtenAhead.First();
            if (aheadStart > until)
                break;
            _writtenAhead.Remove(aheadStart);
            until = Math.Max(until, aheadEnd);
        }
        Volatile.Write(ref _writtenUntil, until);
    }

    private void ThrowIfSyncFailed()
    {
        if (_syncFailure is { } failure)
            throw new IOException(
                $"{_directory}: a sync failed, so what is on the disk is unknown; the process must stop", failure);
    }
}
