using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>Tells the API that the node is there and how it is: its object, its status, its lease.</summary>
internal sealed class NodeReporter : IAsyncDisposable
{
    private const string LeaseNamespace = "kube-node-lease";

    /// <summary>Images that the status names.</summary>
    private const int ImageLimit = 50;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(7);

    private readonly Kubelet _kubelet;
    private readonly KubeletOptions _options;
    private readonly KubeletServices _services;
    private readonly MachineIdentity _identity;
    private readonly CancellationTokenSource _stopping;
    private readonly Dictionary<string, (string Status, DateTimeOffset Since)> _conditions = [];
    private readonly Lock _gate = new();
    private IDisposable? _leaseAlarm;
    private IDisposable? _statusAlarm;
    private Lease? _lease;
    private string _uid = "";
    private string _podCidr = "";
    private string _reported = "";
    private DateTimeOffset _reportedAt = DateTimeOffset.MinValue;
    private bool _wasReady;
    private IReadOnlyList<string> _lastPressure = [];
    private bool _wasUnschedulable;

    public NodeReporter(Kubelet kubelet)
    {
        _kubelet = kubelet;
        _options = kubelet.Options;
        _services = kubelet.Services;
        _identity = _options.Machine ?? IdentityOf(_options.NodeName);
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(_services.Stopping);
        Node = new Node { Metadata = new ObjectMeta { Name = _options.NodeName, Labels = MakeLabels() } };
        Allocatable = _options.Allocatable;
    }

    /// <summary>The node as the API last showed it.</summary>
    public Node Node { get; private set; }

    /// <summary>What there is for pods: what the kubelet was told, and what others have said that the node has (its extended
    /// resources).</summary>
    public IReadOnlyDictionary<string, Quantity> Allocatable { get; private set; }

    /// <summary>Whether the runtime could make pods the last time that it was asked; until then it is taken for able.</summary>
    public bool IsRuntimeReady { get; private set; } = true;

    /// <summary>Takes in the node's object when it has changed.</summary>
    public void Learn(Node node)
    {
        Node = node;
        var allocatable = new Dictionary<string, Quantity>(_options.Allocatable);
        foreach (var (resource, amount) in node.Status.Capacity.OrEmpty())
        {
            if (NodeAdmission.IsExtended(resource))
                allocatable.TryAdd(resource, amount);
        }
        Allocatable = allocatable;
        TellSchedulability(node);
    }

    public async Task StartAsync(CancellationToken ct)
    {
        await RegisterPatientlyAsync(ct);
        Tell("Normal", "Starting", "Starting kubelet.");
        await ReportAsync();
        await RenewAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _leaseAlarm?.Dispose();
        _statusAlarm?.Dispose();
    }

    private Dictionary<string, string> MakeLabels()
    {
        var labels = new Dictionary<string, string>(_options.Labels)
        {
            ["kubernetes.io/hostname"] = _options.NodeName,
            ["kubernetes.io/os"] = "linux",
            ["kubernetes.io/arch"] = _options.Architecture,
            ["beta.kubernetes.io/os"] = "linux",
            ["beta.kubernetes.io/arch"] = _options.Architecture,
        };
        return labels;
    }

    private Dictionary<string, string> MakeAnnotations()
    {
        var annotations = new Dictionary<string, string> { ["volumes.kubernetes.io/controller-managed-attach-detach"] = "true" };
        if (_options.Containers?.LocalVolumes is { } folder)
            annotations[LocalPathProvisioner.FolderAnnotation] = folder;
        return annotations;
    }

