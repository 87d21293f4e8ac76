namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>A volume cannot be had, for a reason that its pod's events tell. It is tried again.</summary>
internal sealed class VolumeException(string message, bool isUnknown = false) : Exception(message)
{
    /// <summary>What the volume is could not even be found out: a claim without a volume.</summary>
    public bool IsUnknown { get; } = isUnknown;
}
