using KvStore.Mvcc;
using KvStore.Raft;
using KvStore.Server.Members;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Simulation.Members;

/// <summary>A member over all its lives: its disk, its clock, the life it has now, and what earlier ones have promised.</summary>
internal sealed class SimulatedMember
{
    private const string DataPath = "/data";

    private readonly SimulatedCluster _cluster;
    private readonly Func<IReadOnlyList<Protocol.Member>>? _joined;
    private readonly double _clockRate;
    private readonly TimeSpan _clockStart;
    private readonly List<long> _armed = [];
    private StateMachine? _state;
    private LeaderStatus? _leadership;
    private SimulatedParts? _parts;
    private SimulatedProcess? _ending;
    private ulong _appliedBefore;
    private bool _hasComeBack;

    /// <param name="joined">The members of the cluster that it joins, asked when it first starts; null for one of the first.</param>
    public SimulatedMember(SimulatedCluster cluster, int number, Func<IReadOnlyList<Protocol.Member>>? joined)
    {
        (_cluster, Number, _joined) = (cluster, number, joined);
        Id = new NodeId((ulong)(0xA0 + number));
        Slowness = number == 1 ? cluster.Plan.DiskSlowness : 1;
        int drift = cluster.Plan.ClockDrift;
        _clockRate = 1 + (drift == 0 ? 0 : cluster.Random.Next(-drift, drift + 1) / 1000.0);
        _clockStart = TimeSpan.FromSeconds(cluster.Random.Next(1000));
        Disk.Faults = MeetOperation;
    }

    public int Number { get; }

    public NodeId Id { get; }

    public SimulatedDisk Disk { get; } = new();

    /// <summary>How many times slower than the others' its disk is.</summary>
    public int Slowness { get; set; }

    /// <summary>The present life; null before the first.</summary>
    public SimulatedProcess? Process { get; private set; }

    /// <summary>Null while it is down.</summary>
    public Member? Member { get; private set; }

    /// <summary>Its place in the history: how many commands its state holds.</summary>
    public int Place { get; private set; }

    /// <summary>It was removed, has heard of that, and never comes back.</summary>
    public bool IsGone { get; private set; }

    public bool IsUp => Member is not null;

    /// <summary>Whether clients get through to it.</summary>
    public bool IsServing => Member is not null && Process!.PausedUntil <= _cluster.Time.Now;

    public Protocol.Member Description => new() { ID = Id.Value, Name = $"m{Number}", PeerURLs = { $"http://m{Number}:2380" } };

    public void Start()
    {
        if (IsUp || IsGone)
            return;
        var process = new SimulatedProcess($"m{Number}") { Crashed = Crash };
        Process = process;
        process.Run(() => Open(process));
    }

    /// <summary>The process dies, and the power may go with it.</summary>
    public void Crash(string why) => Crash(why, _cluster.Faults.Next(100) < _cluster.Plan.PowerLossPercent);

    public void Crash(string why, bool isPowerLoss)
    {
        if (Process is not { IsAlive: true })
            return;
        _cluster.Trace.Add(why, Number, isPowerLoss ? 1 : 0);
        End();
        if (isPowerLoss)
            Disk.PowerLoss(_cluster.Faults);
        else
            Disk.Restart();
        _cluster.Counts.Crashes++;
        _cluster.Counts.PowerLosses += isPowerLoss ? 1 : 0;
        _cluster.Misfortunes.Died(this);
    }

    /// <summary>The process ends in good order.</summary>
    public void Shutdown(string why)
    {
        if (!IsServing)
            return;
        _cluster.Trace.Add(why, Number);
        Process!.Run(() =>
        {
            var member = Member!;
            member.Stop();
            if (_cluster.Time.Depth == 1)
                member.Dispose();
        });
        if (!Process.IsAlive)
            return;
        End();
        Disk.Restart();
        _cluster.Counts.Restarts++;
        _cluster.Misfortunes.Died(this);
    }

    /// <summary>It dies in the disk operation that is so many ahead.</summary>
    public void CrashInDisk(int operationsAhead)
    {
        _armed.Add(Disk.Operations + operationsAhead);
        Disk.FailAt(_armed[^1], DiskFault.Crash);
    }

    /// <summary>Nothing goes wrong with it any more.</summary>
    public void Heal()
    {
        Disk.CapacityBytes = long.MaxValue;
        foreach (long operation in _armed)
            Disk.FailAt(operation, DiskFault.None);
        Slowness = 1;
        if (Process is { } process)
            process.PausedUntil = TimeSpan.Zero;
        Start();
    }

    /// <summary>It heard that it was removed; production's process ends then.</summary>
    public void NoteRemoved()
    {
        var process = Process;
        if (!IsUp || _ending == process)
            return;
        _ending = process;
        _cluster.Time.After(TimeSpan.FromMilliseconds(_cluster.Faults.Next(1000)), process, () =>
        {
            IsGone = true;
            Shutdown("removed");
        });
    }

    private void Open(SimulatedProcess process)
    {
        _hasComeBack = false;
        var clock = new MemberClock(_cluster.Time, process, _clockRate, _clockStart);
        var scheduler = new SimulatedScheduler(_cluster.Time, process, clock)
        {
            StepTime = StepTime,
            Stepping = loop => _cluster.Trace.Add(loop, Number),
            Stepped = OnStepped,
        };
        CheckLog();
        _parts = new SimulatedParts(_cluster.Plan.IsNativeIndex);
        var directory = DataDirectory.Open(Disk, DataPath);
        var member = Member.Open(Options(), directory, Disk, scheduler, Events(), _parts, _cluster.Network.LinkOf(this, process));
        Check.Holds(member.State.AppliedIndex <= _cluster.Counts.HighestApplied,
            $"member {Number} starts with a checkpoint of entry {member.State.AppliedIndex}, which nobody has applied");
        (Member, _state, _leadership) = (member, member.State, null);
        Place = _cluster.History.PlaceBehind(member.State.AppliedIndex);
        member.Start();
        _cluster.Trace.Add("started", Number, (long)member.State.AppliedIndex);
    }

