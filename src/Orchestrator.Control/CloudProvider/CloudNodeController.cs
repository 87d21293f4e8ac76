namespace Orchestrator.Control.CloudProvider;

/// <summary>Tells of each node what a cloud would: who provides it, of what kind it is; and opens nodes that wait for that.</summary>
/// <remarks>A kubelet that is told of an outside cloud registers with a taint that keeps pods away until this has been done.</remarks>
public static class CloudNodeController
{
    public const string UninitializedTaint = "node.cloudprovider.kubernetes.io/uninitialized";

    /// <summary>Also the scheme of the nodes' ids.</summary>
    public const string ProviderName = "orchestrator";

    public const string InstanceTypeLabel = "node.kubernetes.io/instance-type";

    public static ControllerDescription Description { get; } = new()
    {
        Name = "cloud-node-controller",
        Reconcile = Reconcile,
        Watches = [Watch.On<Node>(static (_, after, _) => after is null || IsInitialized(after) ? [] : [after.Key])],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<Node>("", input.Key.Name) is not { IsBeingDeleted: false } node || IsInitialized(node))
            return Decision.Nothing;
        var changed = node.DeepClone();
        // An id that is there is another provider's, and can never be changed.
        if (string.IsNullOrEmpty(changed.Spec.ProviderID))
            changed.Spec.ProviderID = $"{ProviderName}://{node.Name}";
        (changed.Metadata.Labels ??= []).TryAdd(InstanceTypeLabel, ProviderName);
        changed.Spec.Taints = changed.Spec.Taints.OrEmpty().Where(taint => taint.Key != UninitializedTaint).ToList() is { Count: > 0 } kept ? kept : null;
        bool wasClosed = node.Spec.Taints.OrEmpty().Any(taint => taint.Key == UninitializedTaint);
        return Decision.Of(new Update(changed)
        {
            OnSuccess = wasClosed ? EventNote.About(node, "Synced", "Node synced successfully") : null,
        });
    }

    private static bool IsInitialized(Node node) => !string.IsNullOrEmpty(node.Spec.ProviderID) && node.Labels.ContainsKey(InstanceTypeLabel)
        && !node.Spec.Taints.OrEmpty().Any(taint => taint.Key == UninitializedTaint);
}
