using KvStore.Storage.Disks;

namespace KvStore.Storage.Wal;

/// <summary>The segment that comes next, made ahead: zeros on the disk, under a name of its own until it goes in use.</summary>
/// <remarks>
/// Whatever lies under that name (after a crash, or a segment the log needs no more) is material: its room on the disk is kept
/// and its bytes are zeroed again, so that a full disk cannot take it. The background prepares, the writer uses; the lock makes
/// the writer wait when it needs what is just being prepared.
/// </remarks>
internal sealed class SpareSegment : IDisposable
{
    private const int WriteBytes = 1 << 20;

    // Smaller portions keep the log's own syncs from waiting behind the whole segment.
    private const int SyncBytes = 4 << 20;

    private static readonly byte[] Zeros = new byte[WriteBytes];

    private readonly Lock _lock = new();
    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly string _path;
    private readonly long _bytes;
    private IFile? _ready;
    private long _readyBytes;

    public SpareSegment(IDisk disk, string directory, long bytes)
    {
        _disk = disk;
        _directory = directory;
        _path = Path.Combine(directory, WalFormat.SpareName);
        _bytes = bytes;
    }

    /// <summary>The size of the segment that is ready; 0 when none is.</summary>
    public long ReadyBytes => Volatile.Read(ref _readyBytes);

    /// <returns>False when one is ready already.</returns>
    /// <exception cref="DiskFullException">There is no room for one; nothing is left behind.</exception>
    public bool TryPrepare()
    {
        lock (_lock)
        {
            if (_ready is not null)
                return false;
            Prepare();
            return true;
        }
    }

    /// <summary>Puts the segment in use: under its name, with its head, durable.</summary>
    /// <exception cref="DiskFullException">There is no room to make one; it may be tried again.</exception>
    public IFile UseAs(string path, ReadOnlySpan<byte> head)
    {
        lock (_lock)
        {
            if (_ready is null)
                Prepare();
            WriteHead(_ready!, head);
            _disk.Rename(_path, path);
            OrFail(() => _disk.SyncDirectory(_directory));
        }
        return _disk.Open(path, FileOpening.Existing);
    }

    /// <summary>Takes a segment that the log needs no more as material, if there is neither a spare nor material yet.</summary>
    public bool TryAdopt(string path)
    {
        // The background holds the lock while it prepares; then there is no need either.
        if (!_lock.TryEnter())
            return false;
        try
        {
            if (_ready is not null || _disk.FileExists(_path))
                return false;
            // Durable before anything is zeroed: else the name could come back with its bytes gone.
            _disk.Rename(path, _path);
            _disk.SyncDirectory(_directory);
            return true;
        }
        finally
        {
            _lock.Exit();
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _ready?.Dispose();
    }

    private void WriteHead(IFile file, ReadOnlySpan<byte> head)
    {
        // Whatever happens to it, it is no spare any more, at best material.
        _ready = null;
        Volatile.Write(ref _readyBytes, 0);
        using (file)
        {
            file.Write(0, head);
            OrFail(file.Sync);
        }
    }

    private void Prepare()
    {
        if (!_disk.FileExists(_path) && _disk.FreeBytes(_directory) < _bytes)
            throw new DiskFullException($"no room in '{_directory}' for the log's next segment of {_bytes} bytes");
        var file = _disk.Open(_path, FileOpening.CreateIfMissing);
        bool isZeroed = false;
        try
        {
            ZeroFill(file);
            isZeroed = true;
        }
        finally
        {
            if (!isZeroed)
                Discard(file);
        }
        _ready = file;
        Volatile.Write(ref _readyBytes, _bytes);
    }

    private void ZeroFill(IFile file)
    {
        if (file.Length > _bytes)
            file.SetLength(_bytes);
        long synced = 0;
        for (long offset = 0; offset < _bytes; offset += WriteBytes)
        {
            long end = Math.Min(_bytes, offset + WriteBytes);
            file.Write(offset, Zeros.AsSpan(0, (int)(end - offset)));
            if (end - synced < SyncBytes && end < _bytes)
                continue;
            OrFail(file.Sync);
            synced = end;
        }
    }

    // A part of a segment is no use, and the room it takes may be what others need.
    private void Discard(IFile file)
    {
        file.Dispose();
        _disk.Delete(_path);
    }

    // Room that is missing at a sync is no refusal but a failure: nobody knows what was written.
    private static void OrFail(Action sync)
    {
        try
        {
            sync();
        }
        catch (DiskFullException error)
        {
            throw new IOException($"a sync failed: {error.Message}", error);
        }
    }
}
