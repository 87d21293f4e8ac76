using KvStore.Crash.Tests.Disks;
using KvStore.Crash.Tests.Processes;
using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

public sealed class MembershipTests
{
    private const string Joining = "--initial-cluster-state=existing";
    private const string Unhealthy = "Unavailable: etcdserver: unhealthy cluster";
    private const string NotEnough = "FailedPrecondition: etcdserver: re-configuration failed due to not enough started members";
    private const string NotInSync = "FailedPrecondition: etcdserver: can only promote a learner member which is in sync with leader";

    [Fact]
    public async Task A_member_joins_as_a_learner_is_promoted_moves_and_is_removed_while_the_others_serve()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3, "--snapshot-count=200", "--snapshot-catchup-entries=100");
        await using var load = new ClusterLoad(cluster);
        load.Start();
        await load.ProgressAsync(1000);
        var (leader, followers) = (await cluster.LeaderAsync(), await cluster.FollowersAsync());
        var joining = cluster.Add();

        var added = (await followers[0].Client.AddMemberAsync(joining.PeerUrl, isLearner: true)).Member;
        Assert.Equal(NotInSync, await Refusals.OfAsync(() => followers[0].Client.PromoteMemberAsync(added.ID)));
        Assert.Equal(
            "FailedPrecondition: etcdserver: too many learner members in cluster",
            await Refusals.OfAsync(() => leader.Client.AddMemberAsync("http://127.0.0.1:1", isLearner: true)));
        await joining.StartAsync(Joining);
        Assert.Equal(added.ID, joining.Id);
        Assert.Equal("FailedPrecondition: etcdserver: rpc not supported for learner", await Refusals.OfAsync(() => joining.Client.GetAsync("key")));
        Assert.True((await joining.Client.StatusAsync()).IsLearner);

        await PromoteAsync(followers[0], added.ID);
        await Until.HoldsAsync(async () => !(await joining.Client.StatusAsync()).IsLearner, "the learner hears of its promotion");
        await load.ProgressAsync(200);
        await joining.Client.PutAsync("from", "the new one");

        // Another address, which the others are told before it is there.
        await joining.TerminateAsync();
        joining.PeerUrl = LiveCluster.NewPeerUrl();
        await leader.Client.UpdateMemberAsync(added.ID, joining.PeerUrl);
        await joining.StartAsync(Joining);
        await load.ProgressAsync(200);
        await cluster.LeaderAsync();

        // One that leads goes as well.
        await Until.HoldsAsync(async () => await Refusals.TryAsync(() => leader.Client.MoveLeaderAsync(added.ID)), "the new member leads");
        await Until.HoldsAsync(async () => await Refusals.TryAsync(() => followers[1].Client.RemoveMemberAsync(added.ID)), "the new member may be removed");
        Assert.Equal(0, await joining.Process.ExitCodeAsync());
        Assert.Contains(joining.Process.Log.Lines, line => line.Contains("the member has been permanently removed from the cluster"));
        await load.ProgressAsync(200);
        await joining.LaunchAsync(Joining);
        await joining.Process.ExitCodeAsync();
        Assert.Contains(joining.Process.Log.Lines, line => line.Contains("the member has been permanently removed from the cluster"));
        cluster.Forget(joining);
        await joining.DisposeAsync();

        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
        Assert.Equal(3, (await leader.Client.MembersAsync()).Members.Count);
    }

    [Fact]
    public async Task One_member_grows_to_three_and_no_faster_than_they_start()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(1);
        await cluster[0].Client.PutAsync("key", "value");
        var second = cluster.Add();
        await cluster[0].Client.AddMemberAsync(second.PeerUrl);
        Assert.Equal(NotEnough, await Refusals.OfAsync(() => cluster[0].Client.AddMemberAsync("http://127.0.0.1:1")));
        await second.StartAsync(Joining);
        var third = cluster.Add();
        Assert.Equal(
            "FailedPrecondition: etcdserver: Peer URLs already exists",
            await UntilHealthyAsync(() => cluster[0].Client.AddMemberAsync(second.PeerUrl)));
        await Until.HoldsAsync(async () => await Refusals.TryAsync(() => second.Client.AddMemberAsync(third.PeerUrl)), "a third may be added");
        await third.StartAsync(Joining);

        await third.Client.PutAsync("key", "changed");
        await cluster.AssertEqualAsync();
    }

    [Fact]
    public async Task Changes_that_would_cost_the_majority_are_refused()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3);
        var (leader, followers) = (await cluster.LeaderAsync(), await cluster.FollowersAsync());
        Assert.Equal(
            "NotFound: etcdserver: member not found",
            await Refusals.OfAsync(() => leader.Client.RemoveMemberAsync(1)));
        Assert.Equal(
            "NotFound: etcdserver: member not found",
            await Refusals.OfAsync(() => leader.Client.UpdateMemberAsync(1, "http://127.0.0.1:1")));
        Assert.Equal(
            "FailedPrecondition: etcdserver: can only promote a learner member",
            await Refusals.OfAsync(() => leader.Client.PromoteMemberAsync(followers[0].Id)));
        Assert.Equal(
            "NotFound: etcdserver: member not found",
            await Refusals.OfAsync(() => followers[0].Client.PromoteMemberAsync(1)));
        Assert.Equal(
            "InvalidArgument: etcdserver: given member URLs are invalid",
            await Refusals.OfAsync(() => leader.Client.AddMemberAsync("nonsense")));

        ulong gone = followers[0].Id;
        await followers[0].KillAsync();
        await leader.Process.Log.LineAsync(line => line.Contains("peer became inactive") && line.Contains($"{gone:x}")).WaitAsync(Limits.Patience);
        Assert.Equal(Unhealthy, await Refusals.OfAsync(() => leader.Client.RemoveMemberAsync(followers[1].Id)));
        Assert.Equal(Unhealthy, await Refusals.OfAsync(() => leader.Client.AddMemberAsync("http://127.0.0.1:1")));

        await leader.Client.RemoveMemberAsync(gone);
        await leader.Client.PutAsync("key", "value");
        await followers[0].LaunchAsync();
        await followers[0].Process.ExitCodeAsync();
        Assert.Contains(followers[0].Process.Log.Lines, line => line.Contains("the member has been permanently removed from the cluster"));
        cluster.Forget(followers[0]);
        await followers[0].DisposeAsync();
        await cluster.AssertEqualAsync();
    }

    [Fact]
    public async Task A_member_that_is_not_who_it_should_be_is_refused_and_the_cluster_goes_on()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3, LiveCluster.Steady);
        await using var load = new ClusterLoad(cluster);
        load.Start();
        var (leader, followers) = (await cluster.LeaderAsync(), await cluster.FollowersAsync());
        ulong term = (await leader.Client.StatusAsync()).RaftTerm;
        var (absent, other) = (followers[0], followers[1]);
        string own = absent.DataDirectory, others = other.DataDirectory + ".copy";
        await other.TerminateAsync();
        DirectoryCopy.Make(other.DataDirectory, others);
        await other.StartAsync();
        await absent.TerminateAsync();

        // One without memory may have voted.
        absent.DataDirectory = own + ".wiped";
        await AssertRefusedAsync(absent, $"member {absent.Id:x} has already been bootstrapped", "--initial-cluster-state=new");
        await AssertRefusedAsync(absent, $"member {absent.Id:x} has already been bootstrapped", Joining);

        // What another remembers.
        absent.DataDirectory = others;
        await AssertRefusedAsync(absent, $"{others} is that of member {other.Id:x}");

        absent.DataDirectory = own + ".wiped";
        string self = absent.InitialUrl, rest = string.Join(',', cluster.Members.Where(member => member != absent).Select(member => member.InitialUrl));
        await AssertRefusedAsync(absent, $"couldn't find local name \"{absent.Name}\" in the initial cluster configuration", $"--initial-cluster={rest}");
        await AssertRefusedAsync(absent, "has duplicate url", $"--initial-cluster={self},{rest},m9={absent.PeerUrl}");
        await AssertRefusedAsync(
            absent, "missing from --initial-advertise-peer-urls", $"--initial-cluster={rest},{absent.Name}=http://127.0.0.1:1");
        await AssertRefusedAsync(
            absent, "cannot fetch cluster info from peer urls", Joining, $"--initial-cluster={self},m9=http://127.0.0.1:1");
        await AssertRefusedAsync(absent, "member count is unequal", Joining, $"--initial-cluster={self},{leader.InitialUrl}");
        await AssertRefusedAsync(
            absent, "no match found for existing member", Joining, $"--initial-cluster={self},{leader.InitialUrl},m9=http://127.0.0.1:1");

        // Of another cluster, as its own flags have it: nobody listens to it.
        await absent.LaunchAsync("--initial-cluster-token=another", "--initial-cluster-state=new");
        await absent.Process.LineAsync("cluster ID mismatch");
        await absent.KillAsync();

        absent.DataDirectory = own;
        await absent.StartAsync();
        await load.ProgressAsync(100);
        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
        Assert.Equal(term, (await leader.Client.StatusAsync()).RaftTerm);
    }

    [Fact]
    public async Task One_that_lost_its_directory_while_nobody_was_there_to_refuse_it_does_not_vote_for_whoever_comes()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3);
        await cluster[0].Client.PutAsync("key", "value");
        await cluster.AssertEqualAsync();
        foreach (var member in cluster.Members)
            await member.KillAsync();
        var (behind, wiped) = (cluster[1], cluster[2]);
        string own = wiped.DataDirectory;
        wiped.DataDirectory = own + ".wiped";
        await wiped.LaunchAsync("--initial-cluster-state=new");
        await wiped.Process.LineAsync("serving peer traffic");

        await behind.StartAsync();

        Assert.NotEqual(0, await wiped.Process.ExitCodeAsync());
        string error = Assert.Single(wiped.Process.Log.Lines, line => line.Contains("\"level\":\"fatal\""));
        Assert.Contains($"member {wiped.Id:x} has already been bootstrapped", MemberProcess.Field(error, "error"));
        Assert.Equal(0u, (await behind.Client.StatusAsync()).Leader);
        wiped.DataDirectory = own;
        await cluster.StartAllAsync();
        Assert.Equal("value", Assert.Single((await wiped.Client.GetAsync("key")).Kvs).Value.ToStringUtf8());
        await cluster.AssertEqualAsync();
    }

    private static async Task AssertRefusedAsync(ClusterMember member, string reason, params string[] flags)
    {
        await member.LaunchAsync(flags);
        Assert.NotEqual(0, await member.Process.ExitCodeAsync());
        string error = Assert.Single(member.Process.Log.Lines, line => line.Contains("\"level\":\"fatal\""));
        Assert.Contains(reason, MemberProcess.Field(error, "error"));
        Assert.False(Directory.Exists(Path.Combine(member.DataDirectory, "wal")) && member.DataDirectory.EndsWith(".wiped"));
    }

    private static Task PromoteAsync(ClusterMember by, ulong id) => Until.HoldsAsync(async () =>
    {
        if (await Refusals.TryAsync(() => by.Client.PromoteMemberAsync(id)))
            return true;
        Assert.Equal(NotInSync, await Refusals.OfAsync(() => by.Client.PromoteMemberAsync(id)));
        return false;
    }, "the learner catches up");

    /// <summary>Changes are refused while connections are young, and until a member's name has made the rounds.</summary>
    private static async Task<string> UntilHealthyAsync(Func<Task> call)
    {
        string refusal = "";
        await Until.HoldsAsync(async () => (refusal = await Refusals.OfAsync(call)) is not (Unhealthy or NotEnough), "the cluster is healthy");
        return refusal;
    }
}
