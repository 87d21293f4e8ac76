namespace KvStore.Raft.Tests;

public sealed class RawNodeTests
{
    [Fact]
    public void A_persisted_commit_index_beyond_the_log_stops_the_node()
    {
        var beyond = Storage(new HardState(1, NodeId.None, 9));

        Assert.Throws<InvariantException>(() => Node(beyond));
    }

    [Fact]
    public void A_persisted_commit_index_before_the_log_stops_the_node()
    {
        var before = Storage(new HardState(1, NodeId.None, 1));

        Assert.Throws<InvariantException>(() => Node(before));
    }

    [Fact]
    public void What_is_applied_is_committed_even_if_the_commit_index_was_not_yet_on_disk()
    {
        var storage = Storage(new HardState(1, NodeId.None, 2));
        storage.Append([new Entry(1, 3, EntryType.Normal, default), new Entry(1, 4, EntryType.Normal, default)]);

        var node = Node(storage, applied: 3);

        Assert.Equal((3ul, 3ul), (node.BasicStatus.HardState.Commit, node.BasicStatus.Applied));
        Assert.False(node.HasReady);
    }

    [Fact]
    public void A_configuration_that_contradicts_itself_is_refused_with_what_to_change()
    {
        var storage = Storage(default);

        var refusal = Assert.Throws<RaftException>(() => new RawNode(new RaftConfig
        {
            Id = new NodeId(1),
            Storage = storage,
            RandomBelow = _ => 0,
            ElectionTicks = 1,
        }));

        Assert.Equal(RaftError.InvalidConfig, refusal.Error);
        Assert.Contains("ElectionTicks", refusal.Message);
    }

    [Fact]
    public void A_batch_is_one_proposal_with_one_acknowledgement()
    {
        var node = Leader(Storage(new HardState(1, NodeId.None, 2)));

        Assert.Equal(RaftError.None, node.Propose(["a"u8.ToArray(), "b"u8.ToArray()]));
        var append = Assert.Single(node.Ready().Messages);

        Assert.Equal(2, append.Entries.Length);
        Assert.Equal([MessageType.AppResp, MessageType.StorageAppendResp], append.Responses.Select(response => response.Type));
    }

    [Fact]
    public void Proposals_that_are_nothing_or_no_change_are_dropped()
    {
        var node = Leader(Storage(new HardState(1, NodeId.None, 2)));
        var malformed = new Entry(0, 0, EntryType.ConfChangeV2, new byte[] { 0xff });

        Assert.Equal(RaftError.ProposalDropped, node.Propose([]));
        Assert.Equal(
            RaftError.ProposalDropped,
            node.Step(new Message { Type = MessageType.Prop, From = new NodeId(2), Entries = new[] { malformed } }));
        Assert.False(node.HasReady);
    }

    [Fact]
    public void A_change_that_cannot_be_is_refused_and_leaves_no_trace()
    {
        var node = Node(Storage(new HardState(1, NodeId.None, 2)), applied: 2);

        var refusal = Assert.Throws<RaftException>(
            () => node.ApplyConfChange(new ConfChange(ConfChangeType.RemoveNode, new NodeId(1))));

        Assert.Equal("removed all voters", refusal.Message);
        Assert.True(node.Status.Config.Voters.Contains(new NodeId(1)));
    }

    [Fact]
    public void A_node_without_members_does_nothing_however_long_it_waits()
    {
        var node = Node(new MemoryStorage());

        for (int tick = 0; tick < 100; tick++)
            node.Tick();

        Assert.False(node.HasReady);
        Assert.Equal(RaftError.ProposalDropped, node.Propose("x"u8.ToArray()));
    }

    [Fact]
    public void A_follower_campaigns_between_one_and_two_election_timeouts()
    {
        var (earliest, latest) = (int.MaxValue, 0);
        for (int draw = 0; draw < 10; draw++)
        {
            int drawn = draw;
            var node = Node(Storage(new HardState(1, NodeId.None, 2)), applied: 2, randomBelow: _ => drawn);
            int ticks = 0;
            for (; node.BasicStatus.SoftState.Role == Role.Follower; ticks++)
                node.Tick();
            (earliest, latest) = (Math.Min(earliest, ticks), Math.Max(latest, ticks));
        }

        Assert.Equal((10, 19), (earliest, latest));
    }

    [Fact]
    public void A_broken_invariant_tells_what_did_not_hold()
    {
        int applied = 3;
        int committed = 2;

        var error = Assert.Throws<InvariantException>(() => Invariant.Holds(applied <= committed));

        Assert.Contains("applied <= committed", error.Message);
    }

    private static MemoryStorage Storage(HardState hardState)
    {
        var storage = new MemoryStorage();
        storage.ApplySnapshot(new Snapshot(new SnapshotMetadata(new ConfState { Voters = [new NodeId(1)] }, 2, 1), default));
        storage.SetHardState(hardState);
        return storage;
    }

    private static RawNode Node(
        MemoryStorage storage, ulong applied = 0, Func<int, int>? randomBelow = null) => new(new RaftConfig
    {
        Id = new NodeId(1),
        Storage = storage,
        RandomBelow = randomBelow ?? (_ => 0),
        Applied = applied,
        AsyncStorageWrites = true,
    });

    private static RawNode Leader(MemoryStorage storage)
    {
        var node = Node(storage, applied: 2);
        node.Campaign();
        while (node.HasReady)
        {
            foreach (var work in node.Ready().Messages.ToArray())
                Perform(node, storage, work);
        }
        return node;
    }

    private static void Perform(RawNode node, MemoryStorage storage, Message work)
    {
        if (work.Type == MessageType.StorageAppend)
            storage.Append(work.Entries.Span);
        foreach (var response in work.Responses)
            node.Step(response);
    }
}
