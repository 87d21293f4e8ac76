using KvStore.Chaos.Checkers;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class CoverageFloorsTests
{
    [Fact]
    public void Floors_grow_with_the_minutes_of_a_run()
    {
        var history = RunHistory.Of(LargeHistory.Of(1000));

        var floors = AllCheckers.Check(history, minutes: 6).Floors;

        Assert.Equal((1000, 40_000), (floors[0].Count, floors[0].Least));
        Assert.Equal(["operations", "effective faults", "elections", "snapshots sent", "resumed watches", "unknown outcomes",
            "compactions"], floors.Where(floor => !floor.IsMet).Select(floor => floor.Name));
        Assert.Equal([40_000, 60, 10, 2, 40, 100, 6], floors.Take(7).Select(floor => floor.Least));
    }

    [Fact]
    public void A_run_below_a_floor_does_not_pass_and_says_so()
    {
        var history = RunHistory.Of(LargeHistory.Of(1000));

        var output = new StringWriter();
        var verdict = AllCheckers.Check(history, minutes: 6);
        VerdictText.Write(verdict, output);

        Assert.False(verdict.IsPassed);
        Assert.Contains("! compactions: 0, at least 6", output.ToString());
    }

    [Fact]
    public void A_run_that_was_cut_short_does_not_pass()
    {
        var history = RunHistory.Of(LargeHistory.Of(1000).SkipLast(1));

        Assert.Equal("incomplete", AllCheckers.Check(history, minutes: 0).Word);
    }
}
