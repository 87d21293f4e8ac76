namespace KvStore.Simulation.Tests;

public class ShrinkingTests
{
    /// <summary>No promise can be kept on a disk that lies about its syncs.</summary>
    private static SimulationPlan OnLyingDisks(int seed) => SimulationPlan.Of(seed) with { SyncLies = 30, PowerLossPercent = 100 };

    [Fact]
    public void A_failing_plan_gets_smaller_and_fails_in_the_same_way()
    {
        var plan = OnLyingDisks(5);
        var failure = Assert.Throws<SimulationFailedException>(() => Simulation.Run(plan));
        var told = new List<string>();

        var smallest = Shrinking.Of(plan, told.Add);

        Assert.NotNull(smallest);
        Assert.Equal(failure.Message, told[0]);
        Assert.True(told.Count > 3, $"only {told.Count - 1} steps");
        Assert.True(smallest.Duration < plan.Duration);
        Assert.Equal(failure.Checker, Assert.Throws<SimulationFailedException>(() => Simulation.Run(smallest)).Checker);
    }

    [Fact]
    public void What_is_told_of_a_smaller_plan_leads_to_it()
    {
        var smallest = Shrinking.Of(OnLyingDisks(5), _ => { })!;

        var repeated = SimulationPlan.Of(5);
        foreach (string setting in smallest.DifferencesFrom(repeated).ToList())
        {
            string[] parts = setting.Split('=', 2);
            repeated = repeated.With(parts[0], parts[1]);
        }

        Assert.Equal(smallest, repeated);
    }

    [Fact]
    public void A_plan_that_does_not_fail_is_not_shrunk() =>
        Assert.Null(Shrinking.Of(SimulationPlan.Of(1) with { Duration = TimeSpan.FromSeconds(2) }, _ => { }));
}
