using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Tests.Rig;

public sealed class ServerCommandTests
{
    private static readonly Dictionary<string, string> Places = new()
    {
        ["name"] = "m1", ["data-dir"] = "/d", ["client-url"] = "http://c", ["peer-url"] = "http://p",
        ["initial-cluster"] = "m1=http://p", ["state"] = "new", ["token"] = "t",
    };

    [Fact]
    public void A_template_with_places_is_filled_in_and_nothing_is_added()
    {
        Assert.Equal(["server", "-n", "m1", "--dir=/d/m1"], new ServerCommand("server -n {name} --dir={data-dir}/{name}").For(Places));
    }

    [Fact]
    public void A_program_without_places_gets_the_flags_of_a_member_behind_its_own()
    {
        var words = new ServerCommand("etcd --log-level=warn").For(Places);

        Assert.Equal(["etcd", "--log-level=warn", "--name=m1"], words.Take(3));
        Assert.Contains("--initial-cluster-state=new", words);
        Assert.Contains("--election-timeout=1000", words);
    }

    [Fact]
    public void A_place_of_unknown_name_is_refused_with_the_known_ones()
    {
        var refusal = Assert.Throws<RigException>(() => new ServerCommand("server {nam}").For(Places));

        Assert.Contains("{nam}", refusal.Message);
        Assert.Contains("{name}", refusal.Message);
    }
}
