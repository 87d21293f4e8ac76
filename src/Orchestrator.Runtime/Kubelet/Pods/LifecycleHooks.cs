using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>What a container's author wants done behind its start and before its end.</summary>
internal sealed class LifecycleHooks(PodWorker worker, Kubelet kubelet)
{
    /// <returns>Whether the hook went well; if not, an event has told.</returns>
    public async Task<bool> RunAsync(
        PodContainer container, string containerId, LifecycleHandler hook, TimeSpan timeout, string hookName, CancellationToken ct)
    {
        try
        {
            if (await IsSuccessAsync(container, containerId, hook, timeout, ct))
                return true;
        }
        catch (CriException)
        {
            // Told like one that failed.
        }
        // Not what the hook said: those who read events may not read the secrets that are in it.
        worker.Emit(container, "Warning", $"Failed{hookName}", $"{hookName} failed");
        return false;
    }

    private async Task<bool> IsSuccessAsync(PodContainer container, string containerId, LifecycleHandler hook, TimeSpan timeout, CancellationToken ct)
    {
        if (hook.Exec is { } exec)
            return (await kubelet.Runtime.ExecSyncAsync(containerId, exec.Command.OrEmpty(), timeout, ct)).ExitCode == 0;
        if (hook.Sleep is { } sleep)
        {
            TimeSpan wanted = TimeSpan.FromSeconds(sleep.Seconds ?? 0);
            await kubelet.Services.Alarms.DelayAsync(wanted < timeout ? wanted : timeout, ct);
            return true;
        }
        if (hook.HttpGet is null && hook.TcpSocket is null)
            return true;
        return (await worker.AskAsync(container, containerId, new ProbeRequest(hook.HttpGet, hook.TcpSocket, null), timeout, ct)).IsSuccess;
    }
}
