namespace KvStore.Raft.Tests;

public sealed class SingleVoterTests
{
    [Fact]
    public void A_single_voter_commits_a_proposal_once_its_own_append_is_durable_and_then_has_it_applied()
    {
        var storage = new MemoryStorage();
        storage.ApplySnapshot(new Snapshot(new SnapshotMetadata(new ConfState { Voters = [new NodeId(1)] }, 2, 1), default));
        var node = new RawNode(new RaftConfig
        {
            Id = new NodeId(1),
            Storage = storage,
            Applied = 2,
            RandomBelow = _ => 0,
            AsyncStorageWrites = true,
        });
        var owner = new SingleVoterOwner(node, storage);
        node.Campaign();
        owner.RunUntilIdle();

        Assert.Equal(RaftError.None, node.Propose("put"u8.ToArray()));
        var ready = node.Ready();
        var append = Assert.Single(ready.Messages);

        Assert.Equal(MessageType.StorageAppend, append.Type);
        Assert.True(ready.MustSync);
        Assert.Equal(3ul, node.BasicStatus.HardState.Commit);

        owner.Perform(append);

        Assert.Equal(4ul, node.BasicStatus.HardState.Commit);
        owner.RunUntilIdle();
        Assert.Equal(4ul, node.BasicStatus.Applied);
        Assert.Equal(["", "put"], owner.Applied);
    }

    private sealed class SingleVoterOwner(RawNode node, MemoryStorage storage)
    {
        public List<string> Applied { get; } = [];

        public void RunUntilIdle()
        {
            while (node.HasReady)
            {
                foreach (var work in node.Ready().Messages.ToArray())
                    Perform(work);
            }
        }

        public void Perform(Message work)
        {
            if (work.Type == MessageType.StorageAppend)
                storage.Append(work.Entries.Span);
            else
                Apply(work.Entries);
            foreach (var response in work.Responses)
                Assert.Equal(RaftError.None, node.Step(response));
        }

        private void Apply(ReadOnlyMemory<Entry> entries)
        {
            foreach (var entry in entries.ToArray())
                Applied.Add(System.Text.Encoding.UTF8.GetString(entry.Data.Span));
        }
    }
}
