using KvStore.Protocol;
using KvStore.Simulation.Clients;
using KvStore.Simulation.Members;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Wal;

namespace KvStore.Simulation;

/// <summary>A cluster, its disks and network, its clients and its misfortunes, on one thread and from one seed.</summary>
/// <remarks>
/// First all happens that the plan allows. Then it is calm: no more faults, somebody must lead, all answers must come, all
/// members catch up, all watches be complete, all leases expire, and every state be what the obvious store says.
/// </remarks>
public sealed class Simulation
{
    private static readonly TimeSpan ElectionLimit = TimeSpan.FromSeconds(45);

    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromMinutes(1);

    /// <summary>While long leases are waited for, their leader restarts after so long: what is left of them is replicated by then.</summary>
    private static readonly TimeSpan LeaderLife = TimeSpan.FromSeconds(330);

    private const int LeaderRestarts = 2;

    /// <summary>From a lease's end to its revocation, an election in between.</summary>
    private static readonly TimeSpan ExpiryDelay = TimeSpan.FromSeconds(20);

    /// <summary>What happens in a run; a hundred times as much as in most.</summary>
    private const long HappeningLimit = 2_000_000;

    private readonly SimulationPlan _plan;
    private readonly SimulatedContext _context = new();
    private readonly SimulatedCluster _cluster;
    private readonly List<SimulatedClient> _clients = [];
    private readonly List<SimulatedWatcher> _watchers = [];
    private TimeSpan _nextComparison;

