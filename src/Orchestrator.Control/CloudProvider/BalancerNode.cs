namespace Orchestrator.Control.CloudProvider;

/// <summary>A node as a balancer.</summary>
internal static class BalancerNode
{
    /// <summary>Where clients reach it: its outside addresses, else its own. None while it is not ready, or shall not be one.</summary>
    public static IReadOnlyList<string> AddressesOf(Node? node)
    {
        if (node is null || node.IsBeingDeleted || node.Labels.ContainsKey(LoadBalancerController.ExcludeLabel)
            || !node.Status.Conditions.OrEmpty().Exists(static condition => condition is { Type: "Ready", Status: "True" }))
            return [];
        var outside = Of(node, "ExternalIP");
        return outside.Count > 0 ? outside : Of(node, "InternalIP");
    }

    private static List<string> Of(Node node, string type) =>
        [.. node.Status.Addresses.OrEmpty().Where(address => address.Type == type).Select(address => address.Address).OfType<string>()];
}