    /// <summary>What the log says before the member changes anything: what was promised by earlier lives.</summary>
    private void CheckLog()
    {
        var copy = Disk.Copy();
        if (!copy.FileExists(DataPath + "/format"))
        {
            Check.Holds(_appliedBefore == 0, $"the data directory of member {Number} is gone");
            _cluster.Checker.Starts(this, default, 0);
            return;
        }
        using var wal = WriteAheadLog.Open(copy, DataPath + "/wal", WalOptions());
        Check.Holds(wal.LastIndex >= _appliedBefore, $"the log of member {Number} ends at {wal.LastIndex}, but {_appliedBefore} was applied");
        Check.Holds(wal.HardState.Commit <= wal.LastIndex, $"commit index {wal.HardState.Commit} behind the end of the log, {wal.LastIndex}");
        _cluster.Checker.Starts(this, wal.HardState, wal.LastIndex);
    }

    private WalOptions WalOptions() => new() { SegmentBytes = _cluster.Plan.LogSegmentBytes };

    private MemberOptions Options() => new()
    {
        ClusterId = 0xC1,
        MemberId = Id,
        InitialMembers = _joined?.Invoke() ?? _cluster.FirstMembers,
        IsJoining = _joined is not null,
        Incarnation = (ulong)_cluster.Random.NextInt64(),
        SnapshotCount = _cluster.Plan.SnapshotCount,
        CatchUpEntries = _cluster.Plan.CatchUpEntries,
        CheckpointLogBytes = 256 << 10,
        QuotaBytes = _cluster.Plan.QuotaBytes,
        LogSegmentBytes = _cluster.Plan.LogSegmentBytes,
        ReserveBytes = _cluster.Plan.DiskFullWeight > 0 ? 16 << 10 : 0,
        WatchProgressInterval = TimeSpan.FromSeconds(5),
        WarningApplyDuration = TimeSpan.MaxValue,
    };

    private MemberEvents Events() => new()
    {
        Applied = (command, result, _) =>
        {
            FindPlace();
            Place = _cluster.History.Applied(Place, _state!.AppliedIndex + 1, command, result, _cluster.Time.Now);
        },
        Checkpointed = _ =>
        {
            _cluster.Counts.Checkpoints++;
            _cluster.Misfortunes.Checkpointed(this);
        },
        Removed = NoteRemoved,
    };

    /// <summary>A snapshot may have moved it on.</summary>
    private void FindPlace()
    {
        if (_state == Member!.State)
            return;
        _state = Member.State;
        Place = _cluster.History.PlaceBehind(_state.AppliedIndex);
        _cluster.History.CompareState(_state, Place);
    }

    private void OnStepped(string loop)
    {
        if (Member is null)
            return;
        if (loop == "apply")
            NoteProgress();
        else if (loop == "raft" && Member.Leadership != _leadership)
            NoteLeadership();
    }

    private void NoteLeadership()
    {
        var before = _leadership;
        _leadership = Member!.Leadership;
        _cluster.Checker.Sees(this, before, _leadership);
        bool isNew = _leadership.Role == Role.Leader && (before is null || before.Role != Role.Leader || before.Term != _leadership.Term);
        if (!isNew)
            return;
        _cluster.Counts.Elections++;
        _cluster.Trace.Add("leads", Number, (long)_leadership.Term);
        _cluster.Misfortunes.Elected(this);
    }

    /// <summary>Once the log is replayed, all that earlier lives had applied must be there.</summary>
    private void NoteProgress()
    {
        FindPlace();
        _cluster.Counts.HighestApplied = Math.Max(_cluster.Counts.HighestApplied, Member!.State.AppliedIndex);
        if (_hasComeBack || Member.State.AppliedIndex < _appliedBefore)
            return;
        _hasComeBack = true;
        _cluster.History.CompareState(Member.State, Place);
    }

    private TimeSpan StepTime(string loop)
    {
        var most = loop is "log" or "checkpoint" or "segments" ? _cluster.Plan.SyncTime * Slowness : _cluster.Plan.StepTime;
        return new TimeSpan(1 + _cluster.Random.NextInt64(most.Ticks + 1));
    }

    private DiskFault MeetOperation(DiskOperation operation)
    {
        if (operation.Kind == DiskOperationKind.Read)
            return DiskFault.None;
        _cluster.Trace.Add("disk", Number, (long)operation.Kind);
        if (_cluster.IsCalm || _cluster.Faults.Next(10_000) >= _cluster.Plan.IoErrors)
            return DiskFault.None;
        _cluster.Counts.IoErrors++;
        return DiskFault.IoError;
    }

    private void End()
    {
        if (Member is not null)
            _appliedBefore = Math.Max(_appliedBefore, Member.State.AppliedIndex);
        Member = null;
        Process!.Kill();
        Disk.CapacityBytes = long.MaxValue;
        if (_parts is { } parts)
            _cluster.Free(parts);
        _parts = null;
        _cluster.Network.Disconnect(this);
    }
}