    private async Task RegisterPatientlyAsync(CancellationToken ct)
    {
        TimeSpan pause = FirstPause;
        while (true)
        {
            try
            {
                await RegisterAsync(ct);
                return;
            }
            catch (IOException fault)
            {
                if (pause == FirstPause)
                    _options.Log.LogWarning("the API server does not answer: the node {Node} registers when it does: {Reason}", _options.NodeName, fault.Message);
            }
            await _services.Alarms.DelayAsync(pause, ct);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async Task RegisterAsync(CancellationToken ct)
    {
        await _services.NodeRequests.WaitAsync(ct);
        try
        {
            Node? node = await _kubelet.Api.FindAsync<Node>("", _options.NodeName, ct);
            if (node?.Status.NodeInfo?.BootID is { Length: > 0 } lastBoot && lastBoot != _identity.BootId)
                Tell("Warning", "Rebooted", $"Node {_options.NodeName} has been rebooted, boot id: {_identity.BootId}");
            node = node is null ? await CreateAsync(ct) : await AddMissingAsync(node, ct);
            await LearnAsync(node, ct);
        }
        finally
        {
            _services.NodeRequests.Release();
        }
    }

    private async Task<Node> CreateAsync(CancellationToken ct)
    {
        var node = new Node
        {
            Metadata = new ObjectMeta
            {
                Name = _options.NodeName,
                Labels = MakeLabels(),
                Annotations = MakeAnnotations(),
            },
            Spec = new NodeSpec { Taints = _options.Taints.Count == 0 ? null : [.. _options.Taints] },
        };
        try
        {
            return await _kubelet.Api.CreateAsync(node, ct);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            return await _kubelet.Api.FindAsync<Node>("", _options.NodeName, ct) ?? throw new IOException("the node vanished while it was registered");
        }
    }

    private async Task<Node> AddMissingAsync(Node node, CancellationToken ct)
    {
        JsonObject labels = Missing(MakeLabels(), node.Labels), annotations = Missing(MakeAnnotations(), node.Annotations);
        if (labels.Count + annotations.Count == 0)
            return node;
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = labels, ["annotations"] = annotations } };
        return await _kubelet.Api.PatchAsync<Node>("", _options.NodeName, "", JsonSerializer.SerializeToUtf8Bytes(patch), ct);
    }

    private static JsonObject Missing(Dictionary<string, string> wanted, IReadOnlyDictionary<string, string> there)
    {
        var missing = new JsonObject();
        foreach (var (key, value) in wanted)
        {
            if (there.GetValueOrDefault(key) != value)
                missing[key] = value;
        }
        return missing;
    }

    /// <summary>What the node's object tells the kubelet: its identity, its labels, its pods' addresses.</summary>
    private async Task LearnAsync(Node node, CancellationToken ct)
    {
        _uid = node.Uid;
        Learn(node);
        foreach (NodeCondition condition in node.Status.Conditions.OrEmpty())
        {
            if (condition is { Type: { } type, Status: { } status, LastTransitionTime: { } since } && !_conditions.ContainsKey(type))
                _conditions[type] = (status, since);
        }
        if (node.Spec.PodCIDR is { Length: > 0 } cidr && cidr != _podCidr)
        {
            _podCidr = cidr;
            await _kubelet.Runtime.UpdateRuntimeConfigAsync(cidr, ct);
        }
    }

    // Status

    private async Task ReportAsync()
    {
        DateTimeOffset now = _services.Alarms.Now;
        try
        {
            await _services.NodeRequests.WaitAsync(_stopping.Token);
            try
            {
                await ReportAsync(now);
            }
            finally
            {
                _services.NodeRequests.Release();
            }
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            _reported = "";
            await TryRegisterAsync(); // Somebody deleted it while it lives.
        }
        catch (Exception)
        {
            _reported = ""; // Whatever it was, the next time tries again: a node that fell silent would be taken for dead.
        }
        lock (_gate)
        {
            if (!_stopping.IsCancellationRequested)
                _statusAlarm = _services.Alarms.Set(now + (IsRuntimeReady ? _options.StatusCheck : _options.UnreadyCheck), () => _ = Task.Run(ReportAsync));
        }
    }

    private async Task TryRegisterAsync()
    {
        try
        {
            await RegisterAsync(_stopping.Token);
        }
        catch (Exception e) when (e is ApiException or IOException or OperationCanceledException)
        {
            // The next report finds out.
        }
    }

    private async Task ReportAsync(DateTimeOffset now)
    {
        NodeStatus status = await MakeStatusAsync(now);
        string state = State(status);
        List<string> stale = [.. Node.Status.Allocatable.OrEmpty().Keys.Where(resource => !status.Allocatable!.ContainsKey(resource))];
        if (state == _reported && stale.Count == 0 && now - _reportedAt < _options.StatusReport)
            return;
        JsonObject written = JsonNode.Parse(KubernetesJson.Serialize(status))!.AsObject();
        foreach (string resource in stale)
            written["allocatable"]![resource] = null; // A merge would keep it.
        var patch = new JsonObject { ["status"] = written };
        Node node = await _kubelet.Api.PatchAsync<Node>("", _options.NodeName, "status", JsonSerializer.SerializeToUtf8Bytes(patch), _stopping.Token);
        _reported = state;
        _reportedAt = now;
        await LearnAsync(node, _stopping.Token);
        TellReadiness(status);
        TellPressure(status);
    }

