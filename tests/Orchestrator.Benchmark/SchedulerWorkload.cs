using System.Diagnostics;

namespace Orchestrator.Benchmark;

/// <summary>How many pods a second the scheduler's core places, with Kubernetes' default plugins, beside nothing else.</summary>
internal static class SchedulerWorkload
{
    private const int Nodes = 5000;
    private const int Pods = 30_000;

    /// <summary>Of a first run, which is the compiler's.</summary>
    private const int WarmingPods = 3000;

    public static bool Run()
    {
        PodsWorkload.Say($"{Nodes} nodes in 3 zones, {Pods} pods of 100 sets; pods/s, p99 of a decision, memory");
        bool isReached = true;
        foreach (var load in SchedulingLoad.All)
        {
            new SchedulingRun(load, Nodes, WarmingPods).Run();
            var run = new SchedulingRun(load, Nodes, Pods);
            long begin = Stopwatch.GetTimestamp();
            run.Run();
            double rate = Pods / Stopwatch.GetElapsedTime(begin).TotalSeconds;
            long memory = GC.GetTotalMemory(forceFullCollection: true) >> 20;
            PodsWorkload.Say($"{load.Name,-34} {rate,9:n0}  {run.Percentile(0.99).TotalMicroseconds,7:n0} us  {memory,5} MiB  placed {run.PlacedCount}");
            if (load == SchedulingLoad.All[0])
                isReached = PodsWorkload.Floor("pods/s of the scheduler alone", rate, 5000, isLeast: true);
        }
        return isReached;
    }
}
