namespace KvStore.Raft;

/// <summary>One batch of what the node wants done.</summary>
/// <remarks>
/// <para>Without asynchronous storage writes: persist <see cref="Snapshot"/>, <see cref="Entries"/> and <see cref="HardState"/>
/// (synced if <see cref="MustSync"/>), then send <see cref="Messages"/>, apply <see cref="CommittedEntries"/> and call
/// <see cref="RawNode.Advance"/>.</para>
/// <para>With them: send <see cref="Messages"/> at once; those to <see cref="NodeId.LocalAppendThread"/> and
/// <see cref="NodeId.LocalApplyThread"/> carry all the work, which is never dropped and done in order for each of the two.</para>
/// <para>A node has one Ready and fills it anew: its lists count until the next one is taken. What they hold is immutable.</para>
/// </remarks>
public sealed class Ready
{
    internal readonly List<ReadState> ReadStateList = [];
    internal readonly List<Message> MessageList = [];

    /// <summary>Null when it did not change.</summary>
    public SoftState? SoftState { get; internal set; }

    /// <summary>Null when it did not change.</summary>
    public HardState? HardState { get; internal set; }

    public IReadOnlyList<ReadState> ReadStates => ReadStateList;

    /// <summary>Entries to persist. They replace whatever the log holds at or after the first one's index.</summary>
    public ReadOnlyMemory<Entry> Entries { get; internal set; }

    /// <summary>
    /// A snapshot to persist and to restore the state from, before the entries, which follow on it; null when there is none.
    /// </summary>
    public Snapshot? Snapshot { get; internal set; }

    public ReadOnlyMemory<Entry> CommittedEntries { get; internal set; }

    public IReadOnlyList<Message> Messages => MessageList;

    /// <summary>Whether entries, term or vote changed: a new commit index alone need not be synced (thesis §3.8).</summary>
    public bool MustSync { get; internal set; }
}
