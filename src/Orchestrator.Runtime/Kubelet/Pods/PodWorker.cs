using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Kubelet.StaticPods;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>Brings one pod from what it is to what it should be, one step after another.</summary>
/// <remarks>
/// It is idle until something happens (the pod changed, a container ended, a probe decided, a time came); then it looks at
/// the runtime, unless only the pod has changed, lets <see cref="PodPlan"/> decide, carries that out and reports. Only one run is under way at a time, so that
/// its fields have one owner; what happens meanwhile makes it run once more.
/// </remarks>
internal sealed class PodWorker : IEvictablePod
{
    internal static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(30);

    /// <summary>An evicted pod gets no longer, whatever its own grace: the node is short of something.</summary>
    private static readonly TimeSpan EvictionGrace = TimeSpan.FromSeconds(1);

    /// <summary>How often a pod that waits for room looks for it.</summary>
    private static readonly TimeSpan RoomLook = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan FailureRetry = TimeSpan.FromSeconds(10);

    private readonly Kubelet _kubelet;
    private readonly PodStatusSlot _slot;
    private readonly Action<PodWorker>? _ended;
    private readonly ContainerStopper _stopper;
    private readonly LastWords _lastWords;
    private readonly ContainerWaits _waits = new();
    private readonly PullBackoff _pullBackoff = new();
    private readonly Dictionary<string, ContainerProbes> _probes = [];
    private readonly Lock _gate = new();

    private Pod _pod;
    private bool _isGone;
    private TimeSpan _goneGrace;
    private bool _isRunning;
    private bool _isDirty;
    private bool _looks = true;
    private CancellationTokenSource _run = new();
    private TimeSpan? _stoppingGrace;
    private IDisposable? _alarm;
    private DateTimeOffset? _nextAlarm;
    private PodObservation _observed = PodObservation.Nothing;
    private DateTimeOffset? _startTime;
    private PodVerdict? _verdict;
    private Eviction? _eviction;
    private bool _isAdmitted;
    private bool _isStopped;
    private bool _hasReported;
    private volatile bool _isShownAnew;
    private string _appliedAnnotations = "";
    private string _networkProblem = "";

    /// <param name="ended">The pod is static, and this is told when nothing is left of it.</param>
    public PodWorker(Kubelet kubelet, Pod pod, Action<PodWorker>? ended = null)
    {
        _kubelet = kubelet;
        _pod = pod;
        _ended = ended;
        _stopper = new ContainerStopper(this, kubelet);
        _lastWords = new LastWords(kubelet.Runtime);
        _slot = new PodStatusSlot { Api = kubelet.Api, Known = pod, IsOfMirror = IsStatic, IsHeld = IsStatic };
        Volumes = kubelet.Volumes?.For(pod, problem => Emit(null, "Warning", "FailedMount", problem), Trigger, problem => Evict(problem, isForNode: false));
    }

    /// <summary>As the API last showed it.</summary>
    public Pod Pod => Volatile.Read(ref _pod);

    /// <summary>A file on the node asks for it: the API has but a mirror of it.</summary>
    public bool IsStatic => _ended is not null;

    /// <summary>As the runtime last showed it, for the kubelet's server.</summary>
    public PodObservation Observed => Volatile.Read(ref _observed);

    /// <summary>Null where containers are not real.</summary>
    public PodVolumes? Volumes { get; }

    /// <summary>It takes part of what the node has.</summary>
    public bool UsesResources => _isAdmitted && !_isStopped && _verdict is null;

    /// <summary>It was told to go for one that the node itself needs, and has not ended yet.</summary>
    public bool IsMakingRoom => !_isStopped && Volatile.Read(ref _eviction) is { Verdict.Reason: Preemption.Reason };

    public bool HasEnded => _isStopped;

    public DateTimeOffset Now => _kubelet.Services.Alarms.Now;

    public void Update(Pod pod)
    {
        lock (_gate)
        {
            Volatile.Write(ref _pod, pod);
            lock (_slot.Gate)
                _slot.Known = pod;
            if (pod.IsBeingDeleted)
                InterruptFor(Grace(pod));
        }
        Volumes?.Update(pod);
        Trigger(looks: false);
    }

