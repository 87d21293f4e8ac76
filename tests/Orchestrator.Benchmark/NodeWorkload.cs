using System.Diagnostics;
using System.Globalization;
using KvStore.Testing.Containers;
using KvStore.Testing.Linux;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;

namespace Orchestrator.Benchmark;

/// <summary>A node of real containers as its user meets it: starts, pods, restarts, endpoints that go, and what it costs when nothing happens.</summary>
/// <remarks>
/// The "machine" is a network namespace of the benchmark's own, in which this program runs a second time; root and containerd are needed.
/// Pods run busybox, whose image lies at hand as a file.
/// </remarks>
internal static class NodeWorkload
{
    /// <summary>What the program is called with inside of the namespace.</summary>
    public const string InsideWord = "node-inside";

    /// <summary>The name of the part that is many pods at once alone.</summary>
    public const string Burst = "burst";

    private const int Starts = 3;
    private const int SinglePods = 10;
    private const int PodsAtOnce = 20;
    private const int RoundsAtOnce = 3;
    private const int Restarts = 10;
    private const int Removals = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan OneTry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Observed = TimeSpan.FromSeconds(60);

    public static async Task<bool> RunAsync(string part)
    {
        string name = $"orchestrator-benchmark-{Environment.ProcessId}";
        Tools.Run("ip", "netns", "add", name);
        try
        {
            Tools.Run("ip", "-n", name, "link", "set", "lo", "up");
            using var inside = Process.Start("nsenter", ["--net=/run/netns/" + name, Environment.ProcessPath!, .. Program(), InsideWord, part]);
            await inside.WaitForExitAsync();
            return inside.ExitCode == 0;
        }
        finally
        {
            Tools.Run("ip", "netns", "del", name);
        }
    }

