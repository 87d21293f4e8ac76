namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>Where a container runtime is and how patient its client is.</summary>
public sealed record CriOptions
{
    /// <summary>The path of the runtime's Unix socket: <c>/run/containerd/containerd.sock</c>.</summary>
    public required string Socket { get; init; }

    /// <summary>For what takes no time of its own; sandboxes get twice as long, stops their grace more, pulls all that they need.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How often all containers are looked at when the runtime tells nothing by itself.</summary>
    public TimeSpan RelistInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often when it does: what it forgot to tell is found so late.</summary>
    public TimeSpan RelistIntervalBesideEvents { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many sandboxes and containers are made or started at once; more of them wait for their turn.</summary>
    public int StartsAtOnce { get; init; } = 2 * Environment.ProcessorCount;

    /// <summary>How long a start counts as one of them; it may go on for longer.</summary>
    public TimeSpan StartPatience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long removing a sandbox lets others go first.</summary>
    public TimeSpan TidyUpPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where the runtime's streaming server listens; null when that is this process's own network.</summary>
    public NetworkNamespace? StreamingNetwork { get; init; }

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
