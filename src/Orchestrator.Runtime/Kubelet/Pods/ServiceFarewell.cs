using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>A pod whose deletion was asked for serves on until the node's services send nobody to it any more: who is told to end at once
/// refuses those who were sent a moment before.</summary>
/// <remarks>Kubernetes leaves that to its users, who write hooks that sleep. Meanwhile the pod's own preStop hook runs.</remarks>
internal sealed class ServiceFarewell(Kubelet kubelet)
{
    /// <summary>Without controllers no service would ever let go.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>It takes half of the pod's grace at most: the other half is the containers' own.</summary>
    public async Task TakeAsync(Pod pod, TimeSpan grace, CancellationToken ct)
    {
        if (kubelet.Options.LeaveServices is not { } leave || grace <= TimeSpan.Zero)
            return;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(leave(pod, end.Token), kubelet.Services.Alarms.DelayAsync(grace / 2 < Limit ? grace / 2 : Limit, end.Token));
        await end.CancelAsync();
        ct.ThrowIfCancellationRequested();
    }
}
