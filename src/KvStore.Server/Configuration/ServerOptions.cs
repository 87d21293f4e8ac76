using KvStore.Server.Cluster;

namespace KvStore.Server.Configuration;

/// <summary>Everything a member is told at its start: valid, typed and never changed.</summary>
/// <remarks>Made by <see cref="ConfigurationReader"/>; tests make one with <see cref="ConfigurationReader.FromFlags"/>.</remarks>
public sealed record ServerOptions
{
    public required string Name { get; init; }

    /// <summary>As it was given: relative paths stay relative.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>gRPC, and HTTP too unless <see cref="ListenClientHttpUrls"/> has any.</summary>
    public required IReadOnlyList<EtcdUrl> ListenClientUrls { get; init; }

    /// <summary>HTTP only.</summary>
    public required IReadOnlyList<EtcdUrl> ListenClientHttpUrls { get; init; }

    /// <summary>/metrics and health only.</summary>
    public required IReadOnlyList<EtcdUrl> ListenMetricsUrls { get; init; }

    public required IReadOnlyList<EtcdUrl> ListenPeerUrls { get; init; }

    /// <summary>What MemberList tells clients. A port 0 in it stands for the one that was bound.</summary>
    public required IReadOnlyList<EtcdUrl> AdvertiseClientUrls { get; init; }

    public required IReadOnlyList<EtcdUrl> InitialAdvertisePeerUrls { get; init; }

    /// <summary>The members of the first start, unchecked: it counts only where there is no data directory yet.</summary>
    /// <remarks><see cref="Bootstrap.DecideAsync"/> checks it.</remarks>
    public required string InitialCluster { get; init; }

    public required InitialClusterState InitialClusterState { get; init; }

    public required string InitialClusterToken { get; init; }

    public required TimeSpan HeartbeatInterval { get; init; }

    public required TimeSpan ElectionTimeout { get; init; }

    /// <summary>Heartbeats without a leader until an election.</summary>
    public int ElectionTicks => (int)(ElectionTimeout / HeartbeatInterval);

    /// <summary>Whether the first election may come sooner than the timeout says.</summary>
    public required bool InitialElectionTickAdvance { get; init; }

    public required bool PreVote { get; init; }

    /// <summary>Applied entries after which a checkpoint is taken.</summary>
    public required long SnapshotCount { get; init; }

    /// <summary>Entries behind a checkpoint that are kept in memory for members that lag.</summary>
    public required int CatchUpEntries { get; init; }

    /// <summary>Refuse membership changes that would lose the quorum.</summary>
    public required bool StrictReconfigCheck { get; init; }

    public required int MaxLearners { get; init; }

    /// <summary>Size of the database at which the NOSPACE alarm is raised; null is none.</summary>
    public required long? QuotaBytes { get; init; }

    public required int MaxTxnOps { get; init; }

    public required int MaxRequestBytes { get; init; }

    public required uint MaxConcurrentStreams { get; init; }

    public required AutoCompaction AutoCompaction { get; init; }

    public required TimeSpan WatchProgressNotifyInterval { get; init; }

    /// <summary>Applying a request for longer is logged.</summary>
    public required TimeSpan WarningApplyDuration { get; init; }

    /// <summary>Serving a request for longer is logged.</summary>
    public required TimeSpan WarningUnaryRequestDuration { get; init; }

    /// <summary>Time without traffic after which a client is pinged; null is never.</summary>
    public required TimeSpan? KeepAliveInterval { get; init; }

    /// <summary>Time a pinged client has to answer; null is without end.</summary>
    public required TimeSpan? KeepAliveTimeout { get; init; }

    /// <summary>Memory of the value store.</summary>
    public required long ValueMemoryBytes { get; init; }

    public required TlsOptions ClientTls { get; init; }

    public required PeerTlsOptions PeerTls { get; init; }

    /// <summary>Time without a sign of life after which a connection between peers is given up.</summary>
    public required TimeSpan PeerSilenceTimeout { get; init; }

    /// <summary>Origins that browsers may call from; empty is all.</summary>
    public required IReadOnlyList<string> CorsOrigins { get; init; }

    /// <summary>Host names that HTTP requests without TLS may ask for; empty is all.</summary>
    public required IReadOnlyList<string> HostWhitelist { get; init; }

    /// <summary>What was set, as flags, without secrets: for people to look at.</summary>
    public required IReadOnlyList<string> CommandLine { get; init; }

    public required LogOptions Log { get; init; }

    public required TelemetryOptions Telemetry { get; init; }
}
