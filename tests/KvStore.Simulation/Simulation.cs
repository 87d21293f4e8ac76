using KvStore.Raft;
using KvStore.Server.Members;
using KvStore.Simulation.Clients;
using KvStore.Simulation.Histories;
using KvStore.Simulation.Members;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Simulation;

/// <summary>One member, its disk, its clients and its misfortunes, on one thread and from one seed.</summary>
/// <remarks>
/// Turns of chance come first: a loop's step, a client, a fault. Then it is calm: no more faults, all answers must come, all
/// watches be complete, all leases expire, and the state be what the obvious store says.
/// </remarks>
public sealed class Simulation
{
    private const string DataPath = "/data";

    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromMinutes(2);

    private readonly SimulationPlan _plan;
    private readonly Trace _trace;
    private readonly Random _random;
    private readonly SeededRandom _faults;
    private readonly VirtualTime _time = new();
    private readonly SimulatedContext _context = new();
    private readonly SimulatedDisk _disk = new();
    private readonly AppliedHistory _history;
    private readonly List<SimulatedClient> _clients = [];
    private readonly List<SimulatedWatcher> _watchers = [];
    private SimulatedScheduler _scheduler = null!;
    private Member? _member;
    private bool _hasComeBack;
    private bool _isCalm;
    private bool _hasSettled;
    private int _turn;
    private int _crashAt = -1;
    private ulong _appliedBefore;
    private ulong _termBefore;
    private SimulationResult _result = new();

    private Simulation(SimulationPlan plan, TextWriter? text)
    {
        _plan = plan;
        _trace = new Trace(text);
        _random = new Random(plan.Seed);
        _faults = new SeededRandom(unchecked((ulong)plan.Seed * 7919));
        _history = new AppliedHistory(_trace);
        _disk.Faults = MeetOperation;
        for (int i = 0; i < plan.ClientCount; i++)
            _clients.Add(new SimulatedClient(_history, _random, unchecked(plan.Seed * 31 + i), plan, _trace));
        for (int i = 0; i < plan.WatcherCount; i++)
            _watchers.Add(new SimulatedWatcher(_history.Model, _random, _trace));
    }