    private void TellReadiness(NodeStatus status)
    {
        bool isReady = status.Conditions.OrEmpty().Exists(condition => condition is { Type: "Ready", Status: "True" });
        if (isReady == _wasReady)
            return;
        _wasReady = isReady;
        Tell(isReady ? "NodeReady" : "NodeNotReady");
    }

    private void TellPressure(NodeStatus status)
    {
        List<string> pressure = [.. status.Conditions.OrEmpty()
            .Where(condition => condition is { Status: "True", Type: not "Ready" }).Select(condition => condition.Type!)];
        foreach (string gone in _lastPressure.Except(pressure))
            Tell(gone switch { EvictionSignals.MemoryPressure => "NodeHasSufficientMemory", EvictionSignals.DiskPressure => "NodeHasNoDiskPressure", _ => "NodeHasSufficientPID" });
        foreach (string come in pressure.Except(_lastPressure))
            Tell(come switch { EvictionSignals.MemoryPressure => "NodeHasInsufficientMemory", EvictionSignals.DiskPressure => "NodeHasDiskPressure", _ => "NodeHasInsufficientPID" });
        _lastPressure = pressure;
    }

    /// <summary>Whether pods are let onto it, which others decide.</summary>
    private void TellSchedulability(Node node)
    {
        bool isUnschedulable = node.Spec.Unschedulable == true;
        if (isUnschedulable == _wasUnschedulable)
            return;
        _wasUnschedulable = isUnschedulable;
        Tell(isUnschedulable ? "NodeNotSchedulable" : "NodeSchedulable");
    }

    private void Tell(string reason) => Tell("Normal", reason, $"Node {_options.NodeName} status is now: {reason}");

    /// <summary>Makes an event of the node.</summary>
    public void Tell(string type, string reason, string message) => _services.Events.Emit(
        _kubelet.Api,
        _options.NodeName,
        new ObjectReference { Kind = "Node", Name = _options.NodeName, Uid = _options.NodeName },
        type,
        reason,
        message);

    /// <summary>The status without its heartbeats: another one is worth a report at once.</summary>
    private static string State(NodeStatus status)
    {
        NodeStatus still = status.DeepClone();
        foreach (NodeCondition condition in still.Conditions.OrEmpty())
            condition.LastHeartbeatTime = null;
        return System.Text.Encoding.UTF8.GetString(KubernetesJson.Serialize(still));
    }

