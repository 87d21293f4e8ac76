namespace KvStore.Raft;

public enum Role
{
    Follower,
    Candidate,
    Leader,

    /// <summary>Asks whether it would win before it disturbs anybody with a higher term (thesis §9.6).</summary>
    PreCandidate,
}
