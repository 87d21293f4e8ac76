using System.Diagnostics;
using System.Globalization;
using Orchestrator.Scheduling.Benchmark;

// How many pods a second the scheduler's core places, with Kubernetes' default plugins: `[NODES] [PODS]`.
int nodeCount = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5000;
int podCount = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 30_000;

Console.WriteLine($"{nodeCount} nodes in 3 zones, {podCount} pods of 100 sets; pods/s, p99 of a decision, memory");
foreach (var workload in Workload.All)
{
    // The first run is the compiler's.
    new SchedulingRun(workload, nodeCount, Math.Min(podCount, 3000)).Run();
    var run = new SchedulingRun(workload, nodeCount, podCount);
    long begin = Stopwatch.GetTimestamp();
    run.Run();
    double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
    long memory = GC.GetTotalMemory(forceFullCollection: true) >> 20;
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{workload.Name,-34} {podCount / seconds,9:n0}  {run.Percentile(0.99).TotalMicroseconds,7:n0} us  {memory,5} MiB"
        + $"  placed {run.PlacedCount}"));
}
