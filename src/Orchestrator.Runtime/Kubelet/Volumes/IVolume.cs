namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>One volume of one pod on this node.</summary>
/// <remarks>Nothing is remembered but what lies on the disk and what is mounted, so that the next kubelet finds it as this one left it.
/// What is below the pod's folder is taken down with it, whatever its kind (<see cref="MountsExtensions.RemoveTree"/>).</remarks>
internal interface IVolume
{
    /// <summary>What containers see: a folder, or a file where a pod names one of the node.</summary>
    string Root { get; }

    /// <summary>Whatever containers ask for, they cannot write it.</summary>
    bool IsReadOnly => false;

    /// <summary>What it holds follows objects of the API: setting it up again brings it up to date.</summary>
    bool IsLive => false;

    /// <summary>When what it holds has to be renewed though nothing changes; null: never.</summary>
    DateTimeOffset? RenewAt => null;

    /// <summary>What it may take of the node's disk; null: no limit, or one that the kernel keeps.</summary>
    long? DiskLimitBytes => null;

    /// <summary>Makes it so that containers can be given it. Again is no error, and leaves what is right alone.</summary>
    /// <exception cref="VolumeException">It cannot be had now.</exception>
    /// <exception cref="IOException">The node's disk or the API did not do its part.</exception>
    Task SetUpAsync(CancellationToken ct);
}
