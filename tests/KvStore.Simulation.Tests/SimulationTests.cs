using System.Diagnostics;
using KvStore.Testing;

namespace KvStore.Simulation.Tests;

public class SimulationTests
{
    [Fact]
    public void A_cluster_keeps_its_promises_whatever_the_seed_does_to_it()
    {
        int seeds = Lanes.Pick(40, 600, 100_000);
        var clock = Stopwatch.StartNew();
        var total = new SimulationResult();

        for (int seed = 1; seed <= seeds; seed++)
            total += RunOrTellHow(SimulationPlan.Of(seed), $"--seed {seed} --trace");

        Assert.True(total.Crashes >= seeds, $"only {total.Crashes} crashes");
        Assert.True(total.Elections >= seeds, $"only {total.Elections} elections");
        Assert.True(total.Snapshots >= seeds / 4, $"only {total.Snapshots} snapshots were sent");
        Figures.Report($"simulation of clusters: {seeds} seeds, {seeds / clock.Elapsed.TotalSeconds:F1} a second, {total}");
    }

    [Fact]
    public void A_member_alone_keeps_its_promises_whatever_the_seed_does_to_it()
    {
        int seeds = Lanes.Pick(40, 1_000, 100_000);
        var total = new SimulationResult();

        for (int seed = 1; seed <= seeds; seed++)
            total += RunOrTellHow(SimulationPlan.Of(seed, memberCount: 1), $"--seed {seed} --members 1 --trace");

        Assert.True(total.Crashes >= seeds, $"only {total.Crashes} crashes");
        Figures.Report($"simulation of one member: {seeds} seeds, {total}");
    }

    [Fact]
    public void A_crash_or_power_loss_at_any_operation_of_the_disk_loses_nothing_acknowledged()
    {
        long operations = Simulation.Run(SimulationPlan.Scripted(0, isPowerLoss: false)).DiskOperations;
        int every = Lanes.Pick(25, 1, 1);
        var total = new SimulationResult();

        for (long operation = 1; operation <= operations; operation += every)
        {
            total += RunOrTellHow(SimulationPlan.Scripted(operation, isPowerLoss: false), $"--operation {operation} --crash");
            total += RunOrTellHow(SimulationPlan.Scripted(operation, isPowerLoss: true), $"--operation {operation} --power-loss");
        }

        Assert.True(operations >= 200, $"the workload has only {operations} operations of the disk");
        Figures.Report($"crash and power loss at each of {operations} disk operations: {total}");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(11)]
    [InlineData(20)]
    public void The_same_seed_gives_the_same_run(int seed)
    {
        var first = Simulation.Run(SimulationPlan.Of(seed));
        var second = Simulation.Run(SimulationPlan.Of(seed));

        Assert.Equal(first, second);
    }

    [Fact]
    public void Another_seed_gives_another_run() =>
        Assert.NotEqual(Simulation.Run(SimulationPlan.Of(1)).TraceHash, Simulation.Run(SimulationPlan.Of(2)).TraceHash);

    private static SimulationResult RunOrTellHow(SimulationPlan plan, string arguments)
    {
        try
        {
            return Simulation.Run(plan);
        }
        catch (SimulationFailedException failure)
        {
            throw new SimulationFailedException(
                $"{failure.Message}\nrepeat it: dotnet run -c Release --project tests/KvStore.Simulation -- {arguments}", failure);
        }
    }
}
