using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Kubelet.StaticPods;

/// <summary>One name among a node's static pods: what its file asks for, what runs, and what shows it in the API.</summary>
/// <remarks>
/// <code>
/// file            worker          mirror
/// pod a           a               of a         as it should be
/// pod b           a, ending       of a         a new file waits for the old pod's end, whose ports it may want
/// pod b           b               of a         goes, and one of b comes
/// -               a, ending       of a
/// -               -               of a         goes
/// </code>
/// Pod and mirror have turns of their own: an API server that does not answer holds up no pod. State is guarded by the keeper's gate.
/// </remarks>
internal sealed class StaticPod
{
    private static readonly TimeSpan RuntimeRetry = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(30);

    private readonly Kubelet _kubelet;
    private readonly StaticPodKeeper _keeper;
    private readonly Turns _podTurns;
    private readonly Turns _mirrorTurns;
    private TimeSpan _retry = FirstRetry;
    private string _told = "";

    /// <summary>The mirror that has been deleted, though the watch has yet to tell, or finalizers hold it.</summary>
    private string _erased = "";

    public StaticPod(Kubelet kubelet, StaticPodKeeper keeper, NamespacedName name)
    {
        _kubelet = kubelet;
        _keeper = keeper;
        Name = name;
        _podTurns = new Turns(KeepPodAsync, kubelet.Services.Stopping);
        _mirrorTurns = new Turns(KeepMirrorAsync, kubelet.Services.Stopping);
    }

    public NamespacedName Name { get; }

    /// <summary>What the file asks for; null: there is none.</summary>
    public Pod? Wanted { get; private set; }

    public PodWorker? Worker { get; private set; }

    /// <summary>As the API last showed it.</summary>
    public Pod? Mirror { get; private set; }

    private CancellationToken Stopping => _kubelet.Services.Stopping;

    /// <summary>Called under the gate, as the others that set.</summary>
    public void SetWanted(Pod? pod)
    {
        if (pod?.Uid == Wanted?.Uid)
            return;
        Wanted = pod;
        _podTurns.Ask();
        _mirrorTurns.Ask();
    }

    public void SetMirror(Pod? mirror)
    {
        Mirror = mirror;
        _mirrorTurns.Ask();
    }

    public void LookAtMirror() => _mirrorTurns.Ask();

    private async Task KeepPodAsync()
    {
        Pod? wanted;
        PodWorker? worker;
        lock (_keeper.Gate)
            (wanted, worker) = (Wanted, Worker);
        if (worker is not null)
        {
            if (wanted?.Uid != worker.Pod.Uid)
                worker.End();
            return;
        }
        if (wanted is null || !await EndNamesakesAsync(wanted))
            return;
        lock (_keeper.Gate)
        {
            if (Wanted?.Uid == wanted.Uid)
                Worker = _kubelet.StartStatic(wanted, OnEnded);
        }
        _mirrorTurns.Ask();
    }

    /// <summary>What the file asked for while no kubelet ran to end it.</summary>
    private async Task<bool> EndNamesakesAsync(Pod wanted)
    {
        try
        {
            await _kubelet.EndStaticNamesakesAsync(wanted, Stopping);
            return true;
        }
        catch (Exception) when (!Stopping.IsCancellationRequested)
        {
            AskAfter(RuntimeRetry, _podTurns); // Whatever it was: a pod that is never tried again would be lost.
            return false;
        }
        catch (Exception)
        {
            return false; // Ending.
        }
    }

    private void OnEnded(PodWorker worker)
    {
        lock (_keeper.Gate)
        {
            if (Worker == worker)
                Worker = null;
        }
        _podTurns.Ask();
        _mirrorTurns.Ask();
    }

    private async Task KeepMirrorAsync()
    {
        Pod? wanted, mirror;
        PodWorker? worker;
        lock (_keeper.Gate)
        {
            (wanted, worker, mirror) = (Wanted, Worker, Mirror);
            _keeper.ForgetIfNothing(this);
        }
        bool isBetween = worker is not null && worker.Pod.Uid != wanted?.Uid;
        if (isBetween)
            return; // It shows what ends.
        try
        {
            if (mirror is not null && (wanted is null || mirror.IsBeingDeleted || !MirrorPods.IsMirrorOf(mirror, wanted)))
                await EraseAsync(mirror);
            else if (mirror is not null)
                worker?.Show(mirror);
            else if (worker is not null && _keeper.IsSynced)
                await CreateAsync(worker.Pod);
            _retry = FirstRetry;
        }
        catch (Exception e) when (!Stopping.IsCancellationRequested)
        {
            if (e is not IOException)
                Tell(e.Message); // That nobody answers is no news: the pod runs meanwhile.
            AskAfter(_retry, _mirrorTurns);
            _retry = _retry * 2 < LongestRetry ? _retry * 2 : LongestRetry;
        }
        catch (Exception)
        {
            // Ending.
        }
    }

    private async Task EraseAsync(Pod mirror)
    {
        if (_erased == mirror.Uid)
            return;
        try
        {
            await _kubelet.Api.DeletePodAsync(mirror.Namespace, mirror.Name, mirror.Uid, Stopping);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // Gone meanwhile; the watch tells.
        }
        _erased = mirror.Uid;
    }

    /// <summary>The watch brings it.</summary>
    private async Task CreateAsync(Pod pod)
    {
        // There is none before the node has registered: a moment, usually.
        Node node = await _kubelet.Api.FindAsync<Node>("", _kubelet.Options.NodeName, Stopping) ?? throw new IOException("the node is not registered");
        try
        {
            await _kubelet.Api.CreateAsync(MirrorPods.Of(pod, node), Stopping);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            Pod? other = await _kubelet.Api.FindAsync<Pod>(pod.Namespace, pod.Name, Stopping);
            if (other is null || !MirrorPods.IsMirror(other))
                throw;
        }
        _told = "";
    }

    private void Tell(string problem)
    {
        if (_told == problem)
            return;
        _told = problem;
        _kubelet.Options.Log.LogWarning("static pods: {Pod} runs, but the API server does not take its mirror: {Problem}", $"{Name.Namespace}/{Name.Name}", problem);
    }

    private void AskAfter(TimeSpan time, Turns turns) => _kubelet.Services.Alarms.Set(_kubelet.Services.Alarms.Now + time, turns.Ask);
}
