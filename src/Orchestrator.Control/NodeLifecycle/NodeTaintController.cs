namespace Orchestrator.Control.NodeLifecycle;

/// <summary>Keeps new pods off nodes whose conditions speak against them, at once and for each node by itself.</summary>
public static class NodeTaintController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "node-taint-controller",
        Reconcile = Reconcile,
        Workers = 8,
        Watches = [Watch.Self<Node>()],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<Node>("", input.Key.Name) is not { } node
            || NodeTaints.WithNoSchedule(node, input.Now) is not { } taints)
        {
            return Decision.Nothing;
        }
        var changed = node.DeepClone();
        changed.Spec.Taints = taints.Count == 0 ? null : taints;
        return Decision.Of(new Update(changed));
    }
}
