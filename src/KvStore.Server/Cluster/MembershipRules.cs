using KvStore.Mvcc.Errors;
using KvStore.Raft;
using KvStore.Server.Members;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Cluster;

/// <summary>Refuses changes of the members that would leave the cluster without a quorum, before they reach the log.</summary>
/// <remarks>
/// What the log itself must guard against (a known id, an address in use) is decided where the change is applied; here stands
/// what only a member at work can know. A member counts as started once it has told its name.
/// </remarks>
public sealed class MembershipRules(Member member, IPeerNetwork network, bool isStrict, int maxLearners)
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
        // One that is away anyway may go; the others have to be enough without it.
        if (!IsReachable(removed))
            return;
        int reachable = Voters.Count(IsReachable);
        if (reachable - 1 < Quorum(rest.Length))
            throw new EtcdException(EtcdError.Unhealthy);
    }

    /// <summary>Only the leader knows how far a learner is.</summary>
    /// <exception cref="EtcdException">The learner must not become a voter now; <see cref="EtcdError.NotLeader"/> elsewhere.</exception>
    public async Task CheckPromoteAsync(ulong id)
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

    private bool IsReachable(Protocol.Member known) => known.ID == member.Options.MemberId.Value
        || network.ReachableFor(new NodeId(known.ID)) is { } time && time >= HealthInterval;
}
