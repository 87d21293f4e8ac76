using KvStore.Mvcc.Commands;
using KvStore.Protocol;
using KvStore.Server.Members;
using KvStore.Server.Members.Snapshots;
using KvStore.Simulation.Members;
using KvStore.Storage.Disks.Simulated;
using KvStore.Testing;

namespace KvStore.Server.Tests.Members.Snapshots;

public sealed class SnapshotTransferTests
{
    public static TheoryData<int, bool> Seeds
    {
        get
        {
            var data = new TheoryData<int, bool>();
            foreach (int seed in Enumerable.Range(1, Lanes.Pick(fast: 3, readme: 10, @long: 300)))
            {
                data.Add(seed, false);
                data.Add(seed, true);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_random_state_is_the_same_where_it_came_to(int seed, bool isFaster)
    {
        using var from = Open("/from", isFaster);
        using var to = Open("/to", isFaster);
        var work = new RandomWork(seed);
        work.Run(from, 150);
        from.TakeCheckpoint();
        work.Run(from, 150);
        from.TakeCheckpoint();
        string sent = from.Describe();
        new RandomWork(seed + 1000).Run(to, 50);
        to.TakeCheckpoint();

        using (var sender = from.Send())
            to.Install(to.Receive(sender));

        Assert.Equal(sent, to.Describe());
        AssertGoesOn(to);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_sender_goes_on_writing_compacting_and_taking_checkpoints_meanwhile(int seed, bool isFaster)
    {
        using var from = Open("/from", isFaster);
        using var to = Open("/to", isFaster);
        var work = new RandomWork(seed);
        work.Run(from, 400);
        from.TakeCheckpoint();
        string sent = from.Describe();

        to.Receiver.Begin();
        using (var sender = from.Send())
        {
            while (sender.TryReadChunk(out var chunk))
            {
                work.Run(from, 60);
                from.Clean().TakeCheckpoint();
                to.Receiver.Write(chunk.Span);
            }
        }
        to.Install(to.Stage());

        Assert.Equal(sent, to.Describe());
        // The next checkpoint lets go of what was pinned.
        from.TakeCheckpoint();
        Assert.Equal(2, from.Disk.List(from.Directory.Checkpoints).Count(name => name.EndsWith(".checkpoint")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_transfer_that_is_cut_goes_on_behind_the_last_whole_chunk(bool isFaster)
    {
        using var from = Filled("/from", isFaster);
        string sent = from.Describe();
        int chunks = Body(from).Count;
        Assert.True(chunks > 5);

        for (int cut = 0; cut <= chunks; cut++)
        {
            using var to = Open("/to", isFaster);
            to.Receiver.Begin();
            SendSome(from, to, [], whole: cut, partBytes: cut % 3 == 0 ? 0 : cut % 3 == 1 ? 7 : 1_000);
            byte[] position = cut == chunks ? [] : to.Receiver.Begin();
            Assert.Equal(cut is 0 || cut == chunks, position.Length == 0);
            if (cut < chunks)
            {
                int more = SendSome(from, to, position, whole: int.MaxValue, partBytes: 0);
                // Cut behind the last values, an empty chunk says that there are no more.
                Assert.InRange(more, chunks - cut, chunks - cut + 1);
            }
            to.Install(to.Stage());

            Assert.Equal(sent, to.Describe());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_transfer_goes_on_though_newer_checkpoints_were_taken_as_long_as_its_own_is_there(bool isFaster)
    {
        using var from = Filled("/from", isFaster);
        using var to = Open("/to", isFaster);
        string sent = from.Describe();
        to.Receiver.Begin();
        SendSome(from, to, [], whole: 4, partBytes: 0);
        from.Put("new", "value").TakeCheckpoint();

        byte[] position = to.Receiver.Begin();
        using (var sender = from.Send(position))
            Assert.True(sender.IsResumed);
        SendSome(from, to, position, whole: int.MaxValue, partBytes: 0);
        to.Install(to.Stage());

        Assert.Equal(sent, to.Describe());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_transfer_whose_checkpoint_is_gone_begins_anew(bool isFaster)
    {
        using var from = Filled("/from", isFaster);
        using var to = Open("/to", isFaster);
        to.Receiver.Begin();
        SendSome(from, to, [], whole: 4, partBytes: 9);
        from.Put("new", "value").TakeCheckpoint().Put("newer", "value").TakeCheckpoint();
        string sent = from.Describe();

        byte[] position = to.Receiver.Begin();
        using (var sender = from.Send(position))
            Assert.False(sender.IsResumed);
        SendSome(from, to, position, whole: int.MaxValue, partBytes: 0);
        to.Install(to.Stage());

        Assert.Equal(sent, to.Describe());
        Assert.Equal([1], to.Generations());
    }

    [Fact]
    public void A_body_may_come_in_pieces_of_any_size()
    {
        using var from = Filled("/from", isFaster: false);
        byte[] body = [.. Body(from).SelectMany(chunk => chunk)];
        var random = new Random(3);
        for (int round = 0; round < Lanes.Pick(fast: 2, readme: 4, @long: 40); round++)
        {
            using var to = Open("/to", isFaster: false);
            to.Receiver.Begin();
            for (int done = 0; done < body.Length;)
            {
                int length = Math.Min(random.Next(0, 1 << random.Next(1, 20)), body.Length - done);
                to.Receiver.Write(body.AsSpan(done, length));
                done += length;
            }
            Assert.Equal(from.Describe(), to.Install(to.Stage()).Describe());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_compaction_left_behind_is_not_sent(bool isFaster)
    {
        using var from = Open("/from", isFaster);
        using var to = Open("/to", isFaster);
        for (int i = 0; i < 1_000; i++)
            from.Put($"key-{i % 20}", new string((char)('a' + i % 26), 1_000));
        from.Apply(CommandKind.DeleteRange, new DeleteRangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("key-7") });
        from.Apply(CommandKind.Compaction, new CompactionRequest { Revision = from.Revision - 5 });
        while (!from.Machine.Store.CompactStep(1_000))
        {
        }
        from.TakeCheckpoint();
        // The space is not given back yet.
        Assert.True(from.Machine.Store.Values.SizeBytes > 1_000_000);

        Assert.InRange(Body(from).Sum(chunk => chunk.Length), 20_000, 60_000);
        using (var sender = from.Send())
            to.Install(to.Receive(sender));

        Assert.Equal(from.Describe(), to.Describe());
        Assert.InRange(to.Machine.Store.Values.SizeBytes, 20_000, 60_000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_may_be_sent_and_taken_in_on_many_threads_one_after_the_other(bool isFaster)
    {
        using var from = Filled("/from", isFaster);
        using var to = Open("/to", isFaster);
        var threads = new HashSet<int>();
        to.Receiver.Begin();
        using var sender = from.Send();
        for (bool hasMore = true; hasMore;)
        {
            var step = Task.Factory.StartNew(
                () =>
                {
                    threads.Add(Environment.CurrentManagedThreadId);
                    if (!sender.TryReadChunk(out var chunk))
                        return false;
                    to.Receiver.Write(chunk.Span);
                    return true;
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            hasMore = await step;
        }
        to.Install(to.Stage());

        Assert.True(threads.Count > 5);
        Assert.Equal(from.Describe(), to.Describe());
    }

    [Fact]
    public void A_member_without_a_checkpoint_has_nothing_to_send()
    {
        using var from = Open("/from", isFaster: false);

        Assert.Null(SnapshotSender.Open(from.Checkpointer, []));
    }

    [Fact]
    public void What_was_received_and_not_installed_is_gone_after_a_start()
    {
        using var from = Filled("/from", isFaster: false);
        var disk = new SimulatedDisk();
        string before;
        using (var to = Open("/to", isFaster: false, disk))
        {
            before = to.Put("own", "value").TakeCheckpoint().Put("own", "other").Describe();
            to.Receiver.Begin();
            SendSome(from, to, [], whole: 5, partBytes: 3);
            Assert.True(to.IsAnythingStaged());
            Assert.Equal([0, 1], to.Generations());
            disk.Restart();
        }

        using var again = Open("/to", isFaster: false, disk);

        Assert.Equal(before, again.Describe());
        Assert.False(again.IsAnythingStaged());
        Assert.Equal([0], again.Generations());
    }

    [Fact]
    public void What_is_not_installed_gives_its_space_back()
    {
        using var from = Filled("/from", isFaster: false);
        var disk = new SimulatedDisk();
        using var to = Open("/to", isFaster: false, disk);
        long before = disk.UsedBytes;

        to.Receiver.Begin();
        SendSome(from, to, [], whole: 5, partBytes: 3);
        Assert.True(disk.UsedBytes > before);
        to.Receiver.Dispose();
        Assert.Equal(before, disk.UsedBytes);

        using (var sender = from.Send())
            to.Receive(sender).Dispose();
        Assert.Equal(before, disk.UsedBytes);
    }

    /// <summary>Several hundred KiB, so that there are chunks of every kind, with some history.</summary>
    internal static StoredMember Filled(string path, bool isFaster, SimulatedDisk? disk = null)
    {
        var member = Open(path, isFaster, disk);
        for (int i = 0; i < 150; i++)
            member.Put($"long-{i % 100}", new string((char)('a' + i % 26), 12_000));
        member.Apply(CommandKind.Compaction, new CompactionRequest { Revision = 130 });
        new RandomWork(7).Run(member, 100);
        return member.TakeCheckpoint();
    }

    internal static StoredMember Open(string path, bool isFaster, SimulatedDisk? disk = null) =>
        StoredMember.Open(disk ?? new SimulatedDisk(), path, Parts(isFaster));

    internal static IMemberParts Parts(bool isFaster) => isFaster ? new FasterParts() : new SimulatedParts(isNativeIndex: false);

    internal static List<byte[]> Body(StoredMember from)
    {
        var chunks = new List<byte[]>();
        using var sender = from.Send();
        while (sender.TryReadChunk(out var chunk))
            chunks.Add(chunk.ToArray());
        return chunks;
    }

    /// <returns>How many chunks were sent whole.</returns>
    private static int SendSome(StoredMember from, StoredMember to, byte[] position, int whole, int partBytes)
    {
        using var sender = from.Send(position);
        int sent = 0;
        while (sender.TryReadChunk(out var chunk))
        {
            if (sent == whole)
            {
                to.Receiver.Write(chunk.Span[..Math.Min(partBytes, chunk.Length - 1)]);
                break;
            }
            to.Receiver.Write(chunk.Span);
            sent++;
        }
        return sent;
    }

    /// <summary>It works on, and starts again from what it was given.</summary>
    private static void AssertGoesOn(StoredMember member)
    {
        new RandomWork(99).Run(member, 30);
        member.TakeCheckpoint();
        new RandomWork(98).Run(member, 30);
        string before = member.Describe();
        var copy = ((SimulatedDisk)member.Disk).Copy();
        copy.Restart();
        bool isFaster = member.Machine.Store.Values is Storage.Values.FasterValueStore;
        using var again = StoredMember.Open(copy, member.Directory.Path, Parts(isFaster));
        Assert.Empty(again.Troubles);
        Assert.Equal(before, again.Describe());
    }
}
