using System.Buffers.Binary;

namespace KvStore.Raft.Tests.Simulation;

/// <summary>A member with its disk, its unfinished storage work and a state machine that is a hash over all it applied.</summary>
internal sealed class SimulatedMember(NodeId id, CheckpointStorage storage, SafetyChecker checker, Random random, bool isAsync)
{
    private readonly Queue<Message> _appendWork = [];
    private readonly Queue<Message> _applyWork = [];
    private Snapshot _state = storage.LastCheckpoint;
    private ulong _checkedCommit;

    public NodeId Id { get; } = id;

    public CheckpointStorage Storage { get; } = storage;

    /// <summary>Null while the member is down.</summary>
    public RawNode? Raft { get; private set; }

    public ClusterConfig Config => Raft!.Status.Config;

    public void Start()
    {
        _state = Storage.LastCheckpoint;
        _checkedCommit = 0;
        Raft = new RawNode(new RaftConfig
        {
            Id = Id,
            Storage = Storage,
            RandomBelow = random.Next,
            Applied = _state.Metadata.Index,
            ElectionTicks = 5,
            AsyncStorageWrites = isAsync,
            MaxSizePerMessageBytes = 60,
            MaxCommittedSizePerReadyBytes = 100,
            MaxUncommittedEntriesSizeBytes = 200,
            MaxInflightMessages = 3,
            CheckQuorum = random.Next(2) == 0,
            PreVote = random.Next(2) == 0,
            StepDownOnRemoval = random.Next(2) == 0,
        });
    }

    /// <summary>Whatever was not written is gone; a write may have been done without its responses.</summary>
    public void Crash()
    {
        if (_appendWork.TryPeek(out var work) && random.Next(2) == 0)
            Persist(work.HardState, work.Entries, work.Snapshot);
        _appendWork.Clear();
        _applyWork.Clear();
        Raft = null;
    }

    public void Checkpoint() => Storage.Checkpoint(_state);

    public bool HasWork => Raft!.HasReady || _appendWork.Count > 0 || _applyWork.Count > 0;

    /// <summary>Takes a Ready and sends its messages.</summary>
    public void ProcessReady(List<Message> network)
    {
        if (!Raft!.HasReady)
            return;
        var ready = Raft.Ready();
        checker.Appends(Raft.Consensus.Log, ready.Entries);
        foreach (var read in ready.ReadStates)
            checker.Reads(read);
        if (!isAsync)
        {
            Persist(ready.HardState ?? default, ready.Entries, ready.Snapshot);
            Apply(ready.CommittedEntries);
        }
        foreach (var message in ready.Messages)
            Route(message, network);
        if (!isAsync)
            Raft.Advance();
        Observe();
    }

    public void ProcessAppend(List<Message> network)
    {
        if (!_appendWork.TryDequeue(out var work))
            return;
        Persist(work.HardState, work.Entries, work.Snapshot);
        Deliver(work.Responses, network);
    }

    public void ProcessApply(List<Message> network)
    {
        if (!_applyWork.TryDequeue(out var work))
            return;
        Apply(work.Entries);
        Deliver(work.Responses, network);
    }

    public void Step(Message message)
    {
        Raft!.Step(message);
        Observe();
    }

    public void Tick()
    {
        Raft!.Tick();
        Observe();
    }

    public override string ToString() => Raft is null
        ? $"{Id} down"
        : $"{Raft.BasicStatus} voters {string.Join(',', Config.Voters.Incoming.Voters.ToList())}"
            + $"&&{string.Join(',', Config.Voters.Outgoing.Voters.ToList())}"
            + $" learners {string.Join(',', Config.Learners.ToList())}";

    private void Observe()
    {
        var status = Raft!.BasicStatus;
        var log = Raft.Consensus.Log;
        if (status.HardState.Commit > _checkedCommit)
        {
            checker.Commits(log, _checkedCommit, status.HardState.Commit);
            _checkedCommit = status.HardState.Commit;
        }
        if (status.IsLeader)
            checker.Leads(Id, status.HardState.Term, log);
    }

    private void Route(Message message, List<Message> network)
    {
        switch (message.Type)
        {
            case MessageType.StorageAppend: _appendWork.Enqueue(message); break;
            case MessageType.StorageApply: _applyWork.Enqueue(message); break;
            default: network.Add(message); break;
        }
    }

    private void Deliver(IReadOnlyList<Message> responses, List<Message> network)
    {
        foreach (var response in responses)
        {
            if (response.To == Id)
                Step(response);
            else
                network.Add(response);
        }
    }

    private void Persist(HardState hardState, ReadOnlyMemory<Entry> entries, Snapshot? snapshot)
    {
        if (!hardState.IsEmpty)
        {
            checker.Persists(Id, hardState);
            Storage.Log.SetHardState(hardState);
        }
        if (snapshot is not null)
        {
            Storage.Restore(snapshot);
            _state = snapshot;
            checker.Reaches(snapshot.Metadata.Index, Hash(snapshot));
        }
        Storage.Log.Append(entries.Span);
    }

    private void Apply(ReadOnlyMemory<Entry> entries)
    {
        foreach (var entry in entries.ToArray())
        {
            // A snapshot overtook it.
            if (entry.Index <= _state.Metadata.Index)
                continue;
            Assert.Equal(_state.Metadata.Index + 1, entry.Index);
            var confState = ApplyConfChange(entry) ?? _state.Metadata.ConfState;
            byte[] hash = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(hash, Next(Hash(_state), entry, confState));
            _state = new Snapshot(new SnapshotMetadata(confState, entry.Index, entry.Term), hash);
            checker.Reaches(entry.Index, Hash(_state));
        }
    }

    // An application skips a change that cannot be, on every member alike.
    private ConfState? ApplyConfChange(in Entry entry)
    {
        if (ConfChangeV2.FromEntry(entry) is not { } change)
            return null;
        try
        {
            return Raft!.ApplyConfChange(change);
        }
        catch (RaftException refusal) when (refusal.Error == RaftError.InvalidConfChange)
        {
            return null;
        }
    }

    private static ulong Hash(Snapshot state) =>
        state.Data.IsEmpty ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(state.Data.Span);

    // FNV-1a over the entry and the members after it.
    private static ulong Next(ulong hash, in Entry entry, ConfState confState)
    {
        hash = (hash ^ entry.Term ^ (entry.Index << 20)) * 1099511628211;
        foreach (byte b in entry.Data.Span)
            hash = (hash ^ b) * 1099511628211;
        foreach (var voter in confState.Voters)
            hash = (hash ^ voter.Value) * 1099511628211;
        return (hash ^ (ulong)confState.Learners.Count) * 1099511628211;
    }
}
