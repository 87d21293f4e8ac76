using Google.Protobuf;
using KvStore.Mvcc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Leases;
using KvStore.Raft;
using KvStore.Server.Cluster;
using KvStore.Server.Members;
using KvStore.Server.Services;
using KvStore.Simulation.Network;
using KvStore.Simulation.Rules.Cores;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Simulation.Members;

/// <summary>A member over all its lives: its disk, its clock, the life it has now, and what earlier ones have promised.</summary>
internal sealed class SimulatedMember
{
    private const string DataPath = "/data";

    private const int LearnersLimit = 2;

    /// <summary>A power loss while the disk works ends in one of many ways: one is lived, and so many others are looked at.</summary>
    private const int OtherLosses = 6;

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

    /// <summary>What applying takes it at most, beyond what every step takes.</summary>
    public TimeSpan ApplyTime { get; set; }

    /// <summary>And what telling watches takes.</summary>
    public TimeSpan WatchTime { get; set; }

    /// <summary>The present life; null before the first.</summary>
    public SimulatedProcess? Process { get; private set; }

    /// <summary>Null while it is down.</summary>
    public Member? Member { get; private set; }

    /// <summary>Looks at every step of the core; of the present life.</summary>
    public CoreWatch? Watch { get; private set; }

    /// <summary>What must be asked before the members are changed; of the present life.</summary>
    public MembershipRules? Membership { get; private set; }

    /// <summary>Renews leases wherever their time is kept; of the present life.</summary>
    public LeaseClockService? LeaseClock { get; private set; }

    public TimeSpan StartedAt { get; private set; }

    /// <summary>Its place in the history: how many commands its state holds.</summary>
    public int Place { get; private set; }

    /// <summary>It was removed, has heard of that, and never comes back.</summary>
    public bool IsGone { get; private set; }

    /// <summary>It is down and stays so until it is brought back.</summary>
    public bool IsAway { get; private set; }

    /// <summary>When it came to lead, the last time.</summary>
    public TimeSpan LeadsSince { get; private set; }

    public bool IsUp => Member is not null;

    /// <summary>Whether clients get through to it.</summary>
    public bool IsServing => Member is not null && Process!.PausedUntil <= _cluster.Time.Now;

    public Protocol.Member Description => new() { ID = Id.Value, Name = $"m{Number}", PeerURLs = { $"http://m{Number}:2380" } };

    public void Start()
    {
        if (IsUp || IsGone || IsAway)
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
        if (Disk.IsCrashed)
            CheckOtherLosses();
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
        (ApplyTime, WatchTime) = (TimeSpan.Zero, TimeSpan.Zero);
        if (Process is { } process)
            process.PausedUntil = TimeSpan.FromTicks(Math.Min(process.PausedUntil.Ticks, _cluster.Time.Now.Ticks));
        Start();
    }

    public void GoAway()
    {
        IsAway = true;
        Crash("away");
    }

    public void ComeBack()
    {
        IsAway = false;
        Heal();
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
        CheckLog(Disk.Copy());
        if (!_cluster.IsCalm && _cluster.Faults.Next(100) < _cluster.Plan.IndexRot)
            RotIndexes();
        _parts = new SimulatedParts(_cluster.Plan.IsNativeIndex, (ulong)_cluster.Random.NextInt64());
        var directory = DataDirectory.Open(Disk, DataPath);
        var network = _cluster.Network.LinkOf(this, process);
        var member = Member.Open(Options(), directory, Disk, scheduler, Events(), _parts, network);
        Check.Holds(member.State.AppliedIndex <= _cluster.Counts.HighestApplied,
            $"member {Number} starts with a checkpoint of entry {member.State.AppliedIndex}, which nobody has applied");
        (Member, _state, _leadership) = (member, member.State, null);
        Watch = new CoreWatch(this);
        member.Core.Consensus.Observer = Watch;
        StartedAt = _cluster.Time.Now;
        Place = _cluster.History.PlaceBehind(member.State.AppliedIndex);
        var calls = new SimulatedLeaderCalls(_cluster, this);
        Membership = new MembershipRules(member, network, calls, clock, _cluster.Plan.IsStrict, LearnersLimit);
        LeaseClock = new LeaseClockService(member, calls, clock);
        member.Start();
        _ = _cluster.GuardAsync(TellNameAsync(member, process));
        _cluster.Trace.Add("started", Number, (long)member.State.AppliedIndex);
        _cluster.Misfortunes.Started(this);
    }

