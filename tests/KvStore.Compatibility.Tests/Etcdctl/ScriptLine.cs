namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>What a line of a <see cref="Script"/> does.</summary>
internal enum ScriptAction
{
    /// <summary>Runs etcdctl to its end.</summary>
    Run,

    /// <summary>Runs etcdctl again and again until it succeeds.</summary>
    Eventually,

    /// <summary>Runs etcdctl again as long as it is refused because the cluster is unhealthy.</summary>
    WhenHealthy,

    /// <summary>Starts a member that was added to the cluster.</summary>
    Join,

    /// <summary>Runs etcdctl until it has printed a number of lines.</summary>
    Until,

    /// <summary>Starts an etcdctl that stays.</summary>
    Start,

    /// <summary>Types a line into one that stays.</summary>
    Send,

    /// <summary>Waits until one that stays has printed a number of lines, counted from its start.</summary>
    Await,

    /// <summary>Ends one that stays.</summary>
    Stop,
}

/// <param name="Text">As it stands in the file, for the reader of a difference.</param>
/// <param name="Words">For etcdctl; the line typed, for <see cref="ScriptAction.Send"/>.</param>
internal sealed record ScriptLine(ScriptAction Action, string Text, IReadOnlyList<string> Words)
{
    /// <summary>Of an etcdctl that stays, or of a member.</summary>
    public string Name { get; init; } = "";

    /// <summary>Lines of output to wait for.</summary>
    public int Lines { get; init; }

    public string Input { get; init; } = "";

    /// <summary>The name under which the lease that the output tells of is kept; with its dollar.</summary>
    public string? LeaseVariable { get; init; }

    /// <summary>etcdctl 3.4 does not know the command or says something else itself.</summary>
    public bool IsFor35Only { get; init; }
}
