using Orchestrator.Control.NodeLifecycle;
using Orchestrator.Control.Nodes;
using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.DaemonSets;

/// <summary>The pods of a DaemonSet: which node each is for, which nodes are to have one, and what it looks like.</summary>
internal static class DaemonPods
{
    public const string GenerationLabel = "pod-template-generation";

    /// <summary>The node a pod runs on or is meant for.</summary>
    public static string TargetNode(Pod pod) =>
        pod.IsScheduled() ? pod.Spec.NodeName! : NodeMatch.NameInAffinity(pod.Spec) ?? "";

    /// <summary>A pod that only fits the one node; the scheduler binds it as any other.</summary>
    public static Pod Make(DaemonSet set, string nodeName, string revisionHash)
    {
        var pod = PodTemplates.CreatePod(set.Spec.Template, set);
        var labels = pod.Metadata.Labels ??= [];
        labels[RevisionHistory.RevisionLabel] = revisionHash;
        if (set.Metadata.Generation is { } generation)
            labels[GenerationLabel] = generation.ToString(System.Globalization.CultureInfo.InvariantCulture);
        pod.Spec.Tolerations = Tolerations(set.Spec.Template.Spec);
        BindTo(pod.Spec, nodeName);
        return pod;
    }

    private static void BindTo(PodSpec spec, string nodeName)
    {
        var affinity = (spec.Affinity ??= new Affinity()).NodeAffinity ??= new NodeAffinity();
        // The node was found by the terms that stood here: its name alone says the same.
        affinity.RequiredDuringSchedulingIgnoredDuringExecution = new NodeSelector
        {
            NodeSelectorTerms =
            [
                new NodeSelectorTerm
                {
                    MatchFields =
                    [
                        new NodeSelectorRequirement { Key = "metadata.name", Operator = "In", Values = [nodeName] },
                    ],
                },
            ],
        };
    }

    /// <summary>A daemon stays where others are sent away: it is often what repairs the node.</summary>
    public static List<Toleration> Tolerations(PodSpec spec)
    {
        List<Toleration> tolerations = spec.Tolerations.OrEmpty().Select(toleration => toleration.DeepClone()).ToList();
        Add(NodeTaints.NotReady, NodeTaints.NoExecute);
        Add(NodeTaints.Unreachable, NodeTaints.NoExecute);
        Add(NodeTaints.DiskPressure, NodeTaints.NoSchedule);
        Add(NodeTaints.MemoryPressure, NodeTaints.NoSchedule);
        Add(NodeTaints.PidPressure, NodeTaints.NoSchedule);
        Add(NodeTaints.Unschedulable, NodeTaints.NoSchedule);
        if (spec.HostNetwork == true)
            Add(NodeTaints.NetworkUnavailable, NodeTaints.NoSchedule);
        return tolerations;

        void Add(string key, string effect)
        {
            if (!tolerations.Any(t => t.Key == key && t.Effect == effect && t.Operator == "Exists"))
                tolerations.Add(new Toleration { Key = key, Operator = "Exists", Effect = effect });
        }
    }
}