    private void RotIndexes()
    {
        const string folder = DataPath + "/checkpoints";
        if (!Disk.DirectoryExists(folder))
            return;
        foreach (string path in Disk.List(folder).Where(name => name.EndsWith(".index", StringComparison.Ordinal)).Select(name => $"{folder}/{name}"))
        {
            int length = Disk.BytesOf(path).Length;
            if (length > 0)
                Disk.FlipBit(path, _cluster.Faults.Next(length), _cluster.Faults.Next(8));
        }
        _cluster.Trace.Add("indexes rot", Number);
    }

    /// <summary>As production does: a member counts as started once the others know its name.</summary>
    private async Task TellNameAsync(Member member, SimulatedProcess process)
    {
        while (process.IsAlive && member.State.Members.Find(Id.Value) is not { Name.Length: > 0 })
        {
            await _cluster.Time.Delay(TimeSpan.FromSeconds(1));
            if (!process.IsAlive || !IsServing || member.State.Members.Find(Id.Value) is not { Name.Length: 0 })
                continue;
            Task? told = null;
            var attributes = new Protocol.MemberAttributesRequest { ID = Id.Value, Name = Description.Name, DirectoryId = member.DirectoryId };
            process.Run(() => told = member.ProposeAsync(CommandKind.MemberAttributes, attributes.ToByteArray(), attributes).AsTask());
            if (told is null)
                continue;
            await process.AnswerAsync(told);
            _cluster.Trace.Add(told.IsCompletedSuccessfully ? "told its name" : "told its name in vain", Number);
        }
    }

    /// <summary>What the log says before the member changes anything: what was promised by earlier lives.</summary>
    private void CheckLog(SimulatedDisk copy)
    {
        if (!copy.FileExists(DataPath + "/format"))
        {
            Check.Holds(_appliedBefore == 0, $"the data directory of member {Number} is gone");
            _cluster.Checker.Starts(this, default, 0);
            return;
        }
        copy.CapacityBytes = long.MaxValue;
        using var wal = WriteAheadLog.Open(copy, DataPath + "/wal", WalOptions());
        Check.Holds(wal.LastIndex >= _appliedBefore, $"the log of member {Number} ends at {wal.LastIndex}, but {_appliedBefore} was applied");
        Check.Holds(wal.HardState.Commit <= wal.LastIndex, $"commit index {wal.HardState.Commit} behind the end of the log, {wal.LastIndex}");
        _cluster.Checker.Starts(this, wal.HardState, wal.LastIndex);
        CheckNextStart(copy, wal);
    }

    private void CheckOtherLosses()
    {
        for (int i = 0; i < OtherLosses; i++)
        {
            var copy = Disk.Copy();
            copy.PowerLoss(new SeededRandom((ulong)_cluster.Faults.Next(int.MaxValue)));
            CheckLog(copy);
        }
    }

    /// <summary>Whatever a start found, the next one finds it too, and what was written in between.</summary>
    private void CheckNextStart(SimulatedDisk copy, WriteAheadLog wal)
    {
        if (wal.HardState == default)
            return;
        CheckSame(copy, wal);
        wal.Append([], wal.HardState);
        wal.Sync();
        CheckSame(copy, wal);
    }

    private void CheckSame(SimulatedDisk copy, WriteAheadLog wal)
    {
        using var next = WriteAheadLog.Open(copy, DataPath + "/wal", WalOptions());
        Check.Holds(next.HardState == wal.HardState && next.LastIndex == wal.LastIndex,
            $"the log of member {Number} ended at {wal.LastIndex} with {wal.HardState}, and ends at {next.LastIndex} with {next.HardState} once it was opened");
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
        MaxAppendBytes = _cluster.Plan.MaxAppendBytes,
        MaxInflightMessages = _cluster.Plan.MaxInflightMessages,
        PreVote = _cluster.Faults.Next(100) < _cluster.Plan.PreVotePercent,
        CheckpointLogBytes = 256 << 10,
        QuotaBytes = _cluster.Plan.QuotaBytes,
        LogSegmentBytes = _cluster.Plan.LogSegmentBytes,
        ReserveBytes = _cluster.Plan.DiskFullWeight > 0 ? 16 << 10 : 0,
        Watches = _cluster.Plan.WatchQueueMessages == 128 ? new() : new()
        {
            StreamQueueMessages = _cluster.Plan.WatchQueueMessages,
            // Little may wait, or much of which little is told at once.
            BacklogBytes = _cluster.Plan.WatchQueueMessages % 2 == 0 ? 200 * _cluster.Plan.WatchQueueMessages : 40_000,
            CatchUpRevisions = 2 * _cluster.Plan.WatchQueueMessages,
            CatchUpBytes = 100 * _cluster.Plan.WatchQueueMessages,
            FragmentBytes = 300,
        },
        WatchProgressInterval = TimeSpan.FromSeconds(_cluster.Plan.WatchQueueMessages == 128 ? 5 : 0.5),
        WarningApplyDuration = TimeSpan.MaxValue,
    };

