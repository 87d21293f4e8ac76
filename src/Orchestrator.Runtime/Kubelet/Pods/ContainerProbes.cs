using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>The probes of one life of a container: asked each period, judged by their thresholds.</summary>
/// <remarks>The startup probe comes first: until it has succeeded, the others are not asked.</remarks>
internal sealed class ContainerProbes : IDisposable
{
    private readonly PodWorker _worker;
    private readonly PodContainer _container;
    private readonly RuntimeContainer _running;
    private readonly ProbeState? _startup;
    private readonly ProbeState? _readiness;
    private readonly ProbeState? _liveness;
    private readonly CancellationTokenSource _ended = new();

    public ContainerProbes(PodWorker worker, PodContainer container, RuntimeContainer running)
    {
        _worker = worker;
        _container = container;
        _running = running;
        _startup = State("Startup", container.Spec.StartupProbe, atFirst: false);
        _readiness = State("Readiness", container.Spec.ReadinessProbe, atFirst: false);
        _liveness = State("Liveness", container.Spec.LivenessProbe, atFirst: true);
        Begin(_startup);
        if (_startup is null)
            BeginOthers();
    }

    public static bool HasAny(PodContainer container) =>
        (container.Spec.StartupProbe ?? container.Spec.ReadinessProbe ?? container.Spec.LivenessProbe) is not null;

    public ContainerHealth Health
    {
        get
        {
            bool isStarted = _startup?.IsGood ?? true;
            string? killReason = _startup is { HasFailed: true } ? $"Container {_container.Name} failed startup probe, will be restarted"
                : _liveness is { HasFailed: true } ? $"Container {_container.Name} failed liveness probe, will be restarted"
                : null;
            return new ContainerHealth(isStarted, _readiness?.IsGood ?? true, killReason);
        }
    }

    /// <summary>A probe may ask for less patience with a container that it ends.</summary>
    public TimeSpan? KillGrace
    {
        get
        {
            long? seconds = _startup is { HasFailed: true } ? _startup.Probe.TerminationGracePeriodSeconds
                : _liveness is { HasFailed: true } ? _liveness.Probe.TerminationGracePeriodSeconds
                : null;
            return seconds is { } known ? TimeSpan.FromSeconds(known) : null;
        }
    }

    public void Dispose()
    {
        _ended.Cancel();
        foreach (ProbeState? state in (ProbeState?[])[_startup, _readiness, _liveness])
            state?.Alarm?.Dispose();
    }

    private static ProbeState? State(string kind, Probe? probe, bool atFirst) => probe is null ? null : new ProbeState(kind, probe) { IsGood = atFirst };

    private void BeginOthers()
    {
        Begin(_readiness);
        Begin(_liveness);
    }

    private void Begin(ProbeState? state)
    {
        if (state is null)
            return;
        DateTimeOffset first = (_running.StartedAt ?? _worker.Now) + TimeSpan.FromSeconds(state.Probe.InitialDelaySeconds ?? 0);
        SetAlarm(state, first);
    }

    private void SetAlarm(ProbeState state, DateTimeOffset due)
    {
        if (!_ended.IsCancellationRequested)
            state.Alarm = _worker.SetAlarm(due, () => _ = Task.Run(() => AskAsync(state)));
    }

    private async Task AskAsync(ProbeState state)
    {
        DateTimeOffset asked = _worker.Now;
        try
        {
            ProbeResult result = await _worker.ProbeAsync(_container, _running, state.Probe, _ended.Token);
            if (_ended.IsCancellationRequested)
                return;
            Judge(state, result);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        if (state == _startup && (state.IsGood || state.HasFailed))
            return; // It is asked until it is decided.
        SetAlarm(state, asked + TimeSpan.FromSeconds(Math.Max(1, state.Probe.PeriodSeconds ?? 10)));
    }

    private void Judge(ProbeState state, ProbeResult result)
    {
        bool wasGood = state.IsGood;
        bool hadFailed = state.HasFailed;
        if (!result.IsSuccess)
            _worker.Emit(_container, "Warning", "Unhealthy", $"{state.Kind} probe failed: {result.Output}");
        state.Count(result.IsSuccess);
        if (state == _startup && state.IsGood)
            BeginOthers();
        if (state.IsGood != wasGood || state.HasFailed != hadFailed)
            _worker.Trigger();
    }

    private sealed class ProbeState(string kind, Probe probe)
    {
        private int _successes;
        private int _failures;

        public string Kind { get; } = kind;
        public Probe Probe { get; } = probe;
        public IDisposable? Alarm { get; set; }
        public volatile bool IsGood;

        /// <summary>As often as the threshold says: not merely no success yet.</summary>
        public volatile bool HasFailed;

        public void Count(bool isSuccess)
        {
            _successes = isSuccess ? _successes + 1 : 0;
            _failures = isSuccess ? 0 : _failures + 1;
            if (isSuccess && _successes >= (Probe.SuccessThreshold ?? 1))
            {
                IsGood = true;
                HasFailed = false;
            }
            else if (!isSuccess && _failures >= (Probe.FailureThreshold ?? 3))
            {
                IsGood = false;
                HasFailed = true;
            }
        }
    }
}
