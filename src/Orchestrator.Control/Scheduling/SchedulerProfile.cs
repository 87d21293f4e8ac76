using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;

namespace Orchestrator.Control.Scheduling;

/// <summary>Which plugins decide, in which order, and how much each counts.</summary>
/// <remarks>
/// The order is Kubernetes'. Gates and priorities are the queue's business (<see cref="Queueing.SchedulingQueue"/>). Of the filters for
/// volumes there are restrictions and binding; limits and zones concern drivers that we have none of. What is to be done when no node
/// will do (preemption) is <see cref="NoFit"/>.
/// </remarks>
public sealed record SchedulerProfile
{
    public IReadOnlyList<IFilterPlugin> Filters { get; init; } = [];

    public IReadOnlyList<(IScorePlugin Plugin, int Weight)> Scores { get; init; } = [];

    /// <summary>Has the last word when no node will do.</summary>
    public INoFitPlugin? NoFit { get; init; }

    /// <summary>The plugins of Kubernetes' default scheduler. Plugins keep state: each scheduler needs a profile of its own.</summary>
    /// <param name="storage">Null: pods' claims are nobody's concern.</param>
    public static SchedulerProfile Default(StorageState? storage = null)
    {
        var taints = new TaintTolerationPlugin();
        var nodeAffinity = new NodeAffinityPlugin();
        var resources = new NodeResourcesFitPlugin();
        var spread = new PodTopologySpreadPlugin();
        var podAffinity = new InterPodAffinityPlugin();
        return new SchedulerProfile
        {
            Filters =
            [
                new NodeUnschedulablePlugin(), new NodeNamePlugin(), taints, nodeAffinity, new NodePortsPlugin(), resources,
                .. storage is null ? [] : (IFilterPlugin[])[new VolumeRestrictionsPlugin(storage), new VolumeBindingPlugin(storage)],
                spread, podAffinity,
            ],
            Scores =
            [
                (taints, 3), (nodeAffinity, 2), (resources, 1), (spread, 2), (podAffinity, 2), (new BalancedAllocationPlugin(), 1),
                (new ImageLocalityPlugin(), 1),
            ],
            NoFit = new PreemptionPlugin(),
        };
    }
}