    public static async Task<bool> RunInsideAsync(string part)
    {
        string folder = Directory.CreateTempSubdirectory("orchestrator-bench-image-").FullName;
        try
        {
            string image = Path.Combine(folder, "busybox.tar");
            await File.WriteAllBytesAsync(image, BusyboxImage.ToArchive());
            bool isReached = part == Burst || await ColdAsync(image);
            using var cluster = new BenchmarkCluster();
            await StartFirstAsync(cluster, image);
            if (part == Burst)
                return await PodsAtOnceAsync(cluster, folder);
            isReached &= await WarmAsync(cluster);
            isReached &= await IdleAsync(cluster);
            isReached &= await SinglePodsAsync(cluster);
            isReached &= await PodsAtOnceAsync(cluster, folder);
            isReached &= await RestartsAsync(cluster);
            return await RemovalsAsync(cluster) && isReached;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>From the command on a machine without data to an answer of the Deployment, the image's import within.</summary>
    private static async Task<bool> ColdAsync(string image)
    {
        var times = new Latencies();
        for (int round = 0; round < Starts; round++)
        {
            using var cluster = new BenchmarkCluster();
            times.Add(await StartFirstAsync(cluster, image));
        }
        PodsWorkload.Say($"start to an answering Deployment, cold: {times}");
        return PodsWorkload.Floor("cold start to an answering Deployment, s (median)", times.Percentile(50) / 1000, 8, isLeast: false);
    }

    private static async Task<TimeSpan> StartFirstAsync(BenchmarkCluster cluster, string image)
    {
        long began = Stopwatch.GetTimestamp();
        cluster.Start();
        cluster.Run("image", "import", image, "--profile", BenchmarkCluster.Profile);
        using var client = cluster.Connect();
        await BenchmarkCluster.SendAsync(client, HttpMethod.Post, "/apis/apps/v1/namespaces/default/deployments", Deployment("web", 1));
        await BenchmarkCluster.SendAsync(client, HttpMethod.Post, "/api/v1/namespaces/default/services", Service("web", 30080));
        await AnsweredAsync(cluster);
        return Stopwatch.GetElapsedTime(began);
    }

    private static async Task<bool> WarmAsync(BenchmarkCluster cluster)
    {
        var times = new Latencies();
        for (int round = 0; round < Starts; round++)
        {
            cluster.Stop();
            long began = Stopwatch.GetTimestamp();
            cluster.Start();
            await AnsweredAsync(cluster);
            times.Add(Stopwatch.GetElapsedTime(began));
        }
        PodsWorkload.Say($"start to an answering Deployment, warm: {times}");
        return PodsWorkload.Floor("warm start to an answering Deployment, s (median)", times.Percentile(50) / 1000, 4, isLeast: false);
    }

    private static async Task<bool> IdleAsync(BenchmarkCluster cluster)
    {
        await Task.Delay(Settling);
        var processor = cluster.ProcessorTime();
        await Task.Delay(Observed);
        double share = (cluster.ProcessorTime() - processor) / Observed * 100;
        long memory = cluster.MemoryMiB();
        PodsWorkload.Say($"idle with one node, DNS and one pod for {Observed.TotalSeconds} s: {share:0.00} % of a core, {memory} MiB, containerd apart");
        bool isSmall = PodsWorkload.Floor("idle memory, MB", memory * 1.048576, 220, isLeast: false);
        return PodsWorkload.Floor("idle, % of a core", share, 3, isLeast: false) && isSmall;
    }

    private static async Task<bool> SinglePodsAsync(BenchmarkCluster cluster)
    {
        using var client = cluster.Connect();
        await using var pods = await WatchedPods.StartAsync(cluster);
        var times = new Latencies();
        for (int index = 0; index < SinglePods; index++)
        {
            times.Add(await CreateAsync(client, pods, $"single-{index}"));
            await DeleteAsync(client, pods, $"single-{index}");
        }
        PodsWorkload.Say($"create to Running, one pod at a time: {times}");
        return PodsWorkload.Floor("create to Running, s (worst)", times.Percentile(100) / 1000, 1.5, isLeast: false);
    }

    private static async Task<bool> PodsAtOnceAsync(BenchmarkCluster cluster, string folder)
    {
        var times = new Latencies();
        using (var client = cluster.Connect())
        {
            await using var pods = await WatchedPods.StartAsync(cluster);
            for (int round = 0; round < RoundsAtOnce; round++)
            {
                string[] names = [.. Enumerable.Range(0, PodsAtOnce).Select(index => $"many-{round}-{index}")];
                var use = new MachineTime(cluster);
                foreach (var time in await Task.WhenAll(names.Select(name => CreateAsync(client, pods, name))))
                    times.Add(time);
                PodsWorkload.Say($"processor time of {PodsAtOnce} pods at once: {use}");
                await Task.WhenAll(names.Select(name => DeleteAsync(client, pods, name)));
            }
        }
        // The same containerd without a kubelet: it goes on when the cluster's process is killed.
        cluster.Kill();
        var bare = await BareAsync(cluster, folder);
        cluster.Start();
        PodsWorkload.Say($"create to Running, {PodsAtOnce} at once: {times}");
        PodsWorkload.Say($"the same sandboxes and containers by bare CRI calls: {bare}");
        return PodsWorkload.Floor("p99 of many at once, s above bare CRI's", (times.Percentile(99) - bare.Percentile(99)) / 1000, 0.5, isLeast: false);
    }

    /// <summary>What a kubelet asks of the runtime for such a pod, and no more: sandbox, container and start, with the settings and mounts that
    /// it gives them.</summary>
    private static async Task<Latencies> BareAsync(BenchmarkCluster cluster, string folder)
    {
        var times = new Latencies();
        using var connection = new CriConnection(new CriOptions { Socket = cluster.NodeFile("containerd.sock"), StartsAtOnce = PodsAtOnce });
        var runtime = new CriContainerRuntime(connection);
        for (int round = 0; round < RoundsAtOnce; round++)
        {
            BarePod[] pods = [.. Enumerable.Range(0, PodsAtOnce).Select(index => BarePod.Prepare(Path.Combine(folder, "bare"), $"bare-{round}-{index}"))];
            var use = new MachineTime(cluster);
            string[] sandboxes = await Task.WhenAll(pods.Select(async pod =>
            {
                long began = Stopwatch.GetTimestamp();
                string sandbox = await runtime.RunPodSandboxAsync(pod.Sandbox, CancellationToken.None);
                string container = await runtime.CreateContainerAsync(sandbox, pod.Container, pod.Sandbox, CancellationToken.None);
                await runtime.StartContainerAsync(container, CancellationToken.None);
                times.Add(Stopwatch.GetElapsedTime(began));
                return sandbox;
            }));
            PodsWorkload.Say($"processor time of {PodsAtOnce} by bare CRI calls: {use}");
            await Task.WhenAll(sandboxes.Select(async sandbox =>
            {
                await runtime.StopPodSandboxAsync(sandbox, CancellationToken.None);
                await runtime.RemovePodSandboxAsync(sandbox, CancellationToken.None);
            }));
        }
        BarePod.RemoveCgroups();
        return times;
    }

    /// <summary>From a container's SIGKILL to the status that says it runs again; a first restart has no back-off.</summary>
    private static async Task<bool> RestartsAsync(BenchmarkCluster cluster)
    {
        using var client = cluster.Connect();
        await using var pods = await WatchedPods.StartAsync(cluster);
        var times = new Latencies();
        for (int index = 0; index < Restarts; index++)
        {
            string name = $"restarted-{index}";
            await CreateAsync(client, pods, name);
            string container = pods.Find(name)!.ContainerId["containerd://".Length..];
            long began = Stopwatch.GetTimestamp();
            Tools.Run("ctr", "--address", cluster.NodeFile("containerd.sock"), "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", container);
            await pods.UntilAsync(name, pod => pod is { Restarts: > 0, IsRunning: true }, Limit);
            times.Add(Stopwatch.GetElapsedTime(began));
            await DeleteAsync(client, pods, name);
        }
        PodsWorkload.Say($"killed container to running again: {times}");
        return PodsWorkload.Floor("killed container to running again, s (worst)", times.Percentile(100) / 1000, 1, isLeast: false);
    }

    /// <summary>From a pod's delete to rules without its address.</summary>
    private static async Task<bool> RemovalsAsync(BenchmarkCluster cluster)
    {
        using var client = cluster.Connect();
        await using var pods = await WatchedPods.StartAsync(cluster);
        await BenchmarkCluster.SendAsync(client, HttpMethod.Post, "/apis/apps/v1/namespaces/default/deployments", Deployment("many", 3));
        await BenchmarkCluster.SendAsync(client, HttpMethod.Post, "/api/v1/namespaces/default/services", Service("many", 30081));
        string network = $"--net=/proc/{File.ReadAllText(cluster.NodeFile("containerd.pid")).Split(' ')[0]}/ns/net";
        var times = new Latencies();
        for (int index = 0; index < Removals; index++)
        {
            WatchedPod[] ready = await pods.UntilAsync(all => all.Count(pod => pod.Name.StartsWith("many-", StringComparison.Ordinal) && pod is { IsRunning: true, IsLeaving: false }) == 3, Limit);
            WatchedPod pod = ready.First(one => one.Name.StartsWith("many-", StringComparison.Ordinal) && !one.IsLeaving);
            await UntilRulesAsync(network, rules => rules.Contains(pod.Address + " ", StringComparison.Ordinal));
            long began = Stopwatch.GetTimestamp();
            using (var response = await client.DeleteAsync($"/api/v1/namespaces/default/pods/{pod.Name}"))
                response.EnsureSuccessStatusCode();
            await UntilRulesAsync(network, rules => !rules.Contains(pod.Address + " ", StringComparison.Ordinal));
            times.Add(Stopwatch.GetElapsedTime(began));
        }
        PodsWorkload.Say($"a deleted pod's endpoint out of the rules: {times}");
        return PodsWorkload.Floor("a deleted pod's endpoint out of the rules, s (worst)", times.Percentile(100) / 1000, 1, isLeast: false);
    }

    private static async Task UntilRulesAsync(string network, Func<string, bool> holds)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds(Tools.Run("nsenter", network, "nft", "list", "ruleset")))
        {
            if (Stopwatch.GetElapsedTime(began) > Limit)
                throw new TimeoutException("the rules never came to be as they ought to");
            await Task.Delay(10);
        }
    }

