using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Tests.Rig;

public sealed class DropRuleTests
{
    [Fact]
    public void A_rule_names_both_ports_and_its_counter()
    {
        Assert.Equal("""iifname "m1p" oifname "m2p" counter name "f7" drop""", new DropRule("m1p", "m2p").ToNft("f7"));
    }

    [Fact]
    public void A_rule_for_some_frames_draws_for_each_behind_its_condition()
    {
        var rule = new DropRule("m1p", "m2p", Percent: 30, Match: "tcp sport { 1, 2 }");

        Assert.Equal(
            """iifname "m1p" oifname "m2p" tcp sport { 1, 2 } numgen random mod 100 < 30 counter name "f1" drop""", rule.ToNft("f1"));
    }
}
