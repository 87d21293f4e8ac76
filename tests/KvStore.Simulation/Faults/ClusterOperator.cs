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
    private bool _isBusy;

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
        var voters = leader.Member!.State.Members.Members.Where(known => !known.IsLearner && known.ID != leader.Id.Value).ToList();
        if (voters.Count == 0)
            return;
        ulong successor = voters[_random.Next(voters.Count)].ID;
        cluster.Trace.Add("transfer", leader.Number, (long)successor);
        cluster.Counts.Transfers++;
        _ = cluster.GuardAsync(TellAsync(leader, async member =>
        {
            await member.TransferLeadershipAsync(new(successor), CancellationToken.None);
            return true;
        }));
    }

    /// <summary>Adds, promotes or removes one.</summary>
    public void ChangeMembers()
    {
        if (_isBusy || cluster.Leader is not { IsServing: true } leader)
            return;
        _isBusy = true;
        cluster.Counts.MemberChanges++;
        _ = cluster.GuardAsync(ChangeAsync(leader));
    }

    private async Task ChangeAsync(SimulatedMember leader)
    {
        var known = leader.Member!.State.Members.Members;
        int voters = known.Count(member => !member.IsLearner);
        bool mayAdd = known.Count < SizeLimit && cluster.Members.Count < MemberLimit;
        if (known.FirstOrDefault(member => member.IsLearner) is { } learner && _random.Next(4) > 0)
            await PromoteAsync(leader, learner.ID);
        else if (mayAdd && (voters < 3 || _random.Next(2) == 0))
            await AddAsync(leader, isLearner: _random.Next(3) > 0);
        // Of two, the one that is left may not know that it alone decides: nobody should remove the second without need.
        else if (voters > 2)
            await RemoveAsync(leader, known[_random.Next(known.Count)].ID);
        _isBusy = false;
    }

    private async Task AddAsync(SimulatedMember leader, bool isLearner)
    {
        var added = cluster.AddMember();
        var description = added.Description;
        (description.IsLearner, description.Name) = (isLearner, "");
        cluster.Trace.Add(isLearner ? "add learner" : "add voter", added.Number);
        await TellAsync(leader, member => member.ChangeMembersAsync(CommandKind.MemberAdd, description));
        // Whether it was added or not: one that was not knows nobody and disturbs nobody.
        cluster.Time.After(TimeSpan.FromMilliseconds(_random.Next(1000)), null, added.Start);
    }

    private async Task PromoteAsync(SimulatedMember leader, ulong id)
    {
        var progress = await TellAsync(leader, member => member.CaughtUpAsync());
        if (progress is null || progress.GetValueOrDefault(id) < 0.9 || !leader.IsServing)
            return;
        cluster.Trace.Add("promote", (long)id);
        await TellAsync(leader, member => member.ChangeMembersAsync(CommandKind.MemberPromote, new Protocol.Member { ID = id }));
    }

    private async Task RemoveAsync(SimulatedMember leader, ulong id)
    {
        cluster.Trace.Add("remove", (long)id);
        await TellAsync(leader, member => member.ChangeMembersAsync(CommandKind.MemberRemove, new Protocol.Member { ID = id }));
    }

    /// <returns>Nothing when it was refused, or the outcome is unknown.</returns>
    private async Task<T?> TellAsync<T>(SimulatedMember target, Func<Server.Members.Member, Task<T>> call)
    {
        var process = target.Process!;
        Task<T>? outcome = null;
        process.Run(() => outcome = call(target.Member!));
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