    private static async Task<TimeSpan> CreateAsync(HttpClient client, WatchedPods pods, string name)
    {
        long began = Stopwatch.GetTimestamp();
        await BenchmarkCluster.SendAsync(client, HttpMethod.Post, "/api/v1/namespaces/default/pods", Pod(name));
        return Stopwatch.GetElapsedTime(began, await pods.UntilAsync(name, pod => pod is { IsRunning: true }, Limit));
    }

    private static async Task DeleteAsync(HttpClient client, WatchedPods pods, string name)
    {
        using (var response = await client.DeleteAsync($"/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=1"))
            response.EnsureSuccessStatusCode();
        await pods.UntilAsync(name, pod => pod is null, Limit);
    }

    /// <summary>Asks as somebody who tries again and again: each time with a new connection, given up soon.</summary>
    private static async Task AnsweredAsync(BenchmarkCluster cluster)
    {
        long began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < Limit)
        {
            using var client = new HttpClient { Timeout = OneTry };
            try
            {
                if (await client.GetStringAsync($"http://{cluster.Address.Host}:30080/") == BusyboxImage.Page)
                    return;
            }
            catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
            {
                // Not yet.
            }
            await Task.Delay(20);
        }
        throw new TimeoutException($"the Deployment did not answer within {Limit}");
    }

    /// <summary>The argument that names this program where a host runs it.</summary>
    private static string[] Program() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];

    private static string Pod(string name) => $$$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{{name}}}}"},
        "spec":{"terminationGracePeriodSeconds":1,"containers":[{"name":"c","image":"{{{{BusyboxImage.Name}}}}","command":["sleep","3600"]}]}}
        """;

    private static string Deployment(string name, int replicas) => string.Create(CultureInfo.InvariantCulture, $$$$$"""
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"{{{{{name}}}}}"},"spec":{"replicas":{{{{{replicas}}}}},
        "selector":{"matchLabels":{"app":"{{{{{name}}}}}"}},"template":{"metadata":{"labels":{"app":"{{{{{name}}}}}"}},
        "spec":{"terminationGracePeriodSeconds":1,"containers":[{"name":"c","image":"{{{{{BusyboxImage.Name}}}}}","command":["httpd","-f","-p","8080","-h","/www"]}]}}}}
        """);

    private static string Service(string name, int nodePort) => string.Create(CultureInfo.InvariantCulture, $$$$"""
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{{name}}}}"},"spec":{"type":"NodePort","selector":{"app":"{{{{name}}}}"},
        "ports":[{"port":80,"targetPort":8080,"nodePort":{{{{nodePort}}}}}]}}
        """);
}
