using System.Diagnostics;
using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Tests.Nodes;

namespace Orchestrator.Node.Tests.Live;

/// <summary>A kubelet over a real containerd and an API server in memory; its pods are gone at the end, and all that they had.</summary>
internal sealed class LiveNode(RealContainerd containerd) : IAsyncDisposable
{
    public const string Name = "real";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly List<string> _pods = [];
    private KubeletServices? _services;
    private ContainerNode? _node;

    public FakeKubeletApi Api { get; } = new();

    /// <summary>What the kubelet takes the time from.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public string PodFiles => Path.Combine(containerd.Folder, "pods");

    public string PodLogs => Path.Combine(containerd.Folder, "logs");

    public string LocalVolumes => Path.Combine(containerd.Folder, "volumes");

    public Kubelet Kubelet => _node!.Kubelet;

    public async Task StartAsync()
    {
        Directory.CreateDirectory(PodFiles);
        _services = new KubeletServices(Api, Clock);
        _node = await ContainerNode.StartAsync(
            new KubeletOptions
            {
                NodeName = Name,
                NodeIp = "10.88.0.1",
                FirstReportDelay = TimeSpan.Zero,
                Containers = new ContainerSettings
                {
                    PodLogs = PodLogs,
                    PodFiles = PodFiles,
                    CgroupRoot = "/" + containerd.Name,
                    LocalVolumes = LocalVolumes,
                },
            },
            _services,
            containerd.Connection.Options,
            CancellationToken.None);
    }

    public async Task StopAsync()
    {
        await _node!.DisposeAsync();
        await _services!.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string pod in _pods.Where(pod => Api.Get<Pod>(pod, "default") is not null))
            Api.Remove(pod);
        await UntilAsync(() => !Kubelet.Pods.Any(), "all pods are gone");
        await StopAsync();
        Assert.Empty(Directory.GetDirectories(PodFiles));
        Assert.Empty(Mounts());
    }

    public Pod Bind(string name, Action<Pod> change)
    {
        var pod = new Pod
        {
            Metadata = new ObjectMeta { Name = name, Namespace = "default", Annotations = [] },
            Spec = new PodSpec { NodeName = Name, RestartPolicy = "Always", TerminationGracePeriodSeconds = 0 },
        };
        change(pod);
        _pods.Add(name);
        Api.Bind(pod);
        return pod;
    }

    public static Container Shell(string name, string script, params (string Volume, string Path)[] mounts) => new()
    {
        Name = name,
        Image = RealContainerd.Busybox,
        Command = ["sh", "-c", script],
        ImagePullPolicy = "IfNotPresent",
        VolumeMounts = [.. mounts.Select(mount => new VolumeMount { Name = mount.Volume, MountPath = mount.Path })],
    };

    public ContainerStatus Status(string pod, string container) => Api.Pod(pod).Status.ContainerStatuses!.First(status => status.Name == container);

    public bool IsReady(string pod) => Api.Pod(pod).Status.Conditions.OrEmpty().Any(condition => condition is { Type: "Ready", Status: "True" });

    public Task UntilReadyAsync(string pod) => UntilAsync(() => IsReady(pod), $"{pod} is ready", pod);

    public async Task<string> ExecAsync(string pod, string container, string script)
    {
        string id = Status(pod, container).ContainerID!["containerd://".Length..];
        return (await containerd.Runtime.ExecSyncAsync(id, ["sh", "-c", script], TimeSpan.FromSeconds(30), CancellationToken.None)).Output;
    }

    /// <summary>Runs the script until it says what is awaited.</summary>
    public async Task UntilSaysAsync(string pod, string container, string script, string awaited)
    {
        long began = Stopwatch.GetTimestamp();
        string said;
        while ((said = await ExecAsync(pod, container, script)) != awaited)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {script} says {awaited}, but {said}; {Describe(pod)}");
            await Task.Delay(50);
        }
    }

    /// <summary>Mounts of the node's pods: lines of the kernel's table, from the mount point on.</summary>
    public IReadOnlyList<string> Mounts() =>
    [
        .. File.ReadAllLines("/proc/self/mountinfo").Select(line => string.Join(' ', line.Split(' ')[4..]))
            .Where(line => line.StartsWith(PodFiles + "/", StringComparison.Ordinal)),
    ];

    public async Task UntilAsync(Func<bool> holds, string what, string? pod = null)
    {
        long began = Stopwatch.GetTimestamp();
        while (!Holds(holds))
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}; {Describe(pod)}");
            await Task.Delay(50);
        }
    }

    private string Describe(string? pod)
    {
        if (pod is null || Api.Get<Pod>(pod, "default") is not { } found)
            return "";
        string events = string.Join('\n', Api.Events.Select(told => $"{told.Reason}: {told.Message}"));
        return $"{Encoding.UTF8.GetString(KubernetesJson.Serialize(found))}\n{events}\n{containerd.Log()}";
    }

    private static bool Holds(Func<bool> holds)
    {
        try
        {
            return holds();
        }
        catch (Exception e) when (e is NullReferenceException or InvalidOperationException or ArgumentNullException)
        {
            return false; // Not there yet.
        }
    }
}
