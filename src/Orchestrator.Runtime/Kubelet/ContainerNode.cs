using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;
using Orchestrator.Runtime.Kubelet.Cri.Logs;
using Orchestrator.Runtime.Kubelet.Images;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>A node that runs real containers: a kubelet over a runtime's socket, and what goes on beside it.</summary>
public sealed class ContainerNode : IAsyncDisposable
{
    private readonly CriConnection _connection;
    private readonly NetworkProber _prober;
    private readonly LinuxNodeStats _stats;
    private readonly ImageCollector _collector;
    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;

    private ContainerNode(KubeletOptions options, KubeletServices services, CriOptions cri)
    {
        Settings = options.Containers ?? throw new ArgumentException("a node of real containers needs settings for them", nameof(options));
        _connection = new CriConnection(cri);
        _prober = new NetworkProber(cri.StreamingNetwork);
        Runtime = new CriContainerRuntime(_connection);
        services.Events.LetOthersGoFirst(Runtime.AwaitCalmAsync);
        Images = new CriImageService(_connection);
        _stats = new LinuxNodeStats(Settings, Runtime, Images.ImageFilesystemsAsync);
        Kubelet = new Kubelet(options, services, Runtime, Images, _prober) { Machine = new MachineUse(_stats.Memory, services.Alarms.Clock) };
        _collector = new ImageCollector(
            Settings.ImageGarbage, ct => Runtime.ListContainersAsync(null, ct), Images, Images.ImageFilesystemsAsync, SpaceAt, Warn, cri.Clock);
    }

    public Kubelet Kubelet { get; }

    private ContainerSettings Settings { get; }

    private CriContainerRuntime Runtime { get; }

    private CriImageService Images { get; }

    /// <summary>Registers the node and begins to run its pods; those that the runtime still has from before go on.</summary>
    /// <param name="options">With <see cref="KubeletOptions.Containers"/>.</param>
    /// <exception cref="CriException">The runtime does not answer.</exception>
    public static async Task<ContainerNode> StartAsync(KubeletOptions options, KubeletServices services, CriOptions cri, CancellationToken ct)
    {
        var node = new ContainerNode(options, services, cri);
        try
        {
            await node.Kubelet.StartAsync(ct);
            node._running = Task.WhenAll(node.FollowAsync(), node.RotateLogsAsync(), node.CollectImagesAsync(), node.EvictAsync(), node.FollowLocalVolumesAsync());
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the kubelet alone: its pods run on.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        await Kubelet.DisposeAsync();
        _prober.Dispose();
        _connection.Dispose();
        _stopping.Dispose();
    }

    private async Task FollowAsync()
    {
        try
        {
            await Task.Run(() => Kubelet.FollowAsync(_stopping.Token));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task FollowLocalVolumesAsync()
    {
        if (Settings.LocalVolumes is not { } root)
            return;
        var folders = new LocalPathFolders(Kubelet.Options.NodeName, root, Kubelet.Api, Settings.Mounts, Kubelet.Services.Alarms);
        try
        {
            await Task.Run(() => folders.RunAsync(_stopping.Token));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task RotateLogsAsync()
    {
        var rotation = new LogRotation(Settings.Logs, _connection.Options.Clock, Runtime.ReopenContainerLogAsync);
        try
        {
            await rotation.RunAsync(LogsInUseAsync, _stopping.Token);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task CollectImagesAsync()
    {
        try
        {
            await _collector.RunAsync(_stopping.Token);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task EvictAsync()
    {
        var evictor = new Evictor(Kubelet.Options.Eviction, new EvictionSurroundings
        {
            Stats = _stats,
            Pressure = Kubelet.Pressure,
            Pods = () => Kubelet.PodsOnNode,
            ReclaimDiskAsync = ReclaimDiskAsync,
            Warn = Warn,
            Alarms = Kubelet.Services.Alarms,
        });
        try
        {
            await Task.Run(() => evictor.RunAsync(_stopping.Token));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task ReclaimDiskAsync(CancellationToken ct)
    {
        await DeadContainers.RemoveAsync(Runtime, Kubelet.HasEnded, ct);
        await _collector.RemoveUnusedAsync(ct);
    }

    private static (long CapacityBytes, long AvailableBytes) SpaceAt(string path)
    {
        var drive = new DriveInfo(path);
        return (drive.TotalSize, drive.AvailableFreeSpace);
    }

    private void Warn(string reason, string message)
    {
        string node = Kubelet.Options.NodeName;
        Kubelet.Services.Events.Emit(Kubelet.Api, node, new ObjectReference { Kind = "Node", Name = node, Uid = node }, "Warning", reason, message);
    }

    private async Task<IReadOnlyList<(string ContainerId, string LogPath)>> LogsInUseAsync(CancellationToken ct) =>
    [
        .. (await Runtime.ListContainersAsync(null, ct))
            .Where(container => container is { State: RuntimeContainerState.Running, LogPath.Length: > 0 })
            .Select(container => (container.Id, container.LogPath)),
    ];
}
