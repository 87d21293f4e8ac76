using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Raft;
using KvStore.Server.Members;
using KvStore.Server.Peers.Calls;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Cluster;

/// <summary>Refuses changes of the members that would leave the cluster without a quorum, before they reach the log.</summary>
/// <remarks>
/// What the log itself must guard against (a known id, an address in use) is decided where the change is applied; here stands
/// what only a member at work can know. A member counts as started once it has told its name.
/// </remarks>
public sealed class MembershipRules(
    Member member, IPeerNetwork network, ILeaderCalls leaders, TimeProvider time, bool isStrict, int maxLearners)
{
    /// <summary>The others must have been reachable for so long; etcd's.</summary>
    private static readonly TimeSpan HealthInterval = TimeSpan.FromSeconds(5);

    private IReadOnlyList<Protocol.Member> Voters => [.. member.State.Members.Members.Where(known => !known.IsLearner)];

    /// <exception cref="EtcdException">The member must not be added now.</exception>
    public void CheckAdd(bool isLearner)
    {
        if (isLearner)
        {
            if (member.State.Members.Members.Count(known => known.IsLearner) >= maxLearners)
                throw new EtcdException(EtcdError.TooManyLearners);
            return;
        }
        if (!isStrict)
            return;
        int started = Voters.Count(IsStarted), voters = Voters.Count + 1;
        // A cluster of one may become one of two, though that stands still until the new member runs.
        if (!(started == 1 && voters == 2) && started < Quorum(voters))
            throw new EtcdException(EtcdError.NotEnoughStartedMembers);
        if (!Voters.All(IsReachable))
            throw new EtcdException(EtcdError.Unhealthy);
    }

    /// <exception cref="EtcdException">The member must not be removed now.</exception>
    public void CheckRemove(ulong id)
    {
        var removed = member.State.Members.Find(id) ?? throw new EtcdException(EtcdError.MemberNotFound);
        if (removed.IsLearner)
            return;
        Protocol.Member[] rest = [.. Voters.Where(voter => voter.ID != id)];
        if (rest.Length == 0)
            throw new EtcdException(EtcdError.NotEnoughStartedMembers);
        if (!isStrict)
            return;
        if (rest.Count(IsStarted) < Quorum(rest.Length))
            throw new EtcdException(EtcdError.NotEnoughStartedMembers);
        // One that is away anyway may go; the others have to be enough without it. One that has just come is not away.
        if (!IsSelf(removed) && network.ReachableFor(new NodeId(id)) is null)
            return;
        int reachable = Voters.Count(IsReachable);
        if (reachable - 1 < Quorum(rest.Length))
            throw new EtcdException(EtcdError.Unhealthy);
    }

    /// <summary>Makes a learner a voter, here or on the leader: that one alone knows how far the learner is.</summary>
    /// <exception cref="EtcdException">The learner must not become a voter now.</exception>
    public async Task<IReadOnlyList<Protocol.Member>> PromoteAsync(ulong id, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(member.Options.RequestTimeout, time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        try
        {
            return await PromoteHereAsync(id);
        }
        catch (EtcdException refusal) when (refusal.Error == EtcdError.NotLeader)
        {
            if (member.State.Members.Find(member.Leadership.Leader.Value) is not { } leader)
                throw new EtcdException(EtcdError.NoLeader);
            return await PromoteThereAsync(leader, id, patience.Token);
        }
    }

    /// <exception cref="EtcdException">The learner must not become a voter now; <see cref="EtcdError.NotLeader"/> elsewhere.</exception>
    public async Task<IReadOnlyList<Protocol.Member>> PromoteHereAsync(ulong id)
    {
        await CheckPromoteAsync(id);
        return (await member.ChangeMembersAsync(CommandKind.MemberPromote, new Protocol.Member { ID = id })).Members;
    }

    private async Task<IReadOnlyList<Protocol.Member>> PromoteThereAsync(Protocol.Member leader, ulong id, CancellationToken patience)
    {
        try
        {
            return (await leaders.PromoteAsync(leader.PeerURLs, id, patience)).Members;
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException)
        {
            throw new EtcdException(EtcdError.Timeout);
        }
    }

    private async Task CheckPromoteAsync(ulong id)
    {
        var learner = member.State.Members.Find(id) ?? throw new EtcdException(EtcdError.MemberNotFound);
        if (!learner.IsLearner)
            throw new EtcdException(EtcdError.MemberNotLearner);
        var progress = await member.CaughtUpAsync() ?? throw new EtcdException(EtcdError.NotLeader);
        if (progress.GetValueOrDefault(id) < 0.9)
            throw new EtcdException(EtcdError.LearnerNotReady);
        if (isStrict && Voters.Count(IsStarted) + 1 < Quorum(Voters.Count + 1))
            throw new EtcdException(EtcdError.NotEnoughStartedMembers);
    }

    private static int Quorum(int voters) => voters / 2 + 1;

    private static bool IsStarted(Protocol.Member known) => known.Name.Length > 0;

    private bool IsSelf(Protocol.Member known) => known.ID == member.Options.MemberId.Value;

    /// <summary>And has been for long enough to count on it.</summary>
    private bool IsReachable(Protocol.Member known) => IsSelf(known)
        || network.ReachableFor(new NodeId(known.ID)) is { } time && time >= HealthInterval;
}
