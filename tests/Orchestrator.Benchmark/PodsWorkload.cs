using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Orchestrator.Benchmark;

/// <summary>Many Deployments at once on many hollow nodes, and single requests beside a steady stream of new pods.</summary>
internal static class PodsWorkload
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>How long pods are created at <see cref="SteadyPodsPerSecond"/> while single requests are timed.</summary>
    private static readonly TimeSpan SteadyTime = TimeSpan.FromSeconds(30);

    private const int SteadyPodsPerSecond = 100;
    private const int PodsOfSteadyDeployment = 10;

    /// <param name="isApart">Each part is a process of its own, so that its memory is seen.</param>
    public static async Task<bool> RunAsync(int nodes, int pods, int deployments, bool isApart)
    {
        using var cluster = new BenchmarkCluster();
        var started = isApart
            ? await cluster.StartPartsAsync(nodes)
            : cluster.Start("--hollow-nodes", nodes.ToString(CultureInfo.InvariantCulture));
        Say($"{nodes} hollow nodes Ready after {started.TotalSeconds:0.0} s, {cluster.Memory()}");
        using var client = cluster.Connect();

        var running = new RunningPods();
        using var ending = new CancellationTokenSource(Limit);
        var watching = running.WatchAsync(cluster, "default", ending.Token);
        await running.Started;
        var processor = cluster.ProcessorTime();
        var watch = Stopwatch.StartNew();
        await Parallel.ForEachAsync(Enumerable.Range(0, deployments), new ParallelOptions { MaxDegreeOfParallelism = 10 }, async (index, _) =>
            await BenchmarkCluster.SendAsync(client, HttpMethod.Post, "/apis/apps/v1/namespaces/default/deployments",
                Deployment($"load-{index}", pods / deployments)));
        await running.ReachedAsync(pods / deployments * deployments, ending.Token);
        double rate = running.Count / watch.Elapsed.TotalSeconds;
        Say($"{running.Count} pods of {deployments} Deployments Running after {watch.Elapsed.TotalSeconds:0.0} s: {rate:0} pods/s, {(cluster.ProcessorTime() - processor).TotalSeconds:0.0} s of processor time, {cluster.Memory()}");
        bool isFastEnough = Floor("pods/s from first create to all Running", rate, 300, isLeast: true);

        var (reads, writes) = await SteadyAsync(cluster, client, ending.Token);
        Say($"single reads beside {SteadyPodsPerSecond} pods/s: {reads}");
        Say($"single writes beside {SteadyPodsPerSecond} pods/s: {writes}");
        Say($"{cluster.Memory()}");
        bool areReadsQuick = Floor("p99 of single reads, ms", reads.Percentile(99), 20, isLeast: false);
        bool areWritesQuick = Floor("p99 of single writes, ms", writes.Percentile(99), 20, isLeast: false);
        await ending.CancelAsync();
        await watching;
        return isFastEnough && areReadsQuick && areWritesQuick;
    }

    private static async Task<(Latencies Reads, Latencies Writes)> SteadyAsync(BenchmarkCluster cluster, HttpClient client, CancellationToken cancellation)
    {
        Latencies reads = new(), writes = new();
        using var prober = cluster.Connect();
        await BenchmarkCluster.SendAsync(prober, HttpMethod.Post, "/api/v1/namespaces/default/configmaps", ConfigMap(0));
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var probing = Task.Run(async () =>
        {
            for (int count = 1; !ending.IsCancellationRequested; count++)
            {
                long at = Stopwatch.GetTimestamp();
                using (var response = await prober.GetAsync("/api/v1/namespaces/default/configmaps/probe", CancellationToken.None))
                    await response.Content.CopyToAsync(Stream.Null, CancellationToken.None);
                reads.Add(Stopwatch.GetElapsedTime(at));
                at = Stopwatch.GetTimestamp();
                await BenchmarkCluster.SendAsync(prober, HttpMethod.Put, "/api/v1/namespaces/default/configmaps/probe", ConfigMap(count));
                writes.Add(Stopwatch.GetElapsedTime(at));
                await Task.Delay(10, CancellationToken.None);
            }
        }, CancellationToken.None);
        var watch = Stopwatch.StartNew();
        int deployments = (int)(SteadyTime.TotalSeconds * SteadyPodsPerSecond / PodsOfSteadyDeployment);
        for (int index = 0; index < deployments; index++)
        {
            var due = TimeSpan.FromSeconds((double)index * PodsOfSteadyDeployment / SteadyPodsPerSecond) - watch.Elapsed;
            if (due > TimeSpan.Zero)
                await Task.Delay(due, cancellation);
            await BenchmarkCluster.SendAsync(client, HttpMethod.Post, "/apis/apps/v1/namespaces/default/deployments",
                Deployment($"steady-{index}", PodsOfSteadyDeployment));
        }
        await ending.CancelAsync();
        await probing;
        return (reads, writes);
    }

    private static string Deployment(string name, int replicas) => $$$$$"""
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"{{{{{name}}}}}"},"spec":{"replicas":{{{{{replicas}}}}},
        "selector":{"matchLabels":{"app":"{{{{{name}}}}}"}},"template":{"metadata":{"labels":{"app":"{{{{{name}}}}}"}},
        "spec":{"containers":[{"name":"c","image":"nginx:1.27","resources":{"requests":{"cpu":"10m","memory":"16Mi"}}}]}}}}
        """;

    private static string ConfigMap(int value) =>
        $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"probe"},"data":{"value":"{{{value}}}"}}""";

    public static void Say(FormattableString text) => Console.WriteLine(FormattableString.Invariant(text));

    public static bool Floor(string what, double value, double limit, bool isLeast)
    {
        bool isReached = isLeast ? value >= limit : value <= limit;
        Say($"floor {what} {(isLeast ? ">=" : "<=")} {limit}: {(isReached ? "reached" : "MISSED")} ({value:0.0})");
        return isReached;
    }

    /// <summary>Counts pods that run, from one watch.</summary>
    private sealed class RunningPods
    {
        private readonly HashSet<string> _running = [];
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private (int Count, TaskCompletionSource Reached)? _goal;

        public int Count => _running.Count;

        public Task Started => _started.Task;

        public async Task ReachedAsync(int count, CancellationToken cancellation)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_running)
            {
                if (_running.Count >= count)
                    return;
                _goal = (count, reached);
            }
            await reached.Task.WaitAsync(cancellation);
        }

        public async Task WatchAsync(BenchmarkCluster cluster, string ns, CancellationToken cancellation)
        {
            try
            {
                using var client = cluster.Connect();
                using var response = await client.GetAsync($"/api/v1/namespaces/{ns}/pods?watch=true&timeoutSeconds=3600",
                    HttpCompletionOption.ResponseHeadersRead, cancellation);
                response.EnsureSuccessStatusCode();
                using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
                _started.TrySetResult();
                while (await reader.ReadLineAsync(cancellation) is { } line)
                    Note(line);
                throw new InvalidOperationException("the watch ended");
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                _started.TrySetCanceled(cancellation);
            }
        }

        private void Note(string line)
        {
            // Parsing each event whole would cost the machine more than the server's work does.
            if (!line.Contains("\"phase\":\"Running\"", StringComparison.Ordinal))
                return;
            using var change = JsonDocument.Parse(line);
            string name = change.RootElement.GetProperty("object").GetProperty("metadata").GetProperty("name").GetString()!;
            lock (_running)
            {
                if (_running.Add(name) && _goal is { } goal && _running.Count >= goal.Count)
                    goal.Reached.TrySetResult();
            }
        }
    }
}
