using System.Collections.Concurrent;
using KvStore.Mvcc.Index;
using KvStore.Raft;
using KvStore.Server.Members.Scheduling;
using KvStore.Server.Members.Snapshots;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>Takes checkpoints while the member serves on, so that the log can be cut and a restart is quick.</summary>
/// <remarks>
/// <code>
/// apply loop:       Begin: state at the applied index ... values' checkpoint, refreshed until it is complete
/// checkpoint loop:  key index at that revision, by an ordinary reader; the manifest; older files go
/// log loop:         cuts the log up to the checkpoint BEFORE the new one: two generations can be recovered from
/// </code>
/// A checkpoint that fails (a full disk) is given up; the log is kept and the next one is tried.
/// <para>Another member's snapshot is installed in the same order, manifest before mark, see <see cref="Install"/>.</para>
/// </remarks>
internal sealed class Checkpointer(CheckpointDirectory directory, IValueStore values, IKeyIndex index, CheckpointPolicy policy, TimeProvider time)
{
    /// <summary>How often the apply loop looks after a checkpoint in progress when it has nothing else to do.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(2);

    private readonly ConcurrentQueue<Action> _background = new();

    // Guards what is kept and what reads it: the four fields below. Held while files are deleted.
    private readonly Lock _keeping = new();
    private readonly List<CheckpointPin> _pins = [];
    private IValueStore _values = values;
    private volatile int _generation;
    private (long Number, CheckpointManifest Manifest)? _newest;

    private IKeyIndex _index = index;

    // A second snapshot may be made a checkpoint before the apply loop has come to the first one: each has its turn, and its number.
    private readonly ConcurrentQueue<(long Number, CheckpointManifest Manifest)> _installed = new();
    private long _lastInstalled;
    private int _installations;
    private readonly ConcurrentQueue<Action> _waiting = new();
    private ILoop _loop = null!;
    private ITimer? _poll;
    private ICheckpointInProgress? _inProgress;
    private CheckpointManifest? _manifest;
    private long _startedAt;
    private bool _isRequested;
    private volatile bool _isWriting;

    /// <summary>Captures the state as of the last applied entry. Called on the apply loop.</summary>
    public required Func<CheckpointId, CheckpointManifest> Capture { get; init; }

    /// <summary>Called on the checkpoint loop with the new checkpoint, the first entry that is still needed from the log (the one
    /// behind the checkpoint before), and the time it took.</summary>
    public required Action<CheckpointManifest, ulong, TimeSpan> Completed { get; init; }

    /// <summary>Called on the loop where it failed.</summary>
    public required Action<Exception> Failed { get; init; }

    /// <summary>Wakes the apply loop: a checkpoint in progress needs it, or what waited for its end can go on.</summary>
    public required Action WakeApply { get; init; }

    public bool IsBusy => _inProgress is not null || _isWriting || IsInstalling;

    private bool IsInstalling => Volatile.Read(ref _installations) > 0;

    public void Start(ILoopScheduler scheduler, (long Number, CheckpointManifest Manifest)? newest)
    {
        _newest = newest;
        _generation = newest?.Manifest.Generation ?? 0;
        _loop = scheduler.Start("checkpoint", Step);
    }

    public void Stop()
    {
        _poll?.Dispose();
        _loop.Stop();
    }

    /// <summary>Lets a checkpoint begin whether it is due or not, unless one is busy. Apply loop.</summary>
    /// <param name="ended">Called on one of the loops once that checkpoint has ended, well or not.</param>
    public void Request(Action ended)
    {
        _waiting.Enqueue(ended);
        // One that is busy tells all who wait, in its last act.
        _isRequested = !IsBusy;
    }

    /// <summary>Runs something on the checkpoint loop, between two checkpoints. Any thread.</summary>
    public void Post(Action work)
    {
        _background.Enqueue(work);
        _loop.Wake();
    }

    /// <summary>Begins one when it is due, and helps one along that is in progress. Apply loop, between entries.</summary>
    public void Advance()
    {
        if (IsInstalling)
            return;
        if (_inProgress is not null)
            Help();
        else if (!_isWriting && (_isRequested || policy.IsDue()))
            Begin();
    }

