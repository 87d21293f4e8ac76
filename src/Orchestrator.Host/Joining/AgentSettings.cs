using System.Net;
using Orchestrator.Control.BootstrapTokens;
using Orchestrator.Runtime.Kubelet.Images.Registries;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Host.Joining;

/// <summary>Everything that <c>orchestrator agent</c> is told, valid and typed.</summary>
internal sealed record AgentSettings
{
    public required Uri Server { get; init; }

    /// <summary>Null: the machine has joined before.</summary>
    public JoinToken? Token { get; init; }

    public required string NodeName { get; init; }

    public required IPAddress NodeAddress { get; init; }

    public required TimeSpan LeaseDuration { get; init; }

    /// <summary>Mirrors and credentials of registries.</summary>
    public RegistriesFile Registries { get; init; } = RegistriesFile.Empty;

    /// <summary>When the node is under pressure.</summary>
    public IReadOnlyList<EvictionThreshold> EvictionThresholds { get; init; } = Runtime.Kubelet.Pressure.EvictionThresholds.Default;

    /// <summary>The folder of static pods' manifests; it need not be there.</summary>
    public required string StaticPodDirectory { get; init; }

    /// <summary>Each part's log goes to a file here; null sends all to standard error.</summary>
    public string? LogDirectory { get; init; }
}
