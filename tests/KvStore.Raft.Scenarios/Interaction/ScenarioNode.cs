namespace KvStore.Raft.Scenarios;

/// <summary>
/// A node with its storage, the work that its storage threads have not done, and a state machine that appends bytes.
/// </summary>
internal sealed class ScenarioNode(RaftConfig config, HistoryStorage storage)
{
    public RaftConfig Config { get; } = config;

    public HistoryStorage Storage { get; } = storage;

    public RawNode Raft { get; private set; } = new(config);

    public Queue<Message> AppendWork { get; } = [];

    public Queue<Message> ApplyWork { get; } = [];

    public NodeId Id => Config.Id;

    /// <summary>What was persisted comes back; the rest, and all unfinished work, is gone.</summary>
    public void Restart(RaftConfig config)
    {
        AppendWork.Clear();
        ApplyWork.Clear();
        Raft = new RawNode(config);
    }

    public void Persist(HardState hardState, ReadOnlyMemory<Entry> entries, Snapshot? snapshot)
    {
        if (!hardState.IsEmpty)
            Storage.Log.SetHardState(hardState);
        if (snapshot is not null)
        {
            Storage.Log.ApplySnapshot(snapshot);
            Storage.AddApplied(snapshot);
        }
        Storage.Log.Append(entries.Span);
    }

    public void Apply(ReadOnlyMemory<Entry> entries)
    {
        foreach (var entry in entries.ToArray())
            Apply(entry);
    }

    private void Apply(in Entry entry)
    {
        var last = Storage.LastApplied;
        var confState = last.Metadata.ConfState;
        var update = entry.Data;
        if (ConfChangeV2.FromEntry(entry) is { } change)
        {
            confState = Raft.ApplyConfChange(change);
            update = change.Context;
        }
        byte[] state = [.. last.Data.Span, .. update.Span];
        Storage.AddApplied(new Snapshot(new SnapshotMetadata(confState, entry.Index, entry.Term), state));
    }
}
