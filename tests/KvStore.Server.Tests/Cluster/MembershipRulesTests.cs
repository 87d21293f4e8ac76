using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Raft;
using KvStore.Server.Cluster;
using KvStore.Server.Members;
using KvStore.Server.Peers.Calls;
using KvStore.Server.Tests.Members;

namespace KvStore.Server.Tests.Cluster;

/// <summary>Changes wait until the others have been there for a while, and never cost the majority.</summary>
public sealed class MembershipRulesTests : IDisposable
{
    private const ulong Self = 7, Other = 8;

    private readonly MemberOnOneThread _one = new();
    private readonly ReachablePeers _network = new();

    [Fact]
    public void A_voter_is_added_only_when_the_others_have_been_reachable_for_five_seconds()
    {
        MembershipRules rules = AmongTwo();

        Assert.Equal(EtcdError.Unhealthy, RefusalOf(() => rules.CheckAdd(isLearner: false)));
        _network.Time = TimeSpan.FromSeconds(4.9);
        Assert.Equal(EtcdError.Unhealthy, RefusalOf(() => rules.CheckAdd(isLearner: false)));
        _network.Time = TimeSpan.FromSeconds(5);
        Assert.Null(RefusalOf(() => rules.CheckAdd(isLearner: false)));
    }

    [Fact]
    public void A_learner_is_added_whoever_is_reachable() => Assert.Null(RefusalOf(() => AmongTwo().CheckAdd(isLearner: true)));

    [Fact]
    public void One_that_is_away_may_be_removed_and_one_that_has_just_come_may_not_cost_the_quorum()
    {
        MembershipRules rules = AmongTwo();

        Assert.Null(RefusalOf(() => rules.CheckRemove(Other)));
        _network.Time = TimeSpan.FromSeconds(1);
        Assert.Equal(EtcdError.Unhealthy, RefusalOf(() => rules.CheckRemove(Other)));
        _network.Time = TimeSpan.FromSeconds(5);
        Assert.Null(RefusalOf(() => rules.CheckRemove(Other)));
    }

    public void Dispose() => _one.Dispose();

    private MembershipRules AmongTwo()
    {
        _one.RunFor(TimeSpan.FromSeconds(2));
        _ = _one.Member.ChangeMembersAsync(
            CommandKind.MemberAdd, new Protocol.Member { ID = Other, Name = "two", PeerURLs = { "http://localhost:2480" } });
        _one.RunFor(TimeSpan.FromMilliseconds(50));
        Assert.Equal([Self, Other], _one.Member.State.Members.Members.Select(member => member.ID).Order());
        return new MembershipRules(_one.Member, _network, new NoLeader(), _one.Time, isStrict: true, maxLearners: 1);
    }

    private static EtcdError? RefusalOf(Action check)
    {
        try
        {
            check();
            return null;
        }
        catch (EtcdException refusal)
        {
            return refusal.Error;
        }
    }

    private sealed class ReachablePeers : IPeerNetwork
    {
        public TimeSpan? Time { get; set; }

        public void Send(Message message)
        {
        }

        public void SetMembers(IReadOnlyList<Protocol.Member> members)
        {
        }

        public TimeSpan? ReachableFor(NodeId peer) => Time;
    }

    private sealed class NoLeader : ILeaderCalls
    {
        public Task<Protocol.LeaseKeepAliveResponse> RenewAsync(IEnumerable<string> urls, long lease, CancellationToken cancellation) =>
            throw new IOException("nobody answers");

        public Task<Protocol.LeaseTimeToLiveResponse> TimeToLiveAsync(
            IEnumerable<string> urls, Protocol.LeaseTimeToLiveRequest request, CancellationToken cancellation) =>
            throw new IOException("nobody answers");

        public Task<Protocol.MemberPromoteResponse> PromoteAsync(IEnumerable<string> urls, ulong member, CancellationToken cancellation) =>
            throw new IOException("nobody answers");
    }
}