    private Simulation(SimulationPlan plan, TextWriter? text)
    {
        _plan = plan;
        _cluster = new SimulatedCluster(plan, text);
        _cluster.Time.Happened = _context.RunAll;
        for (int i = 1; i <= plan.ClientCount; i++)
            _clients.Add(new SimulatedClient(_cluster, i));
        for (int i = 0; i < plan.WatcherCount; i++)
            _watchers.Add(new SimulatedWatcher(_cluster));
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
                $"seed {plan.Seed} after {simulation._cluster.Trace.EventCount} events at {simulation._cluster.Time.Now}: {failure.Message}", failure)
            {
                Checker = SimulationFailedException.CheckerOf(failure),
            };
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outer);
        }
    }

    private SimulationResult Run()
    {
        _cluster.Start();
        foreach (var client in _clients)
        {
            _ = _cluster.GuardAsync(client.RunAsync());
            _ = _cluster.GuardAsync(client.AskDeposedAsync());
        }
        foreach (var watcher in _watchers)
            _ = _cluster.GuardAsync(watcher.RunAsync());
        _cluster.Misfortunes.Begin();
        while (_cluster.Time.Now < _plan.Duration)
            Advance(_plan.Duration);
        _cluster.CalmDown(MinoritySize);
        Settle();
        return Summary();
    }

    private void Advance(TimeSpan limit)
    {
        if (!_cluster.Time.TryNext(limit))
            _cluster.Time.RunUntil(limit);
        _cluster.ThrowIfFailed();
        _cluster.FreeUnused();
        Check.Holds(_cluster.Time.HappeningCount < HappeningLimit, "the members talk and talk", "liveness");
        if (_cluster.Time.Now < _nextComparison)
            return;
        _nextComparison = _cluster.Time.Now + TimeSpan.FromSeconds(2);
        CompareHashes();
        _cluster.Rules.Leases.CheckLeaders();
        _cluster.TellRemoved();
    }

    /// <summary>As etcd's corruption check: members that have compacted alike agree on every revision that both have.</summary>
    private void CompareHashes()
    {
        foreach (var alike in _cluster.Members.Where(member => member.IsUp).GroupBy(member => member.Member!.State.Store.CompactRevision))
        {
            long revision = alike.Min(member => member.Member!.State.Store.CurrentRevision);
            if (revision < Math.Max(alike.Key, 1) || alike.Count() == 1)
                continue;
            var hashes = alike.Select(member => member.Member!.State.Hash.Compute(revision).Hash).ToList();
            Check.Holds(hashes.TrueForAll(hash => hash == hashes[0]), $"members differ at revision {revision}");
        }
    }

    private void RunUntil(Func<bool> condition, TimeSpan limit, string what)
    {
        var end = _cluster.Time.Now + limit;
        while (!condition())
        {
            Check.Holds(_cluster.Time.Now < end, $"{what}: not within {limit}", "liveness");
            Advance(end);
        }
    }

    private void Settle()
    {
        if (MinoritySize > 0)
        {
            HandOverInVain();
            ServeAgain();
            _cluster.BringBack();
        }
        RunUntil(AreRemovedGone, RecoveryLimit, "removed members end");
        ServeAgain();
        HandOver();
        AwaitLeases();
        RunUntil(() => _watchers.TrueForAll(watcher => watcher.IsComplete), RecoveryLimit, "all watches are told everything");
        // Members tell their names even now: the states are those of one moment.
        RunUntil(AreAllCaughtUp, RecoveryLimit, "all members catch up");
        // A core is told of a change a step after the state has it.
        RunUntil(() => AreAllCaughtUp() && _cluster.Belonging().TrueForAll(IsCoreTold), RecoveryLimit, "all cores count whom the states list");
        CompareStates();
        foreach (var client in _clients)
            client.CheckRefused();
    }

    /// <summary>Who is needed is known where the members do not change.</summary>
    private int MinoritySize => _plan is { IsMinorityAway: true, MemberChangeWeight: 0 } ? (_plan.MemberCount - 1) / 2 : 0;

    private void ServeAgain()
    {
        RunUntil(HasLeader, ElectionLimit, "somebody leads whom all follow");
        RunUntil(() => !_clients.Exists(client => client.IsWaiting), RecoveryLimit, "all clients get their answers");
        RunUntil(AreAllCaughtUp, RecoveryLimit, "all members catch up");
        // Before anything new happens, which could tell a watch what it has missed.
        RunUntil(() => _watchers.TrueForAll(watcher => watcher.IsComplete), RecoveryLimit, "all watches are told everything");
        AskAll();
        RunUntil(AreAllCaughtUp, RecoveryLimit, "all members catch up");
    }

    /// <summary>A successor that is away does not keep the others from being served.</summary>
    private void HandOverInVain()
    {
        RunUntil(HasLeader, ElectionLimit, "somebody leads whom all follow");
        if (_plan.TransferWeight > 0)
            _cluster.Operator.Transfer(_cluster.Members.First(member => member.IsAway));
    }

    /// <summary>A successor that has the whole log leads in the very next term.</summary>
    private void HandOver()
    {
        if (_plan.TransferWeight == 0 || _cluster.Belonging().Find(member => member != _cluster.Leader && !member.Member!.IsLearner) is not { } successor)
            return;
        ulong term = _cluster.Leader!.Member!.Leadership.Term;
        _cluster.Operator.Transfer(successor);
        RunUntil(() => _cluster.Leader?.Member!.Leadership.Term > term, ElectionLimit, $"the leadership is handed to member {successor.Number}");
        Check.Holds(successor.Member!.Leadership.Term == term + 1 && successor.Member.IsLeader,
            $"the leadership was handed to member {successor.Number} in term {term}, but {_cluster.Leader?.Number} leads in term {_cluster.Leader?.Member!.Leadership.Term}");
        RunUntil(HasLeader, ElectionLimit, "somebody leads whom all follow");
    }

    /// <summary>All end, and not much later than their leaders gave them; what was left of long ones outlives leaders.</summary>
    private void AwaitLeases()
    {
        var nextRestart = _cluster.Time.Now + LeaderLife;
        int restartsLeft = LeaderRestarts;
        while (_cluster.History.Model.Leases.Any())
        {
            Check.Holds(_cluster.Time.Now < _cluster.History.Leases.AllEndBy + ExpiryDelay, $"all leases end by {_cluster.History.Leases.AllEndBy}: they do not", "liveness");
            if (_cluster.Time.Now >= nextRestart && restartsLeft-- > 0)
            {
                nextRestart = _cluster.Time.Now + LeaderLife;
                ReplaceLeader();
            }
            Advance(_cluster.Time.Now + ExpiryDelay);
        }
        RunUntil(HasLeader, ElectionLimit, "somebody leads whom all follow");
    }

    /// <summary>Right behind a renewal, which must outlive the leader.</summary>
    private void ReplaceLeader()
    {
        RunUntil(HasLeader, ElectionLimit, "somebody leads whom all follow");
        var renewed = _clients[0].RenewAsync(_cluster.Leader!);
        _ = _cluster.GuardAsync(renewed);
        RunUntil(() => renewed.IsCompleted, RecoveryLimit, "a lease is renewed");
        _cluster.Leader?.Shutdown("restart");
    }

    private bool AreRemovedGone() => _cluster.Leader is { } leader
        && !_cluster.Members.Any(member => member.IsUp && leader.Member!.State.Members.IsRemoved(member.Id.Value));

    private bool HasLeader() => _cluster.Leader is { } leader
        && _cluster.Belonging().TrueForAll(member => member.IsUp && (member.Member!.Leadership.Leader == leader.Id || member.Member.IsLearner));

    private bool AreAllCaughtUp()
    {
        if (_cluster.Leader is not { } leader)
            return false;
        ulong index = leader.Member!.State.AppliedIndex;
        return leader.Member.Leadership.CommitIndex == index
            && _cluster.Belonging().TrueForAll(member => member.IsUp && member.Member!.State.AppliedIndex == index && member.Place == _cluster.History.Count);
    }

    /// <summary>Each member serves again: a change and a linearizable read.</summary>
    private void AskAll()
    {
        foreach (var member in _cluster.Belonging())
        {
            var asked = AskAsync(member);
            _ = _cluster.GuardAsync(asked);
            RunUntil(() => asked.IsCompleted, RecoveryLimit, $"member {member.Number} serves again");
        }
    }

    /// <summary>One that was passed to a leader which just hands over is lost; the next one must not be.</summary>
    private async Task AskAsync(SimulatedMember member)
    {
        var client = _clients[0];
        long unknown;
        int tries = 0;
        do
        {
            unknown = client.UnknownCount;
            await client.ChangeAsync(member, new PutRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("calm") });
            // A removal that was under way may have come to its end.
            if (member.Member is not { } asked)
                return;
            if (!asked.IsLearner)
                await client.ReadNowAsync(member);
        }
        while (client.UnknownCount > unknown && ++tries < 2);
        Check.Equal(unknown, client.UnknownCount, $"requests to member {member.Number} without an answer once all is calm");
    }

    private void CompareStates()
    {
        var members = _cluster.Belonging();
        foreach (var member in members)
        {
            _cluster.History.CompareState(member.Member!.State, member.Place);
            Check.Equal(members[0].Member!.State.HashEverything(), member.Member.State.HashEverything(), $"hash of member {member.Number}'s state");
            Check.Equal(Ids(Removed(members[0])), Ids(Removed(member)), $"removed members, as member {member.Number} knows them");
        }
    }

    private static bool IsCoreTold(SimulatedMember member)
    {
        var state = member.Member!.State;
        var config = ConfStateCodec.Decode(state.Configuration.Span);
        return Ids(state.Members.Members.Where(known => !known.IsLearner).Select(known => known.ID)) == Ids(config.Voters.Select(id => id.Value))
            && Ids(state.Members.Members.Where(known => known.IsLearner).Select(known => known.ID)) == Ids(config.Learners.Select(id => id.Value));
    }

    private IEnumerable<ulong> Removed(SimulatedMember member) =>
        _cluster.Members.Select(other => other.Id.Value).Where(member.Member!.State.Members.IsRemoved);

    private static string Ids(IEnumerable<ulong> ids) => string.Join(' ', ids.Order());

    private SimulationResult Summary()
    {
        var counts = _cluster.Counts;
        var result = new SimulationResult
        {
            TraceHash = _cluster.Trace.Hash,
            Events = _cluster.Time.HappeningCount,
            Operations = _clients.Sum(client => client.OperationCount),
            Unknown = _clients.Sum(client => client.UnknownCount),
            Commands = _cluster.History.Count,
            WatchEvents = _watchers.Sum(watcher => watcher.EventCount),
            ExpiredLeases = _cluster.History.Leases.ExpiredCount,
            Crashes = counts.Crashes,
            PowerLosses = counts.PowerLosses,
            Restarts = counts.Restarts,
            IoErrors = counts.IoErrors,
            FullDisks = counts.FullDisks,
            Pauses = counts.Pauses,
            Partitions = counts.Partitions,
            Misfortunes = counts.Misfortunes,
            Checkpoints = counts.Checkpoints,
            Elections = counts.Elections,
            Transfers = counts.Transfers,
            MemberChanges = counts.MemberChanges,
            Messages = _cluster.Network.MessageCount,
            MessageBytes = _cluster.Network.Bytes,
            LostMessages = _cluster.Network.LostCount,
            Snapshots = _cluster.Network.SnapshotCount,
            BrokenSnapshots = _cluster.Network.BrokenSnapshotCount,
            DiskOperations = _cluster.Members[0].Disk.Operations,
            VirtualTime = _cluster.Time.Now,
        };
        foreach (var member in _cluster.Members)
            member.Crash("end", isPowerLoss: false);
        _cluster.FreeUnused();
        return result;
    }
}
