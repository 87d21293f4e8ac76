using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Simulation.Members;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Simulation.Faults;

/// <summary>Changes the members and the leader while all goes on, as whoever runs a cluster does.</summary>
internal sealed class ClusterOperator(SimulatedCluster cluster)
{
    /// <summary>Members that ever were.</summary>
    private const int MemberLimit = 9;

    /// <summary>Members at once.</summary>
    private const int SizeLimit = 5;

    private readonly SeededRandom _random = cluster.Faults;
    private int _changesUnderWay;
    private ulong _lastStranger = 0xB00;

    /// <summary>Clients ask nothing before.</summary>
    public TimeSpan IdleUntil { get; private set; }

    public void Idle(TimeSpan duration)
    {
        cluster.Trace.Add("idle", duration.Ticks);
        IdleUntil = cluster.Time.Now + duration;
    }

    /// <summary>Hands the leadership to some other member.</summary>
    public void Transfer()
    {
        if (cluster.Leader is not { IsServing: true } leader)
            return;
        // Now and then a learner, by mistake.
        bool mayBeLearner = _random.Next(2) == 0;
        var others = cluster.Members.Where(member => member != leader
            && leader.Member!.State.Members.Find(member.Id.Value) is { } known && (mayBeLearner || !known.IsLearner)).ToList();
        if (others.Count > 0)
            Transfer(others[_random.Next(others.Count)]);
    }

    /// <summary>Hands the leadership to one.</summary>
    public void Transfer(SimulatedMember successor)
    {
        var leader = cluster.Leader!;
        cluster.Trace.Add("transfer", leader.Number, successor.Number);
        cluster.Counts.Transfers++;
        cluster.Rules.Transfers.Asked();
        _ = cluster.GuardAsync(TellAsync(leader, async target =>
        {
            await target.Member!.TransferLeadershipAsync(successor.Id, CancellationToken.None);
            return true;
        }));
    }

    /// <summary>Adds, promotes or removes one, mostly when the change before is over.</summary>
    public void ChangeMembers()
    {
        if (_changesUnderWay > 0 && _random.Next(3) > 0 || cluster.Leader is not { IsServing: true } leader)
            return;
        _changesUnderWay++;
        cluster.Counts.MemberChanges++;
        _ = cluster.GuardAsync(ChangeAsync(leader));
    }

    private async Task ChangeAsync(SimulatedMember leader)
    {
        var known = leader.Member!.State.Members.Members;
        int voters = known.Count(member => !member.IsLearner);
        bool mayAdd = known.Count < SizeLimit && cluster.Members.Count < MemberLimit;
        if (_random.Next(6) == 0)
            await AddAmissAsync(leader);
        else if (known.FirstOrDefault(member => member.IsLearner) is { } learner && _random.Next(4) > 0)
            await PromoteAsync(leader, learner.ID);
        else if (mayAdd && (voters < 3 || _random.Next(2) == 0))
            await AddAsync(leader, isLearner: _random.Next(3) > 0);
        // Of two, the one that is left may not know that it alone decides: nobody should remove the second without need.
        else if (voters > 2)
            await RemoveAsync(leader, known[_random.Next(known.Count)].ID);
        _changesUnderWay--;
    }

    /// <summary>What must be refused: a member that was removed, or a new one at the address of another.</summary>
    private async Task AddAmissAsync(SimulatedMember leader)
    {
        var known = leader.Member!.State.Members;
        var amiss = cluster.Members.FirstOrDefault(member => known.IsRemoved(member.Id.Value))?.Description
            ?? new Protocol.Member { ID = ++_lastStranger, PeerURLs = { known.Members[_random.Next(known.Members.Count)].PeerURLs } };
        cluster.Trace.Add("add amiss", (long)amiss.ID);
        var added = await TellAsync(leader, target => target.Member!.ChangeMembersAsync(CommandKind.MemberAdd, amiss));
        Check.Holds(added is null, $"member {amiss.ID:x} was added though it was removed before or has the address of another");
    }

    private async Task AddAsync(SimulatedMember leader, bool isLearner)
    {
        var added = cluster.AddMember();
        var description = added.Description;
        (description.IsLearner, description.Name) = (isLearner, "");
        cluster.Trace.Add(isLearner ? "add learner" : "add voter", added.Number);
        await TellAsync(leader, async target =>
        {
            target.Membership!.CheckAdd(isLearner);
            return await target.Member!.ChangeMembersAsync(CommandKind.MemberAdd, description);
        });
        // Whether it was added or not: one that was not knows nobody and disturbs nobody.
        cluster.Time.After(TimeSpan.FromMilliseconds(_random.Next(1000)), null, added.Start);
    }

    /// <summary>Whoever is asked passes it on to the leader.</summary>
    private async Task PromoteAsync(SimulatedMember leader, ulong id)
    {
        cluster.Trace.Add("promote", (long)id);
        await TellAsync(cluster.PickServing() ?? leader, target => target.Membership!.PromoteAsync(id, CancellationToken.None));
    }

    private async Task RemoveAsync(SimulatedMember leader, ulong id)
    {
        cluster.Trace.Add("remove", (long)id);
        await TellAsync(leader, async target =>
        {
            target.Membership!.CheckRemove(id);
            return await target.Member!.ChangeMembersAsync(CommandKind.MemberRemove, new Protocol.Member { ID = id });
        });
    }

    /// <returns>Nothing when it was refused, or the outcome is unknown.</returns>
    private async Task<T?> TellAsync<T>(SimulatedMember target, Func<SimulatedMember, Task<T>> call)
    {
        var process = target.Process!;
        Task<T>? outcome = null;
        process.Run(() => outcome = call(target));
        if (outcome is null)
            return default;
        await process.AnswerAsync(outcome);
        if (outcome.IsCompletedSuccessfully)
            return outcome.Result;
        if (!outcome.IsCompleted)
            return default;
        if (outcome.Exception?.InnerException is not EtcdException refusal)
            throw new SimulationFailedException($"an operator got no answer but {outcome.Exception?.InnerException}", outcome.Exception);
        cluster.Trace.Add(refusal.Error.Text);
        return default;
    }
}
