using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>A claim that is for one pod at a time has one, wherever it runs.</summary>
internal sealed class VolumeRestrictionsPlugin(StorageState storage) : IFilterPlugin
{
    private const string ForOnePod = "ReadWriteOncePod";

    private static readonly FilterResult InUse = FilterResult.Resolvable(
        "VolumeRestrictions", "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode");

    public string Name => InUse.Plugin;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        foreach (var claim in pod.Claims)
        {
            if (cluster.CountUsers(pod.Key.Namespace, claim.Name) > 0
                && storage.FindClaim(pod.Key.Namespace, claim.Name)?.Spec.AccessModes.OrEmpty().Contains(ForOnePod) == true)
                return Preparation.Needed;
        }
        return Preparation.NotNeeded;
    }

    public FilterResult? Filter(NodeInfo node) => InUse;

    public bool MayHelp(PodInfo pod, in ClusterChange change) => change.Type switch
    {
        ClusterChangeType.PodGone => change.Pod!.Key.Namespace == pod.Key.Namespace && change.Pod.Claims.Any(pod.Claims.Contains),
        ClusterChangeType.ClaimChanged => pod.Uses(change.Claim),
        _ => false,
    };
}