    private async Task<NodeStatus> MakeStatusAsync(DateTimeOffset now)
    {
        RuntimeStatus runtime = await _kubelet.Runtime.StatusAsync(_stopping.Token);
        bool isReady = runtime is { IsRuntimeReady: true, IsNetworkReady: true };
        IsRuntimeReady = isReady;
        IReadOnlyList<string> pressure = _kubelet.Pressure.Conditions;
        return new NodeStatus
        {
            Capacity = new Dictionary<string, Quantity>(_options.Capacity),
            Allocatable = new Dictionary<string, Quantity>(Allocatable),
            Conditions =
            [
                pressure.Contains(EvictionSignals.MemoryPressure)
                    ? Condition(EvictionSignals.MemoryPressure, true, "KubeletHasInsufficientMemory", "kubelet has insufficient memory available", now)
                    : Condition(EvictionSignals.MemoryPressure, false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available", now),
                pressure.Contains(EvictionSignals.DiskPressure)
                    ? Condition(EvictionSignals.DiskPressure, true, "KubeletHasDiskPressure", "kubelet has disk pressure", now)
                    : Condition(EvictionSignals.DiskPressure, false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure", now),
                pressure.Contains(EvictionSignals.PidPressure)
                    ? Condition(EvictionSignals.PidPressure, true, "KubeletHasInsufficientPID", "kubelet has insufficient PID available", now)
                    : Condition(EvictionSignals.PidPressure, false, "KubeletHasSufficientPID", "kubelet has sufficient PID available", now),
                isReady
                    ? Condition("Ready", true, "KubeletReady", "kubelet is posting ready status", now)
                    : Condition("Ready", false, "KubeletNotReady", runtime.Message, now),
            ],
            Addresses =
            [
                new NodeAddress { Type = "InternalIP", Address = _options.NodeIp },
                new NodeAddress { Type = "Hostname", Address = _options.NodeName },
            ],
            DaemonEndpoints = new NodeDaemonEndpoints { KubeletEndpoint = new DaemonEndpoint { Port = _options.Port } },
            NodeInfo = new NodeSystemInfo
            {
                MachineID = _identity.MachineId,
                SystemUUID = _identity.SystemUuid,
                BootID = _identity.BootId,
                KernelVersion = _options.KernelVersion,
                OsImage = _options.OperatingSystemImage,
                ContainerRuntimeVersion = _kubelet.RuntimeVersion,
                KubeletVersion = _options.KubeletVersion,
                KubeProxyVersion = "",
                OperatingSystem = "linux",
                Architecture = _options.Architecture,
            },
            Images = await ImagesAsync(),
        };
    }

    private async Task<List<ContainerImage>?> ImagesAsync()
    {
        IReadOnlyList<RuntimeImage> images = await _kubelet.Images.ListImagesAsync(_stopping.Token);
        return images.Count == 0 ? null :
        [
            .. images.OrderByDescending(image => image.SizeBytes).ThenBy(image => image.Id, StringComparer.Ordinal).Take(ImageLimit)
                .Select(image => new ContainerImage { Names = [image.Id, .. image.RepoTags], SizeBytes = image.SizeBytes }),
        ];
    }

    private NodeCondition Condition(string type, bool value, string reason, string message, DateTimeOffset now)
    {
        string status = value ? "True" : "False";
        if (!_conditions.TryGetValue(type, out var known) || known.Status != status)
            _conditions[type] = known = (status, now);
        return new NodeCondition
        {
            Type = type,
            Status = status,
            Reason = reason,
            Message = message,
            LastHeartbeatTime = now,
            LastTransitionTime = known.Since,
        };
    }

    /// <summary>It stays the same as long as the node's name does.</summary>
    private static MachineIdentity IdentityOf(string nodeName)
    {
        string id = new Guid(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(nodeName)).AsSpan(0, 16)).ToString();
        return new MachineIdentity(id, id, id);
    }

    // Lease

    private async Task RenewAsync()
    {
        DateTimeOffset now = _services.Alarms.Now;
        try
        {
            await _services.NodeRequests.WaitAsync(_stopping.Token);
            try
            {
                _lease = await RenewAsync(now);
            }
            finally
            {
                _services.NodeRequests.Release();
            }
        }
        catch (Exception)
        {
            _lease = null; // Whatever it was, it is read anew the next time, which comes soon enough.
        }
        lock (_gate)
        {
            if (!_stopping.IsCancellationRequested)
                _leaseAlarm = _services.Alarms.Set(now + _options.LeaseRenewal, () => _ = Task.Run(RenewAsync));
        }
    }

    private async Task<Lease> RenewAsync(DateTimeOffset now)
    {
        Lease? lease = _lease ?? await _kubelet.Api.FindAsync<Lease>(LeaseNamespace, _options.NodeName, _stopping.Token);
        if (lease is null)
            return await _kubelet.Api.CreateAsync(NewLease(now), _stopping.Token);
        lease.Spec.RenewTime = now;
        lease.Spec.HolderIdentity = _options.NodeName;
        lease.Spec.LeaseDurationSeconds = (int)_options.LeaseDuration.TotalSeconds;
        return await _kubelet.Api.UpdateAsync(lease, _stopping.Token);
    }

    private Lease NewLease(DateTimeOffset now) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = _options.NodeName,
            Namespace = LeaseNamespace,
            OwnerReferences = _uid.Length == 0 ? null : [new OwnerReference { ApiVersion = "v1", Kind = "Node", Name = _options.NodeName, Uid = _uid }],
        },
        Spec = new LeaseSpec
        {
            HolderIdentity = _options.NodeName,
            LeaseDurationSeconds = (int)_options.LeaseDuration.TotalSeconds,
            RenewTime = now,
        },
    };
}
