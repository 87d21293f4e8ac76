using System.Text;
using KvStore.Grpc;
using Orchestrator.Runtime.Kubelet.Cri.Logs;
using Orchestrator.Runtime.Streams;
using V1 = Orchestrator.Cri.V1;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>A real runtime, containerd or its like, over CRI v1.</summary>
/// <remarks>
/// It keeps nothing that the runtime would not tell again: after a start of either side all pods are found by their labels.
/// What is remembered (<see cref="ContainerStatuses"/>, addresses, processor times) only saves questions.
/// </remarks>
public sealed class CriContainerRuntime : IContainerRuntime
{
    /// <summary>The version of the kubelet's side, which every kubelet names.</summary>
    private const string KubeletApiVersion = "0.1.0";

    private readonly CriConnection _connection;
    private readonly ContainerStatuses _statuses;
    private readonly SandboxAddresses _addresses;
    private readonly ProcessorRates _rates = new();
    private readonly CriStreams _streams;
    private readonly CallGate _starts;

    public CriContainerRuntime(CriConnection connection)
    {
        _connection = connection;
        _statuses = new ContainerStatuses(connection);
        _addresses = new SandboxAddresses(connection);
        _streams = new CriStreams(connection.Options);
        _starts = new CallGate(
            connection.Options.StartsAtOnce, connection.Options.StartPatience, connection.Options.TidyUpPatience, connection.Options.Clock);
    }

    private TimeSpan RequestTimeout => _connection.Options.RequestTimeout;

    public async Task<RuntimeVersion> VersionAsync(CancellationToken ct)
    {
        var request = new V1.VersionRequest { Version = KubeletApiVersion };
        V1.VersionResponse answer = await _connection.CallAsync(CriMethods.Version, request, ct);
        return new RuntimeVersion(answer.RuntimeName, answer.RuntimeVersion);
    }

    public async Task<RuntimeStatus> StatusAsync(CancellationToken ct)
    {
        V1.StatusResponse answer;
        try
        {
            answer = await _connection.CallAsync(CriMethods.Status, new V1.StatusRequest(), ct);
        }
        catch (CriException e)
        {
            // A node whose runtime is away goes on to say so.
            return new RuntimeStatus(false, false, $"container runtime is down: {e.Message}");
        }
        string runtime = Problem(answer, "RuntimeReady");
        string network = Problem(answer, "NetworkReady");
        string message = runtime.Length > 0 ? $"container runtime not ready: {runtime}"
            : network.Length > 0 ? $"container runtime network not ready: {network}"
            : "";
        return new RuntimeStatus(runtime.Length == 0, network.Length == 0, message)
        {
            CanMountRecursivelyReadOnly = answer.RuntimeHandlers.Any(handler => handler.Name.Length == 0 && handler.Features?.RecursiveReadOnlyMounts == true),
        };
    }

    public async Task UpdateRuntimeConfigAsync(string podCidr, CancellationToken ct)
    {
        var request = new V1.UpdateRuntimeConfigRequest
        {
            RuntimeConfig = new V1.RuntimeConfig { NetworkConfig = new V1.NetworkConfig { PodCidr = podCidr } },
        };
        await _connection.CallAsync(CriMethods.UpdateRuntimeConfig, request, ct);
    }

    /// <summary>Whether the runtime makes cgroups through systemd; null when it is too old to say (containerd 1.6 and 1.7).</summary>
    public async Task<bool?> UsesSystemdCgroupsAsync(CancellationToken ct)
    {
        try
        {
            V1.RuntimeConfigResponse answer = await _connection.CallAsync(CriMethods.RuntimeConfig, new V1.RuntimeConfigRequest(), ct);
            return answer.Linux is { } linux ? linux.CgroupDriver == V1.CgroupDriver.Systemd : null;
        }
        catch (CriException e) when (e.Code == StatusCode.Unimplemented)
        {
            return null;
        }
    }

    /// <summary>Completes when no burst of pods is being started, or after a time.</summary>
    public Task AwaitCalmAsync(TimeSpan limit, CancellationToken ct) => _starts.AwaitCalmAsync(limit, ct);

    // Sandboxes

