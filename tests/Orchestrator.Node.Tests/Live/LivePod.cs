using System.Diagnostics;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Node.Tests.Live;

/// <summary>A sandbox in the real runtime, and what runs in it; removed at the end.</summary>
internal sealed class LivePod : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly RealContainerd _containerd;

    private LivePod(RealContainerd containerd, PodSandboxConfig config, string id)
    {
        _containerd = containerd;
        Config = config;
        Id = id;
    }

    public PodSandboxConfig Config { get; }

    public string Id { get; }

    public static async Task<LivePod> RunAsync(RealContainerd containerd, string name, Func<PodSandboxConfig, PodSandboxConfig>? change = null)
    {
        PodSandboxConfig config = containerd.NewSandbox(name);
        if (change is not null)
            config = change(config);
        return new LivePod(containerd, config, await containerd.Runtime.RunPodSandboxAsync(config, CancellationToken.None));
    }

    public static ContainerConfig Shell(string name, string script, Func<ContainerConfig, ContainerConfig>? change = null)
    {
        var config = new ContainerConfig(
            name, 0, RealContainerd.Busybox, ["sh", "-c", script], [], "", [], false, false,
            new Dictionary<string, string> { [CriAnnotations.ContainerHash] = "hash-of-" + name });
        return change?.Invoke(config) ?? config;
    }

    public async Task<string> CreateAsync(ContainerConfig config) =>
        await _containerd.Runtime.CreateContainerAsync(Id, config, Config, CancellationToken.None);

    public async Task<string> StartAsync(ContainerConfig config)
    {
        string id = await CreateAsync(config);
        await _containerd.Runtime.StartContainerAsync(id, CancellationToken.None);
        return id;
    }

    /// <summary>Runs a script to its end.</summary>
    /// <returns>What it wrote, both streams' lines in the order of their times.</returns>
    public async Task<string> OutputAsync(string name, string script, Func<ContainerConfig, ContainerConfig>? change = null)
    {
        string id = await StartAsync(Shell(name, script, change));
        await UntilAsync(id, container => container.State == RuntimeContainerState.Exited);
        return await LogAsync(id);
    }

    public async Task<string> LogAsync(string id)
    {
        var lines = new List<string>();
        await foreach (LogLine line in _containerd.Runtime.ReadLogAsync(id, follow: false, CancellationToken.None))
            lines.Add(line.Text);
        return string.Join('\n', lines);
    }

    public async Task<RuntimeContainer> UntilAsync(string id, Func<RuntimeContainer, bool> holds)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            RuntimeContainer? container = await FindAsync(id);
            if (container is not null && holds(container))
                return container;
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never so; it is {container}");
            await Task.Delay(50);
        }
    }

    public async Task<RuntimeContainer?> FindAsync(string id) =>
        (await _containerd.Runtime.ListContainersAsync(Config.Uid, CancellationToken.None)).FirstOrDefault(container => container.Id == id);

    public async Task<PodSandbox?> SandboxAsync() =>
        (await _containerd.Runtime.ListPodSandboxAsync(Config.Uid, CancellationToken.None)).FirstOrDefault();

    public async Task<string> ExecAsync(string id, params string[] command) =>
        (await _containerd.Runtime.ExecSyncAsync(id, command, TimeSpan.FromSeconds(30), CancellationToken.None)).Output;

    public async ValueTask DisposeAsync()
    {
        await _containerd.Runtime.StopPodSandboxAsync(Id, CancellationToken.None);
        await _containerd.Runtime.RemovePodSandboxAsync(Id, CancellationToken.None);
    }
}
