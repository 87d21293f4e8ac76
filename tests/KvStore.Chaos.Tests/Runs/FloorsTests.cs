using KvStore.Chaos.Runs;

namespace KvStore.Chaos.Tests.Runs;

public sealed class FloorsTests
{
    private static readonly RunSummary Enough = new()
    {
        Minutes = 3,
        Operations = 20_000,
        EffectiveFaults = 30,
        Elections = 5,
        SnapshotsSent = 1,
        ResumedWatches = 20,
        UnknownOutcomes = 50,
        Compactions = 3,
    };

    [Fact]
    public void A_run_that_reaches_all_floors_is_valid() => Assert.Empty(Floors.Missed(Enough));

    [Fact]
    public void A_run_with_too_few_elections_says_how_many_there_were_and_are_needed() =>
        Assert.Equal(["4 elections, 5 are the least"], Floors.Missed(Enough with { Elections = 4 }));

    [Fact]
    public void Twice_the_time_must_have_twice_as_much() =>
        Assert.Contains("20000 operations, 40000 are the least", Floors.Missed(Enough with { Minutes = 6 }));
}
