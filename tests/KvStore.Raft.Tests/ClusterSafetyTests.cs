using KvStore.Raft.Tests.Simulation;
using KvStore.Testing;
using Xunit.Abstractions;

namespace KvStore.Raft.Tests;

public sealed class ClusterSafetyTests(ITestOutputHelper output)
{
    private const int StepCount = 6_000;

    [Fact]
    public void Nothing_committed_is_lost_and_no_read_is_stale_whatever_happens()
    {
        int seeds = Lanes.Pick(fast: 50, readme: 200, @long: 5_000);
        var (committed, reads, leaders) = (0ul, 0, 0);

        for (int seed = 0; seed < seeds; seed++)
        {
            var checker = Run(seed);
            committed += checker.MaxCommitted;
            reads += checker.ReadCount;
            leaders += checker.LeaderCount;
        }

        output.WriteLine($"{seeds} seeds: {committed} entries committed, {reads} reads, {leaders} leaders");
        // A group in which nothing happens would be safe too.
        Assert.True(committed > (ulong)seeds * 50);
        Assert.True(reads > seeds * 10);
        Assert.True(leaders > seeds * 2);
    }

    private static SafetyChecker Run(int seed)
    {
        try
        {
            var cluster = new SimulatedCluster(seed);
            cluster.RunInChaos(StepCount);
            bool commits = cluster.CommitsOnceHealed();
            Assert.True(commits || cluster.ChangesMembers, $"the healed group commits nothing: {cluster}");
            return cluster.Checker;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"seed {seed}: {error.Message}", error);
        }
    }
}
