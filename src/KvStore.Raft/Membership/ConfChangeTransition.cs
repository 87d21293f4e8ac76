namespace KvStore.Raft;

/// <summary>How a change gets from the old configuration to the new one.</summary>
public enum ConfChangeTransition
{
    /// <summary>At once if it is a single change, else as JointImplicit.</summary>
    Auto = 0,

    /// <summary>Through a joint configuration that the leader leaves by itself (thesis §4.3).</summary>
    JointImplicit = 1,

    /// <summary>Through a joint configuration that stays until an empty change is proposed.</summary>
    JointExplicit = 2,
}