    /// <summary>Keeps a checkpoint as it is, whatever is taken or compacted meanwhile, until the pin is disposed. Any thread.</summary>
    /// <param name="wanted">One that a transfer began with; the newest when that is gone.</param>
    /// <returns>Null before the first checkpoint: ask for one.</returns>
    public CheckpointPin? Pin(SnapshotIdentity? wanted = null)
    {
        lock (_keeping)
        {
            if (_newest is not { } found)
                return null;
            if (wanted is { } identity && FindKept(identity) is { } kept)
                found = kept;
            var pin = new CheckpointPin(found.Number, found.Manifest, directory, _values, Unpin);
            _pins.Add(pin);
            return pin;
        }
    }

    /// <summary>Makes another member's snapshot the newest checkpoint. Any thread; the first of four steps, see the remarks.</summary>
    /// <remarks>
    /// <code>
    /// checkpoint loop:  Install: the manifest is durable; a crash before the next step undoes it at the next start
    /// log loop:         AppendRestart with the snapshot's mark, Sync: now it is installed
    /// apply loop:       Replace: the state machine that was loaded from it takes the place of the old one
    /// any, later:       Tidy, once nobody reads the old state machine any more and it is disposed of
    /// </code>
    /// </remarks>
    /// <param name="ended">Called on the checkpoint loop, with null or with what went wrong: then nothing has changed.</param>
    public void Install(StagedSnapshot snapshot, Action<IOException?> ended)
    {
        // Checkpoints of the state that is to be replaced come to nothing from here on.
        Interlocked.Increment(ref _installations);
        Post(() =>
        {
            try
            {
                long number = Math.Max(_newest?.Number ?? 0, _lastInstalled) + 1;
                snapshot.Commit(directory, number);
                _lastInstalled = number;
                _installed.Enqueue((number, snapshot.Manifest));
            }
            catch (IOException failure)
            {
                Interlocked.Decrement(ref _installations);
                TellWaiting();
                WakeApply();
                ended(failure);
                return;
            }
            ended(null);
        });
    }

    /// <summary>Goes on with the state of the snapshot that was installed first. Apply loop, when the log's mark is durable.</summary>
    public void Replace(IValueStore newValues, IKeyIndex newIndex)
    {
        bool isAny = _installed.TryDequeue(out var installed);
        Invariant.Holds(isAny);
        lock (_keeping)
        {
            (_values, _index, _generation) = (newValues, newIndex, installed.Manifest.Generation);
            _newest = installed;
        }
        (_inProgress, _manifest) = (null, null);
        policy.Started();
        policy.Ended(TimeSpan.Zero);
        Interlocked.Decrement(ref _installations);
        TellWaiting();
    }

    /// <summary>Deletes the checkpoints before an installed snapshot, and their values. Any thread.</summary>
    public void Tidy() => Post(() =>
    {
        // A checkpoint that is busy does the same when it ends, and what it writes must not be taken for left over.
        if (IsBusy)
            return;
        try
        {
            lock (_keeping)
            {
                if (_newest is { } newest)
                    KeepOnly([newest]);
            }
        }
        catch (IOException failure)
        {
            Failed(failure);
        }
    });

    /// <summary>Sets aside again what the values gave up when the disk was full. Checkpoint loop.</summary>
    /// <returns>False while there is no room for it.</returns>
    public bool TryRestoreReserve()
    {
        lock (_keeping)
            return _values.TryRestoreReserve();
    }

    private void Begin()
    {
        _isRequested = false;
        _startedAt = time.GetTimestamp();
        try
        {
            _inProgress = _values.BeginCheckpoint();
            _manifest = Capture(_inProgress.Id) with { Generation = _generation };
            policy.Started();
            // Nobody else may wake the loop for a while.
            PollSoon();
        }
        catch (IOException failure)
        {
            GiveUp(failure);
        }
    }

