using System.Collections.Concurrent;
using KvStore.Mvcc.Index;
using KvStore.Server.Members.Scheduling;
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
/// </remarks>
internal sealed class Checkpointer(CheckpointDirectory directory, IValueStore values, IKeyIndex index, CheckpointPolicy policy, TimeProvider time)
{
    /// <summary>How often the apply loop looks after a checkpoint in progress when it has nothing else to do.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(2);

    private readonly ConcurrentQueue<Action> _background = new();
    private readonly ConcurrentQueue<Action> _waiting = new();
    private ILoop _loop = null!;
    private ITimer? _poll;
    private ICheckpointInProgress? _inProgress;
    private CheckpointManifest? _manifest;
    private long _startedAt;
    private bool _isRequested;
    private volatile bool _isWriting;
    private (long Number, CheckpointManifest Manifest)? _newest;

    /// <summary>Captures the state as of the last applied entry. Called on the apply loop.</summary>
    public required Func<CheckpointId, CheckpointManifest> Capture { get; init; }

    /// <summary>Called on the checkpoint loop with the new checkpoint, the first entry that is still needed from the log (the one
    /// behind the checkpoint before), and the time it took.</summary>
    public required Action<CheckpointManifest, ulong, TimeSpan> Completed { get; init; }

    /// <summary>Called on the loop where it failed.</summary>
    public required Action<Exception> Failed { get; init; }

    /// <summary>Wakes the apply loop: a checkpoint in progress needs it, or what waited for its end can go on.</summary>
    public required Action WakeApply { get; init; }

    public bool IsBusy => _inProgress is not null || _isWriting;

    public void Start(ILoopScheduler scheduler, (long Number, CheckpointManifest Manifest)? newest)
    {
        _newest = newest;
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
        if (_inProgress is not null)
            Help();
        else if (!_isWriting && (_isRequested || policy.IsDue()))
            Begin();
    }

    private void Begin()
    {
        _isRequested = false;
        _startedAt = time.GetTimestamp();
        try
        {
            _inProgress = values.BeginCheckpoint();
            _manifest = Capture(_inProgress.Id);
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
            values.Refresh();
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
        IndexFile.Write(file, index, revision);
        file.Sync();
    }

    /// <summary>The new checkpoint and the one before it stay, and the log from that one on.</summary>
    private ulong Settle(long number, CheckpointManifest manifest)
    {
        var previous = _newest;
        _newest = (number, manifest);
        directory.KeepOnly(previous is null ? [number] : [number, previous.Value.Number]);
        values.KeepOnly(previous is null ? [manifest.Values] : [manifest.Values, previous.Value.Manifest.Values]);
        return (previous?.Manifest.AppliedIndex ?? 0) + 1;
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
