namespace Orchestrator.Control.CloudProvider;

/// <summary>What the built-in cloud provider knows of the machines.</summary>
public sealed record CloudProviderSettings
{
    /// <summary>TCP ports of the nodes' addresses that are not for services: the API server's.</summary>
    public IReadOnlyList<int> ReservedPorts { get; init; } = [];
}
