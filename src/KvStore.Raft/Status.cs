namespace KvStore.Raft;

/// <summary>The node's state with the configuration and, on the leader, what it knows of the members' logs.</summary>
/// <param name="Progress">By ascending id; empty unless the node leads. Live: look at it before the node's next call.</param>
public sealed record Status(BasicStatus Basic, ClusterConfig Config, IReadOnlyList<Progress> Progress);
