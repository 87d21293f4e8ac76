namespace Orchestrator.Benchmark;

/// <summary>The time from the command to a Ready node, and what a cluster costs that has nothing to do.</summary>
internal static class StartWorkload
{
    private const int Rounds = 5;
    /// <summary>What runs often in the first minute is compiled anew in it: that is no idling yet.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Observed = TimeSpan.FromSeconds(60);

    public static async Task<bool> RunAsync()
    {
        using var cluster = new BenchmarkCluster();
        var first = cluster.Start("--hollow-nodes", "1");
        PodsWorkload.Say($"first start to Ready: {first.TotalSeconds:0.00} s");
        Latencies warm = new();
        for (int round = 0; round < Rounds; round++)
        {
            cluster.Stop();
            warm.Add(cluster.Start());
        }
        PodsWorkload.Say($"warm starts to Ready: {warm}");
        bool isQuick = PodsWorkload.Floor("warm start to Ready, s (median)", warm.Percentile(50) / 1000, 3, isLeast: false);
        await Task.Delay(Settling);
        var processor = cluster.ProcessorTime();
        await Task.Delay(Observed);
        double share = (cluster.ProcessorTime() - processor) / Observed * 100;
        long memory = cluster.MemoryMiB();
        PodsWorkload.Say($"idle with one hollow node for {Observed.TotalSeconds} s: {share:0.00} % of a core, {memory} MiB");
        bool isSmall = PodsWorkload.Floor("idle memory, MiB", memory, 200, isLeast: false);
        return PodsWorkload.Floor("idle, % of a core", share, 2, isLeast: false) && isSmall && isQuick;
    }
}
