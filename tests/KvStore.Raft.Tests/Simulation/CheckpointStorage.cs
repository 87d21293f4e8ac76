namespace KvStore.Raft.Tests.Simulation;

/// <summary>
/// What survives a crash: the log, the hard state, and checkpoints of the state machine at some applied indexes.
/// </summary>
internal sealed class CheckpointStorage : IRaftStorage
{
    private readonly List<Snapshot> _checkpoints = [];

    public CheckpointStorage(Snapshot initial, HardState hardState)
    {
        _checkpoints.Add(initial);
        Log.ApplySnapshot(initial);
        Log.SetHardState(hardState);
    }

    public MemoryStorage Log { get; } = new();

    public Snapshot LastCheckpoint => _checkpoints[^1];

    public ulong FirstIndex => Log.FirstIndex;

    public ulong LastIndex => Log.LastIndex;

    public void Checkpoint(Snapshot state)
    {
        if (state.Metadata.Index > LastCheckpoint.Metadata.Index)
            _checkpoints.Add(state);
    }

    public void Restore(Snapshot snapshot)
    {
        Log.ApplySnapshot(snapshot);
        _checkpoints.Clear();
        _checkpoints.Add(snapshot);
    }

    /// <summary>Cuts the log where the state is safe elsewhere, but never beyond the commit index that is on disk.</summary>
    public void Compact()
    {
        ulong index = Math.Min(LastCheckpoint.Metadata.Index, Log.InitialState().HardState.Commit);
        if (index >= Log.FirstIndex)
            Log.Compact(index);
    }

    public (HardState HardState, ConfState ConfState) InitialState() =>
        (Log.InitialState().HardState, LastCheckpoint.Metadata.ConfState);

    public RaftError Entries(ulong lo, ulong hi, ulong maxSizeBytes, out ReadOnlyMemory<Entry> entries) =>
        Log.Entries(lo, hi, maxSizeBytes, out entries);

    public RaftError Term(ulong index, out ulong term) => Log.Term(index, out term);

    public RaftError Snapshot(out Snapshot snapshot)
    {
        snapshot = LastCheckpoint;
        return RaftError.None;
    }
}
