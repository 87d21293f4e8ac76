using System.Collections.Concurrent;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Kubelet.StaticPods;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>One node's agent: registers the node, and runs the pods that are bound to it on a container runtime.</summary>
/// <remarks>It knows of no particular runtime. Thousands may live in one process and share its services.</remarks>
public sealed class Kubelet : IPodSink, IObjectSink<Node>, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, PodWorker> _workers = new(); // By uid.
    private readonly ConcurrentDictionary<NamespacedName, PodWorker> _byName = new();
    private readonly Lock _admission = new();
    private readonly NodeReporter _reporter;
    private readonly StaticPodKeeper _staticPods;
    private IDisposable? _events;
    private RuntimeVersion _version = new("unknown", "0");

    public Kubelet(KubeletOptions options, KubeletServices services, IContainerRuntime runtime, IImageService images, IProber prober)
    {
        Options = options;
        PullTurns = new SemaphoreSlim(options.PullsAtOnce);
        Services = services;
        Api = services.Api.As(options.NodeName);
        Runtime = runtime;
        Images = images;
        Prober = prober;
        Pressure = new NodePressure(options.Eviction.Thresholds, options.Eviction.TransitionPeriod);
        _reporter = new NodeReporter(this);
        _staticPods = new StaticPodKeeper(this);
        if (options.Containers is { } settings)
        {
            ClassCgroups = new ClassCgroups(
                settings,
                () => _workers.Values.Where(worker => worker.UsesResources).Select(worker => worker.Pod),
                () => options.Allocatable.GetValueOrDefault("cpu").MilliValue);
            Volumes = new NodeVolumes(settings, Api, services.Alarms, options.Allocatable, services.Stopping);
        }
    }

    public KubeletOptions Options { get; }

    /// <summary>The pods that it knows of, as the API last showed them.</summary>
    public IEnumerable<Pod> Pods => _workers.Values.Select(worker => worker.Pod);

    internal SemaphoreSlim PullTurns { get; }

    internal KubeletServices Services { get; }

    /// <summary>The API as this node.</summary>
    internal IKubeletApi Api { get; }

    internal IContainerRuntime Runtime { get; }

    internal IImageService Images { get; }

    internal IProber Prober { get; }

    /// <summary>What the node is short of, as whoever watches it has seen.</summary>
    internal NodePressure Pressure { get; }

    /// <summary>The pods that take part of the node now.</summary>
    internal IReadOnlyList<IEvictablePod> PodsOnNode => [.. _workers.Values.Where(worker => worker.UsesResources)];

    /// <summary>Null where containers are not real.</summary>
    internal NodeVolumes? Volumes { get; }

    /// <summary>Null where containers are not real.</summary>
    internal ClassCgroups? ClassCgroups { get; }

    /// <summary>Null where nothing is known of the machine: its containers are all there is then.</summary>
    internal MachineUse? Machine { get; init; }

    internal string RuntimeName => _version.Name;

    internal string RuntimeVersion => $"{_version.Name}://{_version.Version}";

    /// <summary>Begins to run the static pods, registers the node and begins to renew its lease. Pods come by <see cref="IPodSink"/> from
    /// then on.</summary>
    /// <remarks>An API server that does not answer is waited for, the static pods running meanwhile.</remarks>
    public async Task StartAsync(CancellationToken ct)
    {
        _version = await Runtime.VersionAsync(ct);
        if (Volumes is not null)
            Volumes.CanMountRecursivelyReadOnly = (await Runtime.StatusAsync(ct)).CanMountRecursivelyReadOnly;
        _events = Runtime.SubscribeContainerEvents(OnContainerEvent);
        Services.FollowServices(Api);
        _staticPods.Start();
        await _reporter.StartAsync(ct);
    }

    /// <summary>Follows its own node and the node's pods until it is cancelled; thousands in one
    /// process share watches instead.</summary>
    public Task FollowAsync(CancellationToken ct) => Task.WhenAll(
        Api.WatchPodsAsync(Options.NodeName, this, ct), Api.WatchAsync<Node>(Options.NodeName, this, ct));

    /// <summary>Its own node, as others have left it: labels by which pods choose it, resources that it does not know of itself.</summary>
    public void Changed(Node value) => _reporter.Learn(value);

    /// <summary>The next report finds out.</summary>
    public void Deleted(Node value)
    {
    }

    public void Changed(Pod pod)
    {
        if (MirrorPods.IsMirror(pod))
        {
            _staticPods.Changed(pod);
            return;
        }
        // A static pod has its name for as long as its file says so.
        bool isShadowed = _byName.TryGetValue(pod.Key, out PodWorker? namesake) && namesake.IsStatic;
        if (namesake is { IsStatic: false } && namesake.Pod.Uid != pod.Uid)
            namesake.Remove(); // Its end was missed.
        bool isNew = false;
        PodWorker worker = _workers.GetOrAdd(pod.Uid, _ =>
        {
            isNew = true;
            return new PodWorker(this, pod);
        });
        if (!isShadowed)
            _byName[pod.Key] = worker;
        if (isNew)
            worker.Trigger();
        else
            worker.Update(pod);
    }

    public void Deleted(Pod pod)
    {
        if (MirrorPods.IsMirror(pod))
            _staticPods.Deleted(pod);
        else if (_workers.TryGetValue(pod.Uid, out PodWorker? worker))
            worker.Remove();
    }

    /// <summary>What the runtime has and no pod wants is left from another life of this kubelet.</summary>
    void IObjectSink<Pod>.Synced()
    {
        _staticPods.Synced();
        _ = Task.Run(RemoveOrphansAsync);
    }

    void IObjectSink<Node>.Synced()
    {
    }

    public async ValueTask DisposeAsync()
    {
        _events?.Dispose();
        _staticPods.Dispose();
        if (Volumes is not null)
            await Volumes.DisposeAsync();
        await _reporter.DisposeAsync();
    }

    internal PodWorker? FindPod(string ns, string name) =>
        _byName.TryGetValue(new NamespacedName(ns, name), out PodWorker? worker) ? worker : null;

    /// <summary>Lets a pod take its part of the node, or says why not.</summary>
    internal PodVerdict? TryAdmit(PodWorker worker)
    {
        lock (_admission)
        {
            List<Pod> admitted = [.. _workers.Values.Where(other => other.UsesResources || other.IsMakingRoom).Select(other => other.Pod)];
            PodVerdict? verdict = PressureAdmission.Refusal(worker.Pod, Pressure.Conditions) is { } refusal
                ? new PodVerdict(EvictionMessage.Reason, $"Pod was rejected: {refusal}")
                : NodeAdmission.Check(worker.Pod, admitted, _reporter.Node, _reporter.Allocatable);
            if (verdict is null)
                worker.MarkAdmitted();
            return verdict;
        }
    }

    /// <summary>Lets pods go so that one that the node itself needs has room.</summary>
    /// <returns>Whether there will be enough once they have gone.</returns>
    internal bool TryMakeRoom(PodWorker critical)
    {
        lock (_admission)
        {
            List<PodWorker> staying = [.. _workers.Values.Where(other => other.UsesResources && !other.IsMakingRoom)];
            Dictionary<string, Quantity> missing = NodeAdmission.Missing(critical.Pod, [.. staying.Select(other => other.Pod)], _reporter.Allocatable);
            if (missing.Count == 0)
                return true;
            HashSet<string> victims = [.. Preemption.Victims(critical.Pod, staying.Select(other => other.Pod), missing).Select(pod => pod.Uid)];
            foreach (PodWorker victim in staying.Where(other => victims.Contains(other.Pod.Uid)))
                victim.MakeRoom();
            return victims.Count > 0;
        }
    }

    /// <summary>Whether the API knows that the pod of a uid has ended, and nothing of it runs.</summary>
    internal bool HasEnded(string podUid) =>
        _workers.TryGetValue(podUid, out PodWorker? worker) && worker.HasEnded && worker.Pod.Status.Phase is "Succeeded" or "Failed";

    /// <summary>Whether the runtime and its network were ready when last looked at.</summary>
    internal bool IsRuntimeReady => _reporter.IsRuntimeReady;

    internal void WarnOfNode(string reason, string message) => _reporter.Tell("Warning", reason, message);

    /// <summary>Reads the node's object anew.</summary>
    /// <returns>Whether there was one.</returns>
    internal async Task<bool> LearnNodeAsync(CancellationToken ct)
    {
        if (await Api.FindAsync<Node>("", Options.NodeName, ct) is not { } node)
            return false;
        _reporter.Learn(node);
        return true;
    }

    internal void Forget(PodWorker worker)
    {
        _workers.TryRemove(KeyValuePair.Create(worker.Pod.Uid, worker));
        _byName.TryRemove(KeyValuePair.Create(worker.Pod.Key, worker));
    }

    /// <param name="ended">Told when nothing is left of it.</param>
    internal PodWorker StartStatic(Pod pod, Action<PodWorker> ended)
    {
        var worker = new PodWorker(this, pod, ended);
        _workers[pod.Uid] = worker;
        _byName[pod.Key] = worker;
        worker.Trigger();
        return worker;
    }

    /// <summary>Ends what the runtime has of static pods of that name which another life of this kubelet started from another manifest.</summary>
    internal async Task EndStaticNamesakesAsync(Pod pod, CancellationToken ct)
    {
        foreach (PodSandbox sandbox in await Runtime.ListPodSandboxAsync(null, ct))
        {
            bool isFormer = sandbox.PodName == pod.Name && sandbox.PodNamespace == pod.Namespace && sandbox.PodUid != pod.Uid
                && StaticManifest.IsUid(sandbox.PodUid) && !_workers.ContainsKey(sandbox.PodUid);
            if (!isFormer)
                continue;
            IReadOnlyList<RuntimeContainer> containers = await Runtime.ListContainersAsync(sandbox.PodUid, ct);
            await Task.WhenAll(containers.Where(container => container.State == RuntimeContainerState.Running)
                .Select(container => Runtime.StopContainerAsync(container.Id, PodWorker.DefaultGrace, ct)));
            await Runtime.StopPodSandboxAsync(sandbox.Id, ct);
            await Runtime.RemovePodSandboxAsync(sandbox.Id, ct);
        }
    }

    private void OnContainerEvent(ContainerEvent change)
    {
        if (_workers.TryGetValue(change.PodUid, out PodWorker? worker))
            worker.Trigger();
    }

    private bool IsKnown(string uid) => _workers.ContainsKey(uid) || _staticPods.Wants(uid);

    private async Task RemoveOrphansAsync()
    {
        try
        {
            foreach (PodSandbox sandbox in await Runtime.ListPodSandboxAsync(null, Services.Stopping))
            {
                if (IsKnown(sandbox.PodUid))
                    continue;
                await Runtime.StopPodSandboxAsync(sandbox.Id, Services.Stopping);
                await Runtime.RemovePodSandboxAsync(sandbox.Id, Services.Stopping);
            }
            if (Options.Containers is { } settings)
            {
                Volumes!.RemoveOrphans(IsKnown);
                PodFiles.RemoveOrphanedLogs(settings, IsKnown);
                await new PodCgroups(settings).RemoveOrphansAsync(IsKnown, Services.Stopping);
            }
        }
        catch (Exception e) when (e is CriException or OperationCanceledException or IOException or UnauthorizedAccessException)
        {
            // The next synchronisation tries again.
        }
    }
}
