namespace KvStore.Chaos.Rig;

/// <summary>What the program ends with, for scripts.</summary>
internal static class ExitCodes
{
    public const int Passed = 0;

    /// <summary>A checker found what the store must not do.</summary>
    public const int Violation = 1;

    /// <summary>A wrong option, or a folder that is none of a run.</summary>
    public const int WrongUsage = 2;

    /// <summary>This machine or this user cannot have namespaces, mounts and cgroups of one's own.</summary>
    public const int CannotRunHere = 3;

    /// <summary>The rig itself failed, or was killed: nothing is said of the store.</summary>
    public const int RigFailed = 4;

    /// <summary>No violation, but too little happened for that to mean anything.</summary>
    public const int BelowFloors = 5;

    /// <summary>Ended by a signal before its time.</summary>
    public const int Interrupted = 130;
}
