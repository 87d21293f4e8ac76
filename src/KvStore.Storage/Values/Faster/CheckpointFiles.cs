using FASTER.core;
using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Values.Faster;

/// <summary>Writes, verifies and forgets the files of checkpoints; FASTER hands its metadata to this, and gets it back.</summary>
/// <remarks>
/// FASTER calls from whatever thread moves its state machine on, and must not be held up or thrown at. So its calls only take
/// notes, and <see cref="Complete"/> does the work on a thread of the pool: sync the log and the index, read the index back,
/// write the manifest under another name, sync, read back, rename, sync the directory. Only then the checkpoint is complete.
/// </remarks>
internal sealed class CheckpointFiles(
    IDisk disk, string directory, int pageBits, int segmentBits, LogDevice log, DiskReserve reserve) : ICheckpointManager
{
    private const string UnfinishedSuffix = ".new";

    private readonly Lock _lock = new();
    private readonly PoolWork _work = new();
    private readonly Dictionary<Guid, CheckpointManifest> _manifests = [];
    private PendingCheckpoint? _pending;
    private CheckpointManifest? _latest;
    private CheckpointManifest? _recovering;
    private IndexFile? _recoveringIndex;

    /// <summary>The newest complete checkpoint, as long as it is kept: the next one may build on its index.</summary>
    public CheckpointManifest? Latest
    {
        get
        {
            lock (_lock)
                return _latest;
        }
    }

    public static bool IsUnfinished(string name) =>
        name.EndsWith(UnfinishedSuffix, StringComparison.Ordinal)
        && CheckpointManifest.TryParseName(name[..^UnfinishedSuffix.Length], out _);

    /// <exception cref="InvalidDataException">There is no such checkpoint, or it is damaged.</exception>
    public static CheckpointManifest ReadManifest(IDisk disk, string directory, Guid checkpoint)
    {
        string path = Path.Combine(directory, CheckpointManifest.NameOf(checkpoint));
        if (!disk.FileExists(path))
            throw new InvalidDataException($"{path}: there is no such checkpoint");
        var manifest = CheckpointManifest.Parse(path, ReadAll(disk, path));
        if (manifest.Checkpoint != checkpoint)
            throw new InvalidDataException($"{path}: the file is that of checkpoint {manifest.Checkpoint:N}; it was renamed");
        return manifest;
    }

    /// <summary>Announces the checkpoint that FASTER is about to be asked for.</summary>
    public void Expect(PendingCheckpoint pending)
    {
        lock (_lock)
        {
            Invariant.Holds(_pending is null or { HasEnded: true });
            _pending = pending;
        }
    }

    /// <summary>Prepares for FASTER's recovery: it will ask for the metadata and the index of this checkpoint.</summary>
    /// <exception cref="InvalidDataException">The index file is missing or damaged.</exception>
    public void BeginRecovery(CheckpointManifest manifest)
    {
        _recoveringIndex = IndexFile.Open(disk, directory, manifest.Index, manifest.IndexChunks);
        _recovering = manifest;
        lock (_lock)
        {
            _latest = manifest;
            _manifests[manifest.Checkpoint] = manifest;
        }
    }

    /// <summary>Takes over checkpoints that are in the directory beside the one that is opened.</summary>
    public void Adopt(IEnumerable<CheckpointManifest> older)
    {
        lock (_lock)
        {
            foreach (var manifest in older)
                _manifests[manifest.Checkpoint] = manifest;
        }
    }

    /// <exception cref="IOException">The index could not be read.</exception>
    public void EndRecovery()
    {
        _recoveringIndex?.Close();
        if (_recoveringIndex?.Failure is { } failure)
            throw new IOException($"{_recoveringIndex.FileName}: {failure.Message}", failure);
        _recoveringIndex = null;
        _recovering = null;
    }

    /// <summary>Deletes all checkpoints but these, and index files that none of these needs.</summary>
    /// <returns>The lowest address of the log that a checkpoint needs; null when there is none.</returns>
    public long? KeepOnly(IReadOnlySet<Guid> checkpoints)
    {
        var deleted = new List<string>();
        long? needed;
        lock (_lock)
        {
            var awaited = _pending is { IsAwaited: true } pending ? pending : null;
            foreach (var manifest in _manifests.Values.ToList())
            {
                if (checkpoints.Contains(manifest.Checkpoint) || manifest.Checkpoint == awaited?.Token)
                    continue;
                _manifests.Remove(manifest.Checkpoint);
                deleted.Add(CheckpointManifest.NameOf(manifest.Checkpoint));
                if (_latest == manifest)
                    _latest = null;
            }
            var indexes = _manifests.Values.Select(manifest => manifest.Index).ToHashSet();
            if (awaited is not null)
                indexes.Add(awaited.Base?.Index ?? awaited.Token);
            deleted.AddRange(disk.List(directory).Where(name =>
                IndexFile.TryParseName(name, out var index) && !indexes.Contains(index)));
            needed = _manifests.Values.Select(manifest => (long?)manifest.Begin).Append(awaited?.Begin).Min();
        }
        foreach (string name in deleted)
            disk.Delete(Path.Combine(directory, name));
        if (deleted.Count > 0)
            disk.SyncDirectory(directory);
        return needed;
    }

    public void InitializeIndexCheckpoint(Guid indexToken) =>
        Pending(indexToken).Index = IndexFile.Create(disk, directory, indexToken, reserve, _work);

    public void InitializeLogCheckpoint(Guid logToken) => Pending(logToken);

    public void CommitIndexCheckpoint(Guid indexToken, byte[] commitMetadata) =>
        Pending(indexToken).IndexMetadata = commitMetadata;

    public void CommitLogCheckpoint(Guid logToken, byte[] commitMetadata)
    {
        var pending = Pending(logToken);
        _work.Start(() => Complete(pending, commitMetadata));
    }

    public IDevice GetIndexDevice(Guid indexToken) => _recoveringIndex ?? Pending(indexToken).Index!;

    public byte[] GetIndexCheckpointMetadata(Guid indexToken) => Recovering(indexToken == _recovering?.Index).IndexMetadata;

    public byte[] GetLogCheckpointMetadata(Guid logToken, DeltaLog deltaLog, bool scanDelta = false, long recoverTo = -1) =>
        Recovering(logToken == _recovering?.Checkpoint).LogMetadata;

    // Fold-over checkpoints have neither snapshots nor delta logs, and what is outdated is for the owner to say (KeepOnly).
    public IDevice? GetDeltaLogDevice(Guid token) => null;

    public IDevice? GetSnapshotLogDevice(Guid token) => null;

    public IDevice? GetSnapshotObjectLogDevice(Guid token) => null;

    public void CommitLogIncrementalCheckpoint(Guid logToken, long version, byte[] commitMetadata, DeltaLog deltaLog) =>
        Invariant.Holds(deltaLog is null);

    public IEnumerable<Guid> GetIndexCheckpointTokens() => [];

    public IEnumerable<Guid> GetLogCheckpointTokens() => [];

    public void CheckpointVersionShift(long oldVersion, long newVersion)
    {
    }

    public void OnRecovery(Guid indexToken, Guid logToken)
    {
    }

    public void Purge(Guid token)
    {
    }

    public void PurgeAll()
    {
    }

    /// <summary>Ends what is under way: it reads FASTER's memory. A checkpoint that is not complete by now never will be.</summary>
    public void Dispose()
    {
        _work.Close();
        lock (_lock)
            _pending?.Index?.Close();
        _recoveringIndex?.Close();
    }

    private static byte[] ReadAll(IDisk disk, string path)
    {
        using var file = disk.Open(path, FileOpening.Existing);
        byte[] bytes = new byte[file.Length];
        int read = file.Read(0, bytes);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    private PendingCheckpoint Pending(Guid token)
    {
        lock (_lock)
        {
            Invariant.Holds(_pending is { HasEnded: false });
            if (_pending.Token == Guid.Empty)
                _pending.Token = token;
            Invariant.Holds(_pending.Token == token);
            return _pending;
        }
    }

    private CheckpointManifest Recovering(bool isExpected)
    {
        Invariant.Holds(isExpected && _recovering is not null);
        return _recovering;
    }

    private void Complete(PendingCheckpoint pending, byte[] logMetadata)
    {
        try
        {
            log.Sync();
            pending.Index?.Complete();
            var manifest = Describe(pending, logMetadata);
            WriteVerified(manifest);
            lock (_lock)
            {
                _manifests[manifest.Checkpoint] = manifest;
                _latest = manifest;
            }
            pending.Succeed();
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or UnauthorizedAccessException
                                            or ObjectDisposedException)
        {
            // What it left behind is deleted by the next KeepOnly (the index) or written over (nothing names it).
            pending.Fail(failure as IOException ?? new IOException(failure.Message, failure));
        }
        finally
        {
            pending.Index?.Close();
        }
    }

    private CheckpointManifest Describe(PendingCheckpoint pending, byte[] logMetadata)
    {
        (long begin, long until) = CheckpointManifest.ParseLogMetadata(logMetadata);
        Invariant.Holds(pending.Base is not null || pending is { Index: not null, IndexMetadata: not null });
        return new CheckpointManifest
        {
            Checkpoint = pending.Token,
            Index = pending.Base?.Index ?? pending.Token,
            PageBits = pageBits,
            SegmentBits = segmentBits,
            Begin = begin,
            Until = until,
            ValuesSinceIndex = pending.Base is null ? 0 : pending.ValuesSinceIndex,
            LogMetadata = logMetadata,
            IndexMetadata = pending.Base?.IndexMetadata ?? pending.IndexMetadata!,
            IndexChunks = pending.Base?.IndexChunks ?? pending.Index!.Chunks,
        };
    }

    private void WriteVerified(CheckpointManifest manifest)
    {
        string path = Path.Combine(directory, CheckpointManifest.NameOf(manifest.Checkpoint));
        string unfinished = path + UnfinishedSuffix;
        byte[] bytes = manifest.ToBytes();
        using (var file = disk.Open(unfinished, FileOpening.CreateNew))
        {
            reserve.WithRoom(() => file.Write(0, bytes));
            file.Sync();
        }
        if (!ReadAll(disk, unfinished).AsSpan().SequenceEqual(bytes))
            throw new InvalidDataException($"{unfinished}: the file reads back otherwise than it was written");
        disk.Rename(unfinished, path);
        disk.SyncDirectory(directory);
    }
}