    private void PollSoon()
    {
        _poll ??= time.CreateTimer(_ => WakeApply(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _poll.Change(PollInterval, Timeout.InfiniteTimeSpan);
    }

    private void Help()
    {
        try
        {
            _values.Refresh();
            if (!_inProgress!.IsComplete)
            {
                PollSoon();
                return;
            }
        }
        catch (IOException failure)
        {
            GiveUp(failure);
            return;
        }
        var manifest = _manifest!;
        _isWriting = true;
        (_inProgress, _manifest) = (null, null);
        Post(() => Write(manifest));
    }

    private bool Step()
    {
        while (_background.TryDequeue(out var work))
            work();
        return false;
    }

    private void Write(CheckpointManifest manifest)
    {
        try
        {
            // A snapshot took the place of the state that this is of.
            if (IsInstalling || manifest.Generation != _generation)
                return;
            long number = (_newest?.Number ?? 0) + 1;
            WriteIndex(number, manifest.Revision);
            directory.Write(number, manifest);
            ulong firstNeeded = Settle(number, manifest);
            Completed(manifest, firstNeeded, time.GetElapsedTime(_startedAt));
        }
        catch (IOException failure)
        {
            Failed(failure);
        }
        finally
        {
            policy.Ended(time.GetElapsedTime(_startedAt));
            _isWriting = false;
            TellWaiting();
            WakeApply();
        }
    }

    private void WriteIndex(long number, long revision)
    {
        string path = directory.IndexPath(number);
        if (directory.Disk.FileExists(path))
            directory.Disk.Delete(path);
        using var file = directory.Disk.Open(path, FileOpening.CreateNew);
        IndexFile.Write(file, _index, revision);
        file.Sync();
    }

    /// <summary>The new checkpoint and the one before it stay, and the log from that one on.</summary>
    private ulong Settle(long number, CheckpointManifest manifest)
    {
        lock (_keeping)
        {
            var previous = _newest;
            _newest = (number, manifest);
            KeepOnly(previous is null ? [(number, manifest)] : [(number, manifest), previous.Value]);
            return (previous?.Manifest.AppliedIndex ?? 0) + 1;
        }
    }

    /// <summary>Everything goes that belongs neither to these checkpoints nor to one that is pinned.</summary>
    private void KeepOnly(IEnumerable<(long Number, CheckpointManifest Manifest)> checkpoints)
    {
        var kept = checkpoints.Concat(_pins.Select(pin => (pin.Number, pin.Manifest))).ToList();
        directory.KeepOnly([.. kept.Select(checkpoint => checkpoint.Number)]);
        _values.KeepOnly([.. kept.Where(checkpoint => checkpoint.Manifest.Generation == _generation).Select(checkpoint => checkpoint.Manifest.Values)]);
        var generations = kept.Select(checkpoint => checkpoint.Manifest.Generation).ToHashSet();
        // A later one is a snapshot on its way.
        foreach (int generation in directory.Generations.Existing().Where(generation => generation < _generation && !generations.Contains(generation)))
            directory.Generations.Delete(generation);
    }

    private (long, CheckpointManifest)? FindKept(SnapshotIdentity identity)
    {
        if (!directory.Numbers().Contains(identity.Checkpoint))
            return null;
        try
        {
            var manifest = directory.Read(identity.Checkpoint);
            bool isIt = manifest.Generation == _generation && SnapshotIdentity.Of(identity.Checkpoint, manifest) == identity;
            return isIt ? (identity.Checkpoint, manifest) : null;
        }
        catch (InvalidDataException)
        {
            return null; // Damaged, so as good as gone.
        }
    }

    private void Unpin(CheckpointPin pin)
    {
        // Its files go with the next checkpoint.
        lock (_keeping)
            _pins.Remove(pin);
    }

    private void GiveUp(Exception failure)
    {
        (_inProgress, _manifest) = (null, null);
        policy.Ended(time.GetElapsedTime(_startedAt));
        Failed(failure);
        TellWaiting();
    }

    private void TellWaiting()
    {
        while (_waiting.TryDequeue(out var ended))
            ended();
    }
}
