namespace KvStore.Raft.Scenarios;

/// <summary>A log in memory whose snapshots are the state machine's: there is one after each applied entry.</summary>
internal sealed class HistoryStorage : IRaftStorage
{
    private readonly List<Snapshot> _history = [];

    public HistoryStorage(Snapshot initial)
    {
        _history.Add(initial);
        if (!initial.IsEmpty)
            Log.ApplySnapshot(initial);
    }

    public MemoryStorage Log { get; } = new();

    public Snapshot LastApplied => _history[^1];

    public ulong FirstIndex => Log.FirstIndex;

    public ulong LastIndex => Log.LastIndex;

    public void AddApplied(Snapshot snapshot) => _history.Add(snapshot);

    // The state machine is durable, and the members go with it.
    public (HardState HardState, ConfState ConfState) InitialState() =>
        (Log.InitialState().HardState, LastApplied.Metadata.ConfState);

    public RaftError Entries(ulong lo, ulong hi, ulong maxSizeBytes, out ReadOnlyMemory<Entry> entries) =>
        Log.Entries(lo, hi, maxSizeBytes, out entries);

    public RaftError Term(ulong index, out ulong term) => Log.Term(index, out term);

    public RaftError Snapshot(out Snapshot snapshot)
    {
        snapshot = LastApplied;
        return RaftError.None;
    }
}