    private MemberEvents Events() => new()
    {
        Applied = (command, result, _) =>
        {
            FindPlace();
            ulong index = _state!.AppliedIndex + 1;
            bool isNew = Place == _cluster.History.Count;
            if (isNew && command.Kind >= CommandKind.MemberAdd && command.Kind <= CommandKind.MemberPromote)
            {
                _cluster.Rules.Changes.Applied(index, command.RequestId);
                _cluster.Misfortunes.ChangedMembers(this);
            }
            Place = _cluster.History.Applied(Place, index, command, result, _cluster.Time.Now);
            if (Member!.IsLeader && Member.State.AppliedTerm < Member.Leadership.Term)
                TimeLeases();
            if (Member.IsLeader && result.Response is Protocol.LeaseGrantResponse grant)
                _cluster.History.Leases.Timed(grant.ID, grant.TTL, _cluster.Time.Now);
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
        if (loop is "apply" or "watch")
            NoteProgress();
        if (loop == "leases")
            CheckLeases();
        if (loop != "raft")
            return;
        _cluster.Rules.Stepped(this);
        if (Member.Leadership != _leadership)
            NoteLeadership();
    }

    /// <summary>Who leads and has applied what was agreed on before that keeps the time of every lease: nobody else does.</summary>
    private void CheckLeases()
    {
        if (!Member!.IsLeader || Member.State.AppliedTerm < Member.Leadership.Term)
            return;
        foreach (var lease in Member.State.Leases.List())
            Check.Holds(Member.Lessor.Remaining(lease.Id) is not null, $"member {Number} leads and does not keep the time of lease {lease.Id.Value}");
    }

    private void NoteLeadership()
    {
        var before = _leadership;
        _leadership = Member!.Leadership;
        _cluster.Checker.Sees(this, before, _leadership);
        bool isNew = _leadership.Role == Role.Leader && (before is null || before.Role != Role.Leader || before.Term != _leadership.Term);
        if (!isNew)
            return;
        LeadsSince = _cluster.Time.Now;
        _cluster.Checker.Elected(_leadership.Term, LeadsSince);
        TimeLeases();
        _cluster.Counts.Elections++;
        _cluster.Trace.Add("leads", Number, (long)_leadership.Term);
        _cluster.Misfortunes.Elected(this);
    }

    /// <summary>A leader gives all leases their time when it is elected, and again when it has applied what was before that.</summary>
    private void TimeLeases()
    {
        foreach (var lease in Member!.State.Leases.List())
            _cluster.History.Leases.Timed(lease.Id.Value, LeftOf(lease) + Member.Options.ElectionTimeout.TotalSeconds, _cluster.Time.Now);
    }

    private static long LeftOf(Lease lease) => lease.RemainingTtlSeconds > 0 ? lease.RemainingTtlSeconds : lease.TtlSeconds;

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
        if (loop == "apply")
            most += ApplyTime;
        if (loop == "watch")
            most += WatchTime;
        return new TimeSpan(1 + _cluster.Random.NextInt64(most.Ticks + 1));
    }

    private DiskFault MeetOperation(DiskOperation operation)
    {
        if (operation.Kind == DiskOperationKind.Read)
            return DiskFault.None;
        _cluster.Trace.Add("disk", Number, (long)operation.Kind);
        if (operation.Kind == DiskOperationKind.Delete)
            _cluster.Misfortunes.Deleted(this);
        if (operation.Kind == DiskOperationKind.Sync && _cluster.Plan.SyncLies > 0 && _cluster.Faults.Next(100) < _cluster.Plan.SyncLies)
            return DiskFault.Lie;
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