    public async Task<string> RunPodSandboxAsync(PodSandboxConfig config, CancellationToken ct)
    {
        if (config.LogDirectory.Length > 0)
            Directory.CreateDirectory(config.LogDirectory);
        var request = new V1.RunPodSandboxRequest { Config = CriMessages.ToMessage(config), RuntimeHandler = config.RuntimeHandler };
        V1.RunPodSandboxResponse answer = await _starts.RunAsync(
            CallPurpose.Begin, () => _connection.CallAsync(CriMethods.RunPodSandbox, request, 2 * RequestTimeout, ct), ct);
        return answer.PodSandboxId;
    }

    public Task StopPodSandboxAsync(string sandboxId, CancellationToken ct) => IfThereAsync(() =>
        _connection.CallAsync(CriMethods.StopPodSandbox, new V1.StopPodSandboxRequest { PodSandboxId = sandboxId }, 2 * RequestTimeout, ct));

    public Task RemovePodSandboxAsync(string sandboxId, CancellationToken ct) => IfThereAsync(() => _starts.RunAsync(
        CallPurpose.TidyUp,
        () => _connection.CallAsync(CriMethods.RemovePodSandbox, new V1.RemovePodSandboxRequest { PodSandboxId = sandboxId }, 2 * RequestTimeout, ct),
        ct));

    public async Task<IReadOnlyList<PodSandbox>> ListPodSandboxAsync(string? podUid, CancellationToken ct)
    {
        var request = new V1.ListPodSandboxRequest();
        if (podUid is not null)
            request.Filter = new V1.PodSandboxFilter { LabelSelector = { [CriLabels.PodUid] = podUid } };
        V1.ListPodSandboxResponse answer = await _connection.CallAsync(CriMethods.ListPodSandbox, request, ct);
        if (podUid is null)
            _addresses.KeepOnly(answer.Items.Select(sandbox => sandbox.Id));
        var sandboxes = new List<PodSandbox>();
        foreach (V1.PodSandbox sandbox in answer.Items)
        {
            bool isReady = sandbox.State == V1.PodSandboxState.SandboxReady;
            sandboxes.Add(new PodSandbox(
                sandbox.Id, sandbox.Metadata.Uid, sandbox.Metadata.Name, sandbox.Metadata.Namespace, (int)sandbox.Metadata.Attempt, isReady,
                CriTime.FromNanoseconds(sandbox.CreatedAt), isReady ? await _addresses.OfAsync(sandbox.Id, ct) : ""));
        }
        return sandboxes;
    }

    // Containers

    public async Task<string> CreateContainerAsync(string sandboxId, ContainerConfig config, PodSandboxConfig sandbox, CancellationToken ct)
    {
        if (sandbox.LogDirectory.Length > 0)
            Directory.CreateDirectory(Path.Combine(sandbox.LogDirectory, config.Name));
        var request = new V1.CreateContainerRequest
        {
            PodSandboxId = sandboxId,
            Config = CriMessages.ToMessage(config, sandbox),
            SandboxConfig = CriMessages.ToMessage(sandbox),
        };
        V1.CreateContainerResponse answer = await WithBareMessageAsync(() => _starts.RunAsync(
            CallPurpose.Complete, () => _connection.CallAsync(CriMethods.CreateContainer, request, ct), ct));
        return answer.ContainerId;
    }

    public Task StartContainerAsync(string containerId, CancellationToken ct) => WithBareMessageAsync(() => _starts.RunAsync(
        CallPurpose.Complete, () => _connection.CallAsync(CriMethods.StartContainer, new V1.StartContainerRequest { ContainerId = containerId }, ct), ct));

    public Task StopContainerAsync(string containerId, TimeSpan grace, CancellationToken ct) => IfThereAsync(() =>
        _connection.CallAsync(
            CriMethods.StopContainer,
            new V1.StopContainerRequest { ContainerId = containerId, Timeout = CriTime.ToSeconds(grace) },
            RequestTimeout + grace,
            ct));

    public Task RemoveContainerAsync(string containerId, CancellationToken ct) => IfThereAsync(() =>
        _connection.CallAsync(CriMethods.RemoveContainer, new V1.RemoveContainerRequest { ContainerId = containerId }, ct));