    /// <param name="text">Gets a line for everything that happens.</param>
    /// <exception cref="SimulationFailedException">A promise was broken.</exception>
    public static SimulationResult Run(SimulationPlan plan, TextWriter? text = null)
    {
        var simulation = new Simulation(plan, text);
        var outer = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(simulation._context);
        try
        {
            return simulation.Run();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            throw new SimulationFailedException(
                $"seed {plan.Seed} after {simulation._trace.EventCount} events at {simulation._time.Elapsed}: {failure.Message}", failure);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outer);
        }
    }

    private SimulationResult Run()
    {
        if (_plan.CrashAtOperation > 0)
            _disk.FailAt(_plan.CrashAtOperation, DiskFault.Crash);
        for (; _turn < _plan.Turns; _turn++)
            Survive(Turn);
        CalmDown();
        return Summary();
    }

    /// <summary>Runs something; when the process dies of it, it is started again.</summary>
    private void Survive(Action action)
    {
        try
        {
            if (_member is null)
                Start();
            action();
        }
        catch (SimulatedCrashException)
        {
            Die("crash");
        }
        catch (IOException failure) when (IsInjected(failure))
        {
            Die("fault");
        }
    }

    private void Turn()
    {
        if (_faults.Next(10_000) < _plan.CrashBetweenSteps || _turn == _crashAt)
            throw new SimulatedCrashException("between two steps");
        if (_faults.Next(10_000) < _plan.CrashInDisk)
            _disk.FailAt(_disk.Operations + _faults.Between(1, 20), DiskFault.Crash);
        if (_faults.Next(10_000) < _plan.DiskFull)
            FillDisk();
        if (_faults.Next(10_000) < _plan.LongIdle)
            RunFor(TimeSpan.FromSeconds(_faults.Between(1, 400)));
        if (_random.Next(100) < _plan.AskPercent)
            Ask();
        else
            Step();
    }

    private void Ask()
    {
        int who = _random.Next(_clients.Count + _watchers.Count);
        if (who < _clients.Count)
            _clients[who].Act(_member!, _time.Elapsed, mayAsk: !_isCalm);
        else
            _watchers[who - _clients.Count].Act(_member!);
    }

    private void Step()
    {
        if (_context.RunOne() || _time.FireNext(_time.Elapsed) || _scheduler.RunOne() || _time.FireNext(TimeSpan.MaxValue))
            NoteProgress();
    }

    private void RunFor(TimeSpan duration)
    {
        var end = _time.Elapsed + duration;
        while (_time.Elapsed < end)
        {
            if (_context.RunOne() || _time.FireNext(_time.Elapsed) || _scheduler.RunOne())
                continue;
            if (!_time.FireNext(end))
                _time.Pass(end - _time.Elapsed);
        }
        NoteProgress();
    }

    private void RunUntil(Func<bool> condition, TimeSpan limit, string what)
    {
        var end = _time.Elapsed + limit;
        while (!condition())
        {
            Check.Holds(_time.Elapsed < end, $"{what}: not within {limit}");
            Step();
        }
    }

    /// <summary>Once the log is replayed, all that earlier lives had applied must be there.</summary>
    private void NoteProgress()
    {
        if (_hasComeBack || !_member!.HasLeader || _member.State.AppliedIndex < _appliedBefore)
            return;
        _hasComeBack = true;
        Check.Holds(_history.IsCaughtUp, "commands that had been applied are missing from the log");
        Check.Holds(_member.Leadership.Term > _termBefore, $"term {_member.Leadership.Term} after term {_termBefore}");
        _history.CompareState(_member.State);
    }

    private void Start()
    {
        _hasComeBack = false;
        _scheduler = new SimulatedScheduler(_time, _random) { Stepping = OnStep };
        CheckLog();
        var directory = DataDirectory.Open(_disk, DataPath);
        _member = Member.Open(Options(), directory, _disk, _scheduler, Events(), new SimulatedParts(_plan.IsNativeIndex), new NoPeers());
        Check.Holds(_member.State.AppliedIndex <= _appliedBefore, $"a checkpoint of entry {_member.State.AppliedIndex}, but only {_appliedBefore} was applied");
        _history.BeginLife(_member.State.AppliedIndex);
        _member.Start();
        _trace.Add("started", (long)_member.State.AppliedIndex);
    }

    /// <summary>What the log says before the member changes anything: its hard state never goes back.</summary>
    private void CheckLog()
    {
        var copy = _disk.Copy();
        if (!copy.FileExists(DataPath + "/format"))
        {
            Check.Holds(_history.Count == 0, "the data directory is gone");
            return;
        }
        using var wal = WriteAheadLog.Open(copy, DataPath + "/wal", new WalOptions { SegmentBytes = _plan.LogSegmentBytes });
        Check.Holds(wal.HardState.Term >= _termBefore, $"term {wal.HardState.Term} on disk after term {_termBefore}");
        Check.Holds(wal.LastIndex >= _appliedBefore, $"the log ends at {wal.LastIndex}, but {_appliedBefore} was applied");
        Check.Holds(wal.HardState.Commit <= wal.LastIndex, $"commit index {wal.HardState.Commit} behind the end of the log, {wal.LastIndex}");
    }

    private MemberOptions Options() => new()
    {
        ClusterId = 0xC1,
        MemberId = new NodeId(0xA1),
        InitialMembers = [new Protocol.Member { ID = 0xA1, Name = "simulated", PeerURLs = { "http://localhost:2380" } }],
        Incarnation = (ulong)_random.NextInt64(),
        SnapshotCount = _plan.SnapshotCount,
        CheckpointLogBytes = 256 << 10,
        QuotaBytes = _plan.QuotaBytes,
        LogSegmentBytes = _plan.LogSegmentBytes,
        ReserveBytes = _plan.DiskFull > 0 ? 16 << 10 : 0,
        WatchProgressInterval = TimeSpan.FromSeconds(5),
        WarningApplyDuration = TimeSpan.MaxValue,
    };

    private MemberEvents Events() => new()
    {
        Applied = (command, result) => _history.Applied(_member!.State.AppliedIndex + 1, command, result, _time.Elapsed),
        Checkpointed = _ => OnCheckpoint(),
    };

    private void OnCheckpoint()
    {
        _result = _result with { Checkpoints = _result.Checkpoints + 1 };
        if (!_isCalm && _faults.Next(100) < _plan.CrashAfterCheckpoint)
            _crashAt = _turn + _faults.Between(1, 30);
    }

    private void OnStep(string loop)
    {
        _trace.Add(loop);
        _time.Pass(Part(_plan.StepTime));
    }

    private DiskFault MeetOperation(DiskOperation operation)
    {
        if (operation.Kind == DiskOperationKind.Read)
            return DiskFault.None;
        _trace.Add("disk", (long)operation.Kind, operation.Number);
        if (operation.Kind == DiskOperationKind.Sync)
            _time.Pass(Part(_plan.SyncTime));
        if (_isCalm || _faults.Next(10_000) >= _plan.IoErrors)
            return DiskFault.None;
        _result = _result with { IoErrors = _result.IoErrors + 1 };
        return DiskFault.IoError;
    }

    private TimeSpan Part(TimeSpan most) => most == TimeSpan.Zero ? most : new TimeSpan(_random.NextInt64(most.Ticks));

    /// <summary>Leaves little room or none; after some seconds somebody clears up.</summary>
    private void FillDisk()
    {
        _trace.Add("disk full");
        _disk.CapacityBytes = _disk.UsedBytes + _faults.Next(3) * _faults.Next(10_000);
        _result = _result with { FullDisks = _result.FullDisks + 1 };
        _time.CreateTimer(_ => _disk.CapacityBytes = long.MaxValue, null, TimeSpan.FromMilliseconds(_faults.Between(1, 8000)), Timeout.InfiniteTimeSpan);
    }

    private void Die(string why)
    {
        bool isPowerLoss = _faults.Next(100) < _plan.PowerLossPercent;
        _trace.Add(why, isPowerLoss ? 1 : 0);
        if (_member is not null)
        {
            _appliedBefore = Math.Max(_appliedBefore, _member.State.AppliedIndex);
            if (_member.IsLeader)
                _termBefore = Math.Max(_termBefore, _member.Leadership.Term);
            Free(_member);
        }
        _member = null;
        _time.KillTimers();
        _context.Clear();
        _disk.CapacityBytes = long.MaxValue;
        if (isPowerLoss)
            _disk.PowerLoss(_faults);
        else
            _disk.Restart();
        foreach (var client in _clients)
            client.Forget();
        foreach (var watcher in _watchers)
            watcher.Forget();
        _result = _result with { Crashes = _result.Crashes + 1, PowerLosses = _result.PowerLosses + (isPowerLoss ? 1 : 0) };
    }

    /// <summary>The process is gone, its native memory must go too.</summary>
    private static void Free(Member member) => member.State.Store.Index.Dispose();

    private void CalmDown()
    {
        _isCalm = true;
        _disk.CapacityBytes = long.MaxValue;
        while (!_hasSettled)
            Survive(Settle);
    }

    private void Settle()
    {
        RunUntil(() => _hasComeBack, RecoveryLimit, "the member comes back");
        foreach (var client in _clients)
            RunUntil(() => HasAnswer(client), RecoveryLimit, "a client gets its answer");
        RunUntil(() => !_history.Model.Leases.Any(), TimeSpan.FromSeconds(_plan.HasLongLeases ? 1000 : 100), "all leases expire");
        foreach (var watcher in _watchers)
            RunUntil(() => HasAll(watcher), RecoveryLimit, "a watch is told everything");
        Check.Holds(_history.IsCaughtUp, "commands are missing");
        _history.CompareState(_member!.State);
        _hasSettled = true;
    }

    private bool HasAnswer(SimulatedClient client)
    {
        client.Act(_member!, _time.Elapsed, mayAsk: false);
        return !client.IsWaiting;
    }

    private bool HasAll(SimulatedWatcher watcher)
    {
        watcher.ReadAll(_member!);
        return watcher.IsComplete;
    }

    private SimulationResult Summary()
    {
        Free(_member!);
        return _result with
        {
            TraceHash = _trace.Hash,
            Events = _trace.EventCount,
            Operations = _clients.Sum(client => client.OperationCount),
            Unknown = _clients.Sum(client => client.UnknownCount),
            Commands = _history.Count,
            WatchEvents = _watchers.Sum(watcher => watcher.EventCount),
            ExpiredLeases = _history.Leases.ExpiredCount,
            DiskOperations = _disk.Operations,
            VirtualTime = _time.Elapsed,
        };
    }

    private static bool IsInjected(IOException failure)
    {
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause.Message.Contains("simulated I/O error", StringComparison.Ordinal))
                return true;
        }
        return false;
    }
}
