using Orchestrator.Api;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>What an evictor works with.</summary>
internal sealed record EvictionSurroundings
{
    public required INodeStats Stats { get; init; }

    public required NodePressure Pressure { get; init; }

    /// <summary>The pods that take part of the node now.</summary>
    public required Func<IReadOnlyList<IEvictablePod>> Pods { get; init; }

    /// <summary>Frees the disk of what nobody needs: dead containers, unused images.</summary>
    public required Func<CancellationToken, Task> ReclaimDiskAsync { get; init; }

    /// <summary>Makes a warning of the node: reason and text.</summary>
    public required Action<string, string> Warn { get; init; }

    public required Alarms Alarms { get; init; }
}

/// <summary>Keeps a node alive: looks at what there is of it, and ends pods before it has nothing left.</summary>
/// <remarks>A look ends one pod at most for the node's sake, and the next waits until that one is gone: it may have been enough.</remarks>
internal sealed class Evictor(EvictionSettings settings, EvictionSurroundings around)
{
    private static readonly TimeSpan CleanupLook = TimeSpan.FromSeconds(1);

    /// <summary>Looks at intervals until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            IReadOnlyList<IEvictablePod> evicted = [];
            try
            {
                evicted = await LookAsync(ct);
            }
            catch (Exception e) when (e is CriException or IOException or UnauthorizedAccessException)
            {
                // A runtime that does not answer has the node told not to be ready; the next look finds out.
            }
            if (evicted.Count > 0)
                await GoneAsync(evicted, ct);
            else
                await around.Alarms.DelayAsync(settings.Interval, ct);
        }
    }

    /// <summary>Looks once.</summary>
    /// <returns>The pods that were told to go.</returns>
    public async Task<IReadOnlyList<IEvictablePod>> LookAsync(CancellationToken ct)
    {
        NodeSignals signals = await around.Stats.SignalsAsync(ct);
        IReadOnlyList<EvictionThreshold> met = around.Pressure.Observe(signals, around.Alarms.Now);
        IReadOnlyList<IEvictablePod> pods = around.Pods();
        if (await EvictBeyondLimitsAsync(pods, signals, ct) is { Count: > 0 } beyond)
            return beyond;
        if (met.Count == 0)
            return [];
        EvictionThreshold threshold = met[0];
        around.Warn("EvictionThresholdMet", $"Attempting to reclaim {EvictionSignals.ResourceOf(threshold.Signal)}");
        return await IsReclaimedAsync(threshold.Signal, signals, ct) ? [] : await EvictOneAsync(threshold, pods, signals, ct);
    }

    private async Task<IReadOnlyList<IEvictablePod>> EvictBeyondLimitsAsync(IReadOnlyList<IEvictablePod> pods, NodeSignals signals, CancellationToken ct)
    {
        List<IEvictablePod> limited = [.. pods.Where(pod => EvictionMessage.HasLimits(pod.Pod))];
        if (limited.Count == 0)
            return [];
        IReadOnlyDictionary<string, PodUse> uses = await around.Stats.UsesAsync([.. limited.Select(pod => pod.Pod)], withDisk: true, ct);
        return
        [
            .. limited.Where(pod => uses.TryGetValue(pod.Pod.Uid, out PodUse? use)
                && EvictionMessage.OfLimits(pod.Pod, use, signals.HasImageDisk) is { } message && pod.Evict(message, isForNode: false)),
        ];
    }

    /// <summary>Tries without ending a pod.</summary>
    private async Task<bool> IsReclaimedAsync(EvictionSignal signal, NodeSignals signals, CancellationToken ct)
    {
        bool isOfImages = signal is EvictionSignal.ImageDiskAvailable or EvictionSignal.ImageInodesFree;
        bool canHelp = EvictionSignals.ConditionOf(signal) == EvictionSignals.DiskPressure && (isOfImages || !signals.HasImageDisk);
        if (!canHelp)
            return false;
        await around.ReclaimDiskAsync(ct);
        return !around.Pressure.IsMetBy(await around.Stats.SignalsAsync(ct));
    }

    private async Task<IReadOnlyList<IEvictablePod>> EvictOneAsync(
        EvictionThreshold threshold, IReadOnlyList<IEvictablePod> pods, NodeSignals signals, CancellationToken ct)
    {
        bool isOfDisk = EvictionSignals.ConditionOf(threshold.Signal) == EvictionSignals.DiskPressure;
        IReadOnlyDictionary<string, PodUse> uses = await around.Stats.UsesAsync([.. pods.Select(pod => pod.Pod)], isOfDisk, ct);
        foreach (IEvictablePod pod in EvictionRank.Order(pods, threshold.Signal, uses, signals.HasImageDisk))
        {
            if (pod.Evict(EvictionMessage.OfPressure(threshold, signals, pod.Pod, uses.GetValueOrDefault(pod.Pod.Uid)), isForNode: true))
                return [pod];
        }
        return [];
    }

    private async Task GoneAsync(IReadOnlyList<IEvictablePod> evicted, CancellationToken ct)
    {
        DateTimeOffset limit = around.Alarms.Now + settings.CleanupLimit;
        while (!evicted.All(pod => pod.HasEnded) && around.Alarms.Now < limit)
            await around.Alarms.DelayAsync(CleanupLook, ct);
    }
}
