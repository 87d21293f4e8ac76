using KvStore.Server.Cluster;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tests.Cluster;

public sealed class DirectoryOwnerTests
{
    private const string Flags = "--initial-cluster=m1=http://10.0.0.1:1,m2=http://10.0.0.2:1";

    private static readonly MemberId First = Identity.OfMember(["http://10.0.0.1:1"], "etcd-cluster");
    private static readonly MemberId Second = Identity.OfMember(["http://10.0.0.2:1"], "etcd-cluster");

    private static readonly Protocol.Member[] Known = [new() { ID = First.Value, Name = "m1" }, new() { ID = Second.Value, Name = "m2" }];

    private static void Check(MemberId owner, Protocol.Member[] members, params string[] flags) =>
        DirectoryOwner.Check(ConfigurationReader.FromFlags(flags), owner, members);

    [Fact]
    public void A_member_runs_in_its_own_directory()
    {
        Check(First, [], "--name=m1", Flags);
        Check(First, Known, "--name=m1", Flags);
        Check(First, Known, "--name=m1");
    }

    [Fact]
    public void By_what_the_directory_says_of_the_members_it_is_anothers()
    {
        var refusal = Assert.Throws<ConfigurationException>(() => Check(Second, Known, "--name=m1", "--data-dir=d"));

        Assert.Equal(
            $"the data directory d is that of member {Second} (m2), not of m1: start each member with its own --name and --data-dir",
            refusal.Message);
    }

    [Fact]
    public void By_the_flags_it_is_anothers_where_it_says_nothing_yet()
    {
        var refusal = Assert.Throws<ConfigurationException>(() => Check(Second, [], "--name=m1", Flags));

        Assert.Contains($"is that of member {Second} (m2), not of m1", refusal.Message);
    }

    [Fact]
    public void A_member_may_take_a_new_name_or_move_as_long_as_the_new_one_is_nobody_elses()
    {
        Check(Second, Known, "--name=m3", Flags);
        Check(Second, Known, "--name=m3", "--initial-cluster=m1=http://10.0.0.1:1,m3=http://10.0.0.2:1");
        Check(Second, Known, "--name=m2", "--initial-cluster=m1=http://10.0.0.1:1,m2=http://10.0.0.9:1");
        Check(Second, [], "--name=m2", "--initial-cluster=nonsense");
    }
}