    /// <summary>A static pod's mirror is there or has changed: the pod's status is written to it from now on, and goes on from what it
    /// shows.</summary>
    public void Show(Pod mirror)
    {
        lock (_gate)
            Volatile.Write(ref _pod, MirrorPods.WithStatusOf(_pod, mirror));
        if (PodStatusWriter.Show(_slot, mirror))
            _isShownAnew = true;
        Trigger(looks: false);
    }

    /// <summary>The API no longer has it: what is left of it here goes.</summary>
    public void Remove() => Remove(TimeSpan.Zero);

    /// <summary>Nothing asks for a static pod any more: it ends in its grace, and goes.</summary>
    public void End() => Remove(Grace(Pod));

    private void Remove(TimeSpan grace)
    {
        lock (_gate)
        {
            _isGone = true;
            _goneGrace = grace;
            PodStatusWriter.Forget(_slot);
            InterruptFor(grace);
        }
        Trigger();
    }

    public void Trigger() => Trigger(looks: true);

    /// <param name="looks">Something may have happened at the runtime, which is to be asked.</param>
    private void Trigger(bool looks)
    {
        lock (_gate)
        {
            _isDirty = true;
            _looks |= looks;
            if (_isRunning)
                return;
            _isRunning = true;
        }
        _ = Task.Run(RunAsync);
    }

    public IDisposable SetAlarm(DateTimeOffset due, Action action) => _kubelet.Services.Alarms.Set(due, action);

    public void Emit(PodContainer? container, string type, string reason, string message) =>
        _kubelet.Services.Events.Emit(
            _kubelet.Api,
            _kubelet.Options.NodeName,
            new ObjectReference
            {
                Kind = "Pod",
                ApiVersion = "v1",
                Name = Pod.Name,
                Namespace = Pod.Namespace,
                Uid = Pod.Uid,
                ResourceVersion = Pod.ResourceVersion,
                FieldPath = container?.FieldPath,
            },
            type,
            reason,
            message);

    public async Task<ProbeResult> ProbeAsync(PodContainer container, RuntimeContainer running, Probe probe, CancellationToken ct)
    {
        TimeSpan timeout = TimeSpan.FromSeconds(Math.Max(1, probe.TimeoutSeconds ?? 1));
        try
        {
            if (probe.Exec is not { } exec)
                return await AskAsync(container, running.Id, new ProbeRequest(probe.HttpGet, probe.TcpSocket, probe.Grpc), timeout, ct);
            ExecSyncResult result = await _kubelet.Runtime.ExecSyncAsync(running.Id, exec.Command.OrEmpty(), timeout, ct);
            return new ProbeResult(result.ExitCode == 0, result.Output);
        }
        catch (CriException e)
        {
            return new ProbeResult(false, e.Message);
        }
    }

    internal Task<ProbeResult> AskAsync(PodContainer container, string containerId, ProbeRequest request, TimeSpan timeout, CancellationToken ct)
    {
        string ip = Pod.Spec.HostNetwork == true ? _kubelet.Options.NodeIp : Observed.Sandbox?.Ip ?? "";
        return _kubelet.Prober.ProbeAsync(new ProbeTarget(containerId, ip, container.Spec), request, timeout, ct);
    }

    /// <summary>Work that is to be undone, or that is more patient than the pod's end now allows, is left.</summary>
    private void InterruptFor(TimeSpan grace)
    {
        if (_isRunning && (_stoppingGrace is null || grace < _stoppingGrace))
            _ = _run.CancelAsync(); // Not here: what goes on by it must not run under the gate.
    }

    private static TimeSpan Grace(Pod pod) =>
        (pod.Metadata.DeletionGracePeriodSeconds ?? pod.Spec.TerminationGracePeriodSeconds) is { } seconds
            ? TimeSpan.FromSeconds(seconds)
            : DefaultGrace;