    public async Task<IReadOnlyList<RuntimeContainer>> ListContainersAsync(string? podUid, CancellationToken ct)
    {
        var request = new V1.ListContainersRequest();
        if (podUid is not null)
            request.Filter = new V1.ContainerFilter { LabelSelector = { [CriLabels.PodUid] = podUid } };
        V1.ListContainersResponse answer = await _connection.CallAsync(CriMethods.ListContainers, request, ct);
        if (podUid is null)
            _statuses.KeepOnly(answer.Containers.Select(container => container.Id));
        var containers = new List<RuntimeContainer>();
        foreach (V1.Container container in answer.Containers)
        {
            if (await _statuses.OfAsync(container, ct) is { } status)
                containers.Add(status);
        }
        return containers;
    }

    /// <remarks>Annotations alone change nothing in a container that runs: they are the container's as it was created.</remarks>
    public async Task UpdateContainerResourcesAsync(
        string containerId, LinuxResources? resources, IReadOnlyDictionary<string, string> annotations, CancellationToken ct)
    {
        if (resources is null)
            return;
        var request = new V1.UpdateContainerResourcesRequest
        {
            ContainerId = containerId,
            Linux = CriMessages.ToMessage(resources),
            Annotations = { annotations.ToDictionary() },
        };
        await _connection.CallAsync(CriMethods.UpdateContainerResources, request, ct);
    }

    public async Task<IReadOnlyList<ContainerUsage>> ListContainerStatsAsync(CancellationToken ct)
    {
        V1.ListContainerStatsResponse answer =
            await _connection.CallAsync(CriMethods.ListContainerStats, new V1.ListContainerStatsRequest(), ct);
        Dictionary<string, RuntimeContainer> running = (await ListContainersAsync(null, ct))
            .Where(container => container.State == RuntimeContainerState.Running).ToDictionary(container => container.Id);
        _rates.KeepOnly(running.Keys);
        return
        [
            .. answer.Stats.Where(stats => stats.Attributes is not null && stats.Cpu is not null && running.ContainsKey(stats.Attributes.Id))
                .Select(stats => Usage(stats, running[stats.Attributes.Id])),
        ];
    }

    public IDisposable SubscribeContainerEvents(Action<ContainerEvent> changed) => new ContainerWatch(_connection, changed);

    /// <summary>Makes the runtime write to a new file where the log was: the old one has been moved away.</summary>
    public Task ReopenContainerLogAsync(string containerId, CancellationToken ct) =>
        _connection.CallAsync(CriMethods.ReopenContainerLog, new V1.ReopenContainerLogRequest { ContainerId = containerId }, ct);

    /// <summary>The whole path of a container's log file; null when there is no such container or it has none.</summary>
    public async Task<string?> LogPathAsync(string containerId, CancellationToken ct) =>
        (await _statuses.AskAsync(containerId, ct))?.LogPath is { Length: > 0 } path ? path : null;

    // Streams

    public async Task<ExecSyncResult> ExecSyncAsync(string containerId, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken ct)
    {
        var request = new V1.ExecSyncRequest { ContainerId = containerId, Cmd = { command }, Timeout = CriTime.ToSeconds(timeout) };
        try
        {
            V1.ExecSyncResponse answer = await _connection.CallAsync(
                CriMethods.ExecSync, request, timeout > TimeSpan.Zero ? RequestTimeout + timeout : null, ct);
            return new ExecSyncResult(answer.ExitCode, Encoding.UTF8.GetString(answer.Stdout.Span) + Encoding.UTF8.GetString(answer.Stderr.Span));
        }
        catch (CriException e) when (e.Code == StatusCode.DeadlineExceeded)
        {
            throw new CriException(
                FormattableString.Invariant($"command {string.Join(' ', command)} timed out after {timeout.TotalSeconds:0.###}s"), e.Code, e);
        }
    }

    public async Task<RemoteCommandResult> ExecAsync(string containerId, RemoteCommandSession session, CancellationToken ct)
    {
        RemoteCommandOptions options = session.Options;
        V1.ExecResponse answer = await _connection.CallAsync(
            CriMethods.Exec,
            new V1.ExecRequest
            {
                ContainerId = containerId,
                Cmd = { options.Command },
                Stdin = options.Stdin,
                Stdout = options.Stdout,
                Stderr = options.Stderr,
                Tty = options.Tty,
            },
            ct);
        return await _streams.RunAsync(answer.Url, session, ct);
    }

