namespace KvStore.Raft;

/// <summary>
/// What the node can read back of what it was told to persist. The core only reads; the owner of the node writes.
/// </summary>
/// <remarks>
/// Called on the node's thread within <see cref="RawNode"/>'s methods: it must not wait for a disk write. With asynchronous
/// storage writes the owner's append thread writes meanwhile, so implementations guard themselves.
/// </remarks>
public interface IRaftStorage
{
    /// <summary>The first index still in the log; one after the last snapshot's index.</summary>
    ulong FirstIndex { get; }

    /// <summary>The last index in the log, or the snapshot's index when the log is empty.</summary>
    ulong LastIndex { get; }

    /// <summary>
    /// What was persisted when the node was last alive, and the members at the applied index that the node starts with.
    /// </summary>
    /// <remarks>
    /// A commit index before <see cref="FirstIndex"/> - 1 or beyond <see cref="LastIndex"/> means that something was lost: the
    /// node does not start. So the log may be cut only up to a commit index that is on disk, however far the state machine is.
    /// </remarks>
    (HardState HardState, ConfState ConfState) InitialState();

    /// <summary>
    /// The entries in [<paramref name="lo"/>, <paramref name="hi"/>), cut off after <paramref name="maxSizeBytes"/>, but at least
    /// one.
    /// </summary>
    /// <returns><see cref="RaftError.Compacted"/> or <see cref="RaftError.Unavailable"/> when the range is not there.</returns>
    RaftError Entries(ulong lo, ulong hi, ulong maxSizeBytes, out ReadOnlyMemory<Entry> entries);

    /// <summary>
    /// The term of an entry, also of the one just before <see cref="FirstIndex"/>: appends are matched against it.
    /// </summary>
    RaftError Term(ulong index, out ulong term);

    /// <summary>The newest snapshot, or <see cref="RaftError.SnapshotTemporarilyUnavailable"/> while one is being made.</summary>
    RaftError Snapshot(out Snapshot snapshot);
}