    private async Task RunAsync()
    {
        while (true)
        {
            CancellationToken ct;
            bool looks;
            lock (_gate)
            {
                if (!_isDirty || _kubelet.Services.Stopping.IsCancellationRequested)
                {
                    _isRunning = false;
                    return;
                }
                (looks, _isDirty, _looks) = (_looks, false, false);
                if (_run.IsCancellationRequested)
                    _run = new CancellationTokenSource();
                _stoppingGrace = null;
                ct = _run.Token;
            }
            await RunOnceAsync(looks, ct);
        }
    }

    private async Task RunOnceAsync(bool looks, CancellationToken ct)
    {
        _nextAlarm = null;
        try
        {
            await SyncAsync(looks, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested || _kubelet.Services.Stopping.IsCancellationRequested)
        {
            // Interrupted: the next run has another aim, and what this one came to is not known.
            lock (_gate)
                _looks = true;
        }
        catch (Exception e)
        {
            // Whatever it was, the pod is tried again: one that nobody works for would be lost.
            if (e is CriException && (_isGone || Pod.IsBeingDeleted || _verdict is not null))
                Emit(null, "Warning", "FailedKillPod", $"error killing pod: {e.Message}");
            else
                Emit(null, "Warning", "FailedSync", $"error determining status: {e.Message}");
            lock (_gate)
                _looks = true;
            WakeAt(Now + FailureRetry);
        }
        SetNextAlarm();
    }

    private void WakeAt(DateTimeOffset due)
    {
        lock (_gate)
            _nextAlarm = _nextAlarm is { } known && known < due ? known : due;
    }

    private void SetNextAlarm()
    {
        _alarm?.Dispose();
        _alarm = _nextAlarm is { } due ? SetAlarm(due, Trigger) : null;
    }

    private async Task SyncAsync(bool looks, CancellationToken ct)
    {
        Pod pod = Pod;
        if (looks)
            await ObserveAsync(ct);
        else
            RefreshProbes();
        if (_isGone)
        {
            await RemoveAsync(ct);
            return;
        }
        if (pod.IsBeingDeleted)
        {
            await TerminateAsync(pod, ct);
            return;
        }
        if (!_isAdmitted && !await AdmitAsync(pod, ct))
            return;
        CheckDeadline(pod);
        CheckEviction(pod);
        if (_verdict is not null || pod.Status.Phase is "Succeeded" or "Failed")
            await EndAsync(pod, ct);
        else
            await KeepAsync(pod, ct);
    }

    private async Task ObserveAsync(CancellationToken ct)
    {
        PodSandbox? sandbox = await NewestSandboxAsync(ct);
        IReadOnlyList<RuntimeContainer> containers = await _kubelet.Runtime.ListContainersAsync(Pod.Uid, ct);
        Volatile.Write(ref _observed, new PodObservation(sandbox, await _lastWords.AddToAsync(containers, Pod, ct)));
        RefreshProbes();
    }

    private async Task<PodSandbox?> NewestSandboxAsync(CancellationToken ct)
    {
        IReadOnlyList<PodSandbox> sandboxes = await _kubelet.Runtime.ListPodSandboxAsync(Pod.Uid, ct);
        return sandboxes.Count == 0 ? null : sandboxes.MaxBy(sandbox => sandbox.Attempt);
    }

    private void RefreshProbes()
    {
        foreach (string id in _probes.Keys.Where(id => !_observed.Containers.Any(container => container.Id == id && container.State == RuntimeContainerState.Running)).ToList())
        {
            _probes[id].Dispose();
            _probes.Remove(id);
        }
        if (_isGone || Pod.IsBeingDeleted)
            return;
        foreach (PodContainer container in PodContainer.Of(Pod))
        {
            if (ContainerProbes.HasAny(container) && _observed.Latest(container.Name) is { State: RuntimeContainerState.Running } running
                && !_probes.ContainsKey(running.Id))
                _probes[running.Id] = new ContainerProbes(this, container, running);
        }
    }

    private ContainerHealth Health(RuntimeContainer running) =>
        _probes.TryGetValue(running.Id, out ContainerProbes? probes) ? probes.Health : ContainerHealth.Good;

    /// <returns>False: it has to wait for pods that make room for it.</returns>
    private async Task<bool> AdmitAsync(Pod pod, CancellationToken ct)
    {
        _startTime ??= pod.Status.StartTime ?? Now;
        bool hasStarted = pod.Status.ContainerStatuses.OrEmpty().Any(status => status.ContainerID is { Length: > 0 });
        if (pod.Status.Phase is not ("Succeeded" or "Failed") && !hasStarted && _observed.Containers.Count == 0)
            _verdict = _kubelet.TryAdmit(this);
        else
            _isAdmitted = true;
        // The scheduler may have seen a label that the watch of the node has yet to bring.
        if (_verdict is { Reason: NodeAdmission.NodeAffinity } && await _kubelet.LearnNodeAsync(ct))
            _verdict = _kubelet.TryAdmit(this);
        if (_verdict is { } shortage && NodeAdmission.IsShortage(shortage) && CriticalPods.Has(pod) && _kubelet.TryMakeRoom(this))
        {
            _verdict = null;
            WakeAt(Now + RoomLook);
            return false;
        }
        if (_verdict is { } verdict)
            Emit(null, "Warning", verdict.Reason, verdict.Message.Replace("Pod was rejected: ", "", StringComparison.Ordinal));
        return true;
    }

    /// <summary>Called by the kubelet, which counts who is admitted.</summary>
    internal void MarkAdmitted() => _isAdmitted = true;

    private void CheckDeadline(Pod pod)
    {
        if (_verdict is not null || pod.Spec.ActiveDeadlineSeconds is not { } seconds || pod.Status.Phase is "Succeeded" or "Failed")
            return;
        DateTimeOffset deadline = _startTime!.Value + TimeSpan.FromSeconds(seconds);
        if (Now < deadline)
        {
            WakeAt(deadline);
            return;
        }
        _verdict = new PodVerdict("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
        Emit(null, "Normal", "DeadlineExceeded", _verdict.Value.Message);
    }

    /// <summary>It takes more of the node than it may, or than the node has: it ends, whatever its policy.</summary>
    public bool Evict(string message, bool isForNode)
    {
        if (CriticalPods.Has(Pod))
            return false;
        EndFor(new PodVerdict(EvictionMessage.Reason, message, isForNode), EvictionGrace);
        return true;
    }

    /// <summary>It goes for a pod that the node itself needs: it ends in its own grace.</summary>
    public void MakeRoom() => EndFor(new PodVerdict(Preemption.Reason, Preemption.Message, IsForNode: true), Grace(Pod));

    private void EndFor(PodVerdict verdict, TimeSpan grace)
    {
        lock (_gate)
        {
            _eviction ??= new Eviction(verdict, grace);
            InterruptFor(grace);
        }
        Trigger();
    }

    private void CheckEviction(Pod pod)
    {
        Eviction? eviction;
        lock (_gate)
        {
            eviction = _eviction;
            if (eviction is not null)
                _stoppingGrace = eviction.Grace;
        }
        if (_verdict is not null || eviction is null || pod.Status.Phase is "Succeeded" or "Failed")
            return;
        _verdict = eviction.Verdict;
        Emit(null, "Warning", eviction.Verdict.Reason, eviction.Verdict.Message);
    }

    /// <summary>It has to run, or goes on to run.</summary>
    private async Task KeepAsync(Pod pod, CancellationToken ct)
    {
        PodPlan plan = PodPlan.Compute(pod, _observed, Health);
        if (plan.IsFinished)
        {
            await FinishAsync(pod, plan, ct);
            return;
        }
        // One that is shown as ready and is not, after the node's start for instance, must not be sent anybody meanwhile.
        if (!_hasReported)
            Report(plan.Starts.Count > 0 && IsShownReady(pod) ? TimeSpan.Zero : _kubelet.Options.FirstReportDelay);
        await CarryOutAsync(pod, plan, ct);
        await PassAnnotationsOnAsync(pod, ct);
        if (plan.HasWork)
            await ObserveAsync(ct);
        if (plan.Starts.Count > 0 && _observed.Sandbox is { Attempt: > 0 })
            await RemoveOldSandboxesAsync(ct);
        Report(TimeSpan.Zero);
        // What has ended while this run was busy has made it dirty; what it has made possible comes now.
        if (plan.Starts.Any(start => start.Container.Kind is PodContainerKind.Init or PodContainerKind.Sidecar && !_waits.Has(start.Container.Name)))
            Trigger();
    }

    /// <summary>Earlier ones go when none of their containers is kept any more for what it tells of its end.</summary>
    private async Task RemoveOldSandboxesAsync(CancellationToken ct)
    {
        foreach (PodSandbox sandbox in await _kubelet.Runtime.ListPodSandboxAsync(Pod.Uid, ct))
        {
            if (!sandbox.IsReady && sandbox.Attempt < _observed.Sandbox!.Attempt && !_observed.Containers.Any(container => container.SandboxId == sandbox.Id))
                _ = RemoveInItsTurnAsync(sandbox.Id); // Nobody waits for that.
        }
    }

    private async Task RemoveInItsTurnAsync(string sandboxId)
    {
        try
        {
            await _kubelet.Runtime.RemovePodSandboxAsync(sandboxId, _kubelet.Services.Stopping);
        }
        catch (Exception e) when (e is CriException or OperationCanceledException)
        {
            // With the next start, or with the pod.
        }
    }

    private static bool IsShownReady(Pod pod) => pod.Status.Conditions.OrEmpty().Exists(condition => condition is { Type: "Ready", Status: "True" });

    private async Task CarryOutAsync(Pod pod, PodPlan plan, CancellationToken ct)
    {
        await Task.WhenAll(plan.Kills.Select(kill => _stopper.StopAsync(
            kill.Container, kill.Running, _probes.GetValueOrDefault(kill.Running.Id)?.KillGrace ?? Grace(pod), kill.Message, ct)));
        if (plan.Kills.Count > 0)
            await ObserveAsync(ct);
        if (Volumes is not null && await Volumes.SetUpAsync(ct) is { } retryAt)
        {
            WakeAt(retryAt);
            return;
        }
        if (plan.NeedsSandbox && !await RunSandboxAsync(pod, ct))
            return;
        await Task.WhenAll(plan.Starts.Select(start => StartAsync(pod, start, ct)));
    }

    /// <returns>Whether there is one now.</returns>
    private async Task<bool> RunSandboxAsync(Pod pod, CancellationToken ct)
    {
        if (await WaitsForNetworkAsync(pod, ct))
            return false;
        if (_observed.Sandbox is not null)
            Emit(null, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
        if (_kubelet.Options.Containers is { } settings && !IsPrepared(pod, settings))
            return false;
        try
        {
            int attempt = _observed.Sandbox is { } last ? last.Attempt + 1 : 0;
            await _kubelet.Runtime.RunPodSandboxAsync(SandboxConfigs.For(pod, attempt, _kubelet.Options), ct);
            Volatile.Write(ref _observed, _observed with { Sandbox = await NewestSandboxAsync(ct) });
            return true;
        }
        catch (CriException e)
        {
            Emit(null, "Warning", "FailedCreatePodSandBox", $"Failed to create pod sandbox: {e.Message}");
            WakeAt(Now + FailureRetry);
            return false;
        }
    }

    /// <summary>Without a network only those begin that have the node's.</summary>
    private async Task<bool> WaitsForNetworkAsync(Pod pod, CancellationToken ct)
    {
        bool isKnownToBeReady = pod.Spec.HostNetwork == true || _kubelet.IsRuntimeReady;
        string problem = isKnownToBeReady || await _kubelet.Runtime.StatusAsync(ct) is not { IsRuntimeReady: true, IsNetworkReady: false } status ? "" : status.Message;
        if (problem.Length > 0 && problem != _networkProblem)
            Emit(null, "Warning", "NetworkNotReady", $"network is not ready: {problem}");
        _networkProblem = problem;
        if (problem.Length > 0)
            WakeAt(Now + _kubelet.Options.UnreadyCheck);
        return problem.Length > 0;
    }

    /// <returns>Whether what the sandbox stands in is there; what of it the pod does not have as it asks is told.</returns>
    private bool IsPrepared(Pod pod, ContainerSettings settings)
    {
        LinuxPods.DnsOf(pod, settings, (reason, message) =>
        {
            if (reason == LinuxPods.MissingClusterDns)
                _kubelet.WarnOfNode(reason, LinuxPods.NoClusterDns);
            Emit(null, "Warning", reason, message);
        });
        try
        {
            _kubelet.ClassCgroups!.Update();
            new PodCgroups(settings).Make(pod);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Emit(null, "Warning", "FailedCreatePodContainer", $"unable to ensure pod container exists: {e.Message}");
            WakeAt(Now + FailureRetry);
            return false;
        }
    }

    private async Task StartAsync(Pod pod, ContainerStart start, CancellationToken ct)
    {
        PodContainer container = start.Container;
        if (IsPutOff(container) || IsBackedOff(pod, start))
            return;
        try
        {
            await new ContainerStarter(this, _kubelet, _pullBackoff).StartAsync(pod, start, _observed.Sandbox!, ct);
            _waits.Succeed(container);
        }
        catch (ContainerStartException e)
        {
            DateTimeOffset at = e.RetryAt ?? Now + FailureRetry;
            _waits.Fail(container, e.Reason, at);
            WakeAt(at);
        }
    }

    private bool IsPutOff(PodContainer container)
    {
        DateTimeOffset? until = _waits.RetryAt(container, Now);
        if (until is { } due)
            WakeAt(due);
        return until is not null;
    }

    private bool IsBackedOff(Pod pod, ContainerStart start)
    {
        PodContainer container = start.Container;
        RuntimeContainer? last = start.Last is null ? null : _observed.Latest(container.Name);
        if (last is not { State: RuntimeContainerState.Exited, FinishedAt: { } finishedAt })
            return false;
        if (_waits.Restart(container, finishedAt, Now) is not { } backoff)
            return false;
        string text = GoDuration.Format(backoff.Wait);
        bool isNew = _waits.Set(container, new WaitingReason(
            "CrashLoopBackOff", $"back-off {text} restarting failed container={container.Name} pod={pod.Name}_{pod.Namespace}({pod.Uid})"));
        if (isNew)
            Emit(container, "Warning", "BackOff", $"Back-off restarting failed container {container.Name} in pod {pod.Name}_{pod.Namespace}({pod.Uid})");
        WakeAt(backoff.Until);
        return true;
    }

    /// <summary>What is written at the pod while it runs reaches its containers: a runtime may make something of it.</summary>
    private async Task PassAnnotationsOnAsync(Pod pod, CancellationToken ct)
    {
        string annotations = string.Join('\n', pod.Annotations.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}={entry.Value}"));
        bool isFirst = !_hasReported;
        if (annotations == _appliedAnnotations)
            return;
        _appliedAnnotations = annotations;
        if (isFirst)
            return; // They were given when the containers were made.
        foreach (RuntimeContainer container in _observed.Containers.Where(container => container.State == RuntimeContainerState.Running))
            await _kubelet.Runtime.UpdateContainerResourcesAsync(container.Id, null, pod.Annotations, ct);
    }

    /// <summary>Its containers have ended for good by themselves.</summary>
    private async Task FinishAsync(Pod pod, PodPlan plan, CancellationToken ct)
    {
        if (_isStopped)
        {
            ReportAnew();
            return;
        }
        foreach (ContainerKill kill in plan.Kills.Reverse())
            await _stopper.StopAsync(kill.Container, kill.Running, Grace(pod), kill.Message, ct);
        await StopSandboxAsync(ct);
        Report(TimeSpan.Zero);
    }

    /// <summary>It must not run here (any more), though the API keeps it.</summary>
    private async Task EndAsync(Pod pod, CancellationToken ct)
    {
        if (_isStopped)
        {
            ReportAnew();
            return;
        }
        TimeSpan grace = Grace(pod);
        if (_eviction is { } eviction && eviction.Verdict == _verdict && eviction.Grace < grace)
            grace = eviction.Grace;
        await _stopper.StopAllAsync(Pod, _observed, grace, leavesServices: false, ct);
        await StopSandboxAsync(ct);
        if (pod.Status.Phase is not ("Succeeded" or "Failed"))
            Report(TimeSpan.Zero);
    }

    /// <summary>Its deletion was asked for: it ends gracefully, says so, and only then goes.</summary>
    private async Task TerminateAsync(Pod pod, CancellationToken ct)
    {
        TimeSpan grace = Grace(pod);
        lock (_gate)
            _stoppingGrace = grace;
        _startTime ??= pod.Status.StartTime ?? Now;
        if (!_isStopped)
        {
            await _stopper.StopAllAsync(Pod, _observed, grace, leavesServices: true, ct);
            await StopSandboxAsync(ct);
            if (pod.Status.Phase is not ("Succeeded" or "Failed"))
                Report(TimeSpan.Zero);
        }
        await _kubelet.Services.StatusWriter.WrittenAsync(_slot);
        await DeleteAsync(pod, ct);
    }

    private async Task DeleteAsync(Pod pod, CancellationToken ct)
    {
        if (pod.Metadata.DeletionGracePeriodSeconds == 0 && pod.Metadata.Finalizers.OrEmpty().Count > 0)
            return; // Said already; others' finalizers hold it.
        try
        {
            await _kubelet.Api.DeletePodAsync(pod.Namespace, pod.Name, pod.Uid, ct);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // Gone meanwhile; the watch tells.
        }
    }

    private async Task StopSandboxAsync(CancellationToken ct)
    {
        if (_observed.Sandbox is { IsReady: true } sandbox)
            await _kubelet.Runtime.StopPodSandboxAsync(sandbox.Id, ct);
        await ObserveAsync(ct);
        if (Volumes is not null)
            await Volumes.TakeDownAsync(ct);
        _isStopped = true;
    }

    private async Task RemoveAsync(CancellationToken ct)
    {
        lock (_gate)
            _stoppingGrace = _goneGrace;
        await _stopper.StopAllAsync(Pod, _observed, _goneGrace, leavesServices: false, ct);
        foreach (PodSandbox sandbox in await _kubelet.Runtime.ListPodSandboxAsync(Pod.Uid, ct))
        {
            await _kubelet.Runtime.StopPodSandboxAsync(sandbox.Id, ct);
            await _kubelet.Runtime.RemovePodSandboxAsync(sandbox.Id, ct);
        }
        foreach (ContainerProbes probes in _probes.Values)
            probes.Dispose();
        _probes.Clear();
        _isStopped = true;
        if (_kubelet.Options.Containers is { } settings)
        {
            await new PodCgroups(settings).RemoveAsync(Pod, ct);
            _kubelet.ClassCgroups!.Update();
            await Volumes!.TakeDownAsync(ct);
            new PodFiles(settings, Pod).Remove();
        }
        _kubelet.Forget(this);
        _ended?.Invoke(this);
    }

    /// <summary>What has ended for good and has said so is said once more where another mirror has come.</summary>
    private void ReportAnew()
    {
        if (_isShownAnew)
            Report(TimeSpan.Zero);
    }

    private void Report(TimeSpan delay)
    {
        _isShownAnew = false;
        Pod pod = Pod;
        if (IsStatic && pod.Status.StartTime < _startTime)
            _startTime = pod.Status.StartTime; // From an earlier life of the kubelet.
        PodStatus status = PodStatusBuilder.Build(
            new PodReport
            {
                Pod = pod,
                Observed = _observed,
                Health = Health,
                Waiting = _waits.Reasons,
                Verdict = _verdict,
                StartTime = _startTime ?? Now,
                HostIp = _kubelet.Options.NodeIp,
                RuntimeName = _kubelet.RuntimeName,
                IsStopped = _isStopped,
            },
            Now);
        _hasReported = true;
        _kubelet.Services.StatusWriter.Write(_slot, status, delay);
    }

    /// <summary>An end that this node decided on, and the most time that it leaves.</summary>
    private sealed record Eviction(PodVerdict Verdict, TimeSpan Grace);
}