    public async Task<RemoteCommandResult> AttachAsync(string containerId, RemoteCommandSession session, CancellationToken ct)
    {
        RemoteCommandOptions options = session.Options;
        V1.AttachResponse answer = await _connection.CallAsync(
            CriMethods.Attach,
            new V1.AttachRequest
            {
                ContainerId = containerId,
                Stdin = options.Stdin,
                Stdout = options.Stdout,
                Stderr = options.Stderr,
                Tty = options.Tty,
            },
            ct);
        return await _streams.RunAsync(answer.Url, session, ct);
    }

    public async Task PortForwardAsync(string sandboxId, int port, DuplexStream connection, CancellationToken ct)
    {
        V1.PortForwardResponse answer = await _connection.CallAsync(
            CriMethods.PortForward, new V1.PortForwardRequest { PodSandboxId = sandboxId, Port = { port } }, ct);
        await _streams.ForwardAsync(answer.Url, port, connection, ct);
    }

    public async IAsyncEnumerable<LogLine> ReadLogAsync(
        string containerId, bool follow, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        V1.ContainerStatus status = await _statuses.AskAsync(containerId, ct) ?? throw Gone(containerId);
        if (status.LogPath.Length == 0)
            yield break;
        var log = new ContainerLog(status.LogPath, _connection.Options.Clock);
        await foreach (LogLine line in log.ReadAsync(follow, token => HasEndedAsync(containerId, token), ct))
            yield return line;
    }

    private async Task<bool> HasEndedAsync(string containerId, CancellationToken ct)
    {
        try
        {
            return await _statuses.AskAsync(containerId, ct) is not { State: V1.ContainerState.ContainerRunning or V1.ContainerState.ContainerCreated };
        }
        catch (CriException)
        {
            return false; // The runtime is away; its containers are not.
        }
    }

    private static CriException Gone(string containerId) =>
        new($"unable to retrieve container logs for {containerId}: not found", StatusCode.NotFound);

    private ContainerUsage Usage(V1.ContainerStats stats, RuntimeContainer container)
    {
        V1.ContainerAttributes attributes = stats.Attributes;
        long total = (long)(stats.Cpu.UsageCoreNanoSeconds?.Value ?? 0);
        long rate = _rates.Add(attributes.Id, stats.Cpu.Timestamp, total);
        return new ContainerUsage(
            attributes.Id,
            container.Name,
            container.PodUid,
            attributes.Labels.GetValueOrDefault(CriLabels.PodName, ""),
            attributes.Labels.GetValueOrDefault(CriLabels.PodNamespace, ""),
            CriTime.FromNanoseconds(stats.Cpu.Timestamp),
            container.StartedAt ?? container.CreatedAt,
            stats.Cpu.UsageNanoCores is { } told ? (long)told.Value : rate,
            total,
            (long)(stats.Memory?.WorkingSetBytes?.Value ?? 0))
        {
            LayerBytes = (long)(stats.WritableLayer?.UsedBytes?.Value ?? 0),
            LayerInodes = (long)(stats.WritableLayer?.InodesUsed?.Value ?? 0),
        };
    }

    /// <returns>Empty when the condition holds.</returns>
    private static string Problem(V1.StatusResponse answer, string type)
    {
        V1.RuntimeCondition? condition = answer.Status?.Conditions.FirstOrDefault(condition => condition.Type == type);
        return condition switch
        {
            null => $"{type} is not told of",
            { Status: true } => "",
            _ => $"{type}=false reason:{condition.Reason} message:{condition.Message}",
        };
    }

    /// <summary>What is gone needs no stop and no removal.</summary>
    private static async Task IfThereAsync<T>(Func<Task<T>> call)
    {
        try
        {
            await call();
        }
        catch (CriException e) when (e.Code == StatusCode.NotFound)
        {
            // Gone.
        }
    }

    /// <summary>Why a container cannot be made or started is shown to users in the runtime's own words alone.</summary>
    private static async Task<T> WithBareMessageAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (CriException e) when (e.InnerException is RpcException cause)
        {
            throw new CriException(cause.Status.Detail, e.Code, cause);
        }
    }
}
