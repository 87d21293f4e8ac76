using KvStore.Server.Cluster;

namespace KvStore.Server.Tests.Cluster;

public class IdentityTests
{
    [Theory]
    [InlineData("http://localhost:2380", "etcd-cluster", "8e9e05c52164694d", "cdf818194e3a8c32")]
    [InlineData("http://127.0.0.1:34412", "tok", "ece6e3b4744761dc", "b9ae520c2174af9b")]
    public void Ids_are_those_that_etcd_gives_itself(string peerUrl, string token, string member, string cluster)
    {
        MemberId id = Identity.OfMember([peerUrl], token);

        Assert.Equal(member, id.ToString());
        Assert.Equal(cluster, Identity.OfCluster([id]).ToString());
    }

    [Fact]
    public void The_order_of_urls_and_members_does_not_count()
    {
        MemberId a = Identity.OfMember(["http://a:1", "http://b:2"], "t");
        MemberId b = Identity.OfMember(["http://c:3"], "t");

        Assert.Equal(a, Identity.OfMember(["http://b:2", "http://a:1"], "t"));
        Assert.Equal(Identity.OfCluster([a, b]), Identity.OfCluster([b, a]));
    }

    [Fact]
    public void A_member_added_later_has_the_time_in_its_id()
    {
        var time = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

        Assert.Equal(Identity.OfMember(["http://a:1"], "t1700000000"), Identity.OfMember(["http://a:1"], "t", time));
    }
}
