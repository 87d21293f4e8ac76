using KvStore.Raft;
using KvStore.Server.Peers;
using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Tests.Peers;

public sealed class SnapshotLaneTests : IAsyncLifetime
{
    /// <summary>Only how long a broken test hangs; a passing one never waits for it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly List<PeerNode> _nodes = [];
    private ISnapshotBody _body = new FilledBody(0);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
    }

    private async Task<PeerNode[]> ClusterAsync(int count, Func<PeerTransportOptions, PeerTransportOptions>? configure = null)
    {
        var nodes = await PeerNode.StartClusterAsync(
            count, options => (configure ?? (same => same))(options with { OpenSnapshot = _ => _body }));
        _nodes.AddRange(nodes);
        return nodes;
    }

    private static Message Snap(PeerNode from, PeerNode to, ulong term = 5, ulong index = 100) => new()
    {
        Type = MessageType.Snap, From = from.Id, To = to.Id, Term = term,
        Snapshot = new Snapshot(
            new SnapshotMetadata(new ConfState { Voters = [from.Id, to.Id] }, index, term), new byte[] { 1, 2, 3 }),
    };

    private static async Task<long> CheckAsync(Stream body, long position, CancellationToken cancellation)
    {
        byte[] buffer = new byte[50_000];
        int count;
        while ((count = await body.ReadAsync(buffer, cancellation)) > 0)
        {
            for (int i = 0; i < count; i++, position++)
            {
                if (buffer[i] != FilledBody.At(position))
                    throw new InvalidDataException($"Byte {position} is not what was sent.");
            }
        }
        return position;
    }

    [Fact]
    public async Task A_large_snapshot_arrives_while_messages_flow()
    {
        const long length = 50 << 20;
        _body = new FilledBody(length);
        var nodes = await ClusterAsync(2);
        await nodes[0].ReachesAsync(nodes[1]);
        var isReceived = new TaskCompletionSource<(Message Message, long Length)>();
        nodes[1].OnSnapshot = async (message, body, cancellation) => isReceived.SetResult((message, await CheckAsync(body, 0, cancellation)));
        var snapshot = Snap(nodes[0], nodes[1]);

        nodes[0].Transport.Send(snapshot);
        int beats = 0;
        for (; !isReceived.Task.IsCompleted; beats++)
            await nodes[0].ReachesAsync(nodes[1]);

        var (message, received) = await isReceived.Task;
        Assert.Equal(MessageText.Of(snapshot), MessageText.Of(message));
        Assert.Equal(length, received);
        Assert.Equal((nodes[1].Id, true), await nodes[0].SnapshotReportAsync());
        Assert.True(beats > 0);
        Assert.Equal(1, nodes[0].StatusOf(nodes[1]).Counters.SnapshotsSent.Value);
        Assert.Equal(1, nodes[1].StatusOf(nodes[0]).Counters.SnapshotsReceived.Value);
    }

    [Fact]
    public async Task A_receiver_that_cannot_take_it_says_so_and_it_is_not_tried_again()
    {
        _body = new FilledBody(1 << 20);
        var nodes = await ClusterAsync(2);
        int attempts = 0;
        nodes[1].OnSnapshot = (_, _, _) =>
        {
            attempts++;
            throw new IOException("the disk is full");
        };

        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));

        Assert.Equal((nodes[1].Id, false), await nodes[0].SnapshotReportAsync());
        Assert.Equal(1, attempts);
    }

    [Fact]
    public async Task A_body_that_cannot_be_opened_or_written_fails_the_transfer()
    {
        var nodes = await ClusterAsync(2);
        _body = new FailingBody();
        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));
        Assert.Equal((nodes[1].Id, false), await nodes[0].SnapshotReportAsync());

        _body = null!;
        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));
        Assert.Equal((nodes[1].Id, false), await nodes[0].SnapshotReportAsync());
    }

    [Fact]
    public async Task A_broken_transfer_goes_on_where_the_receiver_wants_it()
    {
        const long length = 30 << 20;
        _body = new FilledBody(length);
        var nodes = await ClusterAsync(2);
        using var cable = new CuttableProxy(nodes[1].Port);
        nodes[0].Transport.SetPeer(nodes[1].Id, [cable.Url]);
        await nodes[0].ReachesAsync(nodes[1]);
        var isReceived = new TaskCompletionSource();
        long staged = 0;
        var starts = new List<long>();
        nodes[1].OnFindResumeToken = _ => staged == 0 ? default : BitConverter.GetBytes(staged);
        nodes[1].OnSnapshot = async (_, body, cancellation) =>
        {
            starts.Add(staged);
            byte[] piece = new byte[1 << 20];
            while (staged < length)
            {
                await body.ReadExactlyAsync(piece, cancellation);
                Assert.Equal(FilledBody.At(staged), piece[0]);
                staged += piece.Length;
                if (staged == 10 << 20 || staged == 20 << 20)
                    cable.Cut();
            }
            // What ends the body is taken, too: a connection that is closed with something unread may lose the answer.
            Assert.Equal(0, await body.ReadAsync(piece, cancellation));
            isReceived.SetResult();
        };

        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));

        await isReceived.Task.WaitAsync(Patience);
        Assert.Equal((nodes[1].Id, true), await nodes[0].SnapshotReportAsync());
        Assert.Equal(3, starts.Count);
        Assert.True(starts[1] >= 10 << 20 && starts[2] >= 20 << 20);
    }

    [Fact]
    public async Task A_second_snapshot_to_a_peer_is_refused_while_one_is_on_its_way_and_one_of_a_later_term_takes_its_place()
    {
        var nodes = await ClusterAsync(2);
        var isHeld = new TaskCompletionSource();
        var terms = new List<ulong>();
        nodes[1].OnSnapshot = (message, _, cancellation) =>
        {
            lock (terms)
                terms.Add(message.Term);
            isHeld.TrySetResult();
            return message.Term == 5 ? Task.Delay(Timeout.Infinite, cancellation) : Task.CompletedTask;
        };
        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));
        await isHeld.Task.WaitAsync(Patience);

        nodes[0].Transport.Send(Snap(nodes[0], nodes[1], index: 200));
        Assert.Equal((nodes[1].Id, false), await nodes[0].SnapshotReportAsync());
        nodes[0].Transport.Send(Snap(nodes[0], nodes[1], term: 6, index: 300));

        Assert.Equal((nodes[1].Id, false), await nodes[0].SnapshotReportAsync());
        Assert.Equal((nodes[1].Id, true), await nodes[0].SnapshotReportAsync());
        Assert.Equal([5UL, 6UL], terms);
    }

    [Fact]
    public async Task Only_one_snapshot_is_taken_in_at_a_time_and_a_later_leaders_comes_first()
    {
        var nodes = await ClusterAsync(3);
        var isHeld = new TaskCompletionSource();
        nodes[2].OnSnapshot = (message, _, cancellation) =>
        {
            isHeld.TrySetResult();
            return message.Term == 5 ? Task.Delay(Timeout.Infinite, cancellation) : Task.CompletedTask;
        };
        nodes[0].Transport.Send(Snap(nodes[0], nodes[2]));
        await isHeld.Task.WaitAsync(Patience);
        Assert.True(nodes[2].Transport.IsReceivingSnapshot);

        nodes[1].Transport.Send(Snap(nodes[1], nodes[2]));
        Assert.Equal((nodes[2].Id, false), await nodes[1].SnapshotReportAsync());

        nodes[1].Transport.Send(Snap(nodes[1], nodes[2], term: 6));
        Assert.Equal((nodes[2].Id, true), await nodes[1].SnapshotReportAsync());
    }

    [Fact]
    public async Task A_snapshot_on_its_way_when_the_sender_stops_is_reported_too()
    {
        var nodes = await ClusterAsync(2);
        var isHeld = new TaskCompletionSource();
        nodes[1].OnSnapshot = (_, _, cancellation) =>
        {
            isHeld.TrySetResult();
            return Task.Delay(Timeout.Infinite, cancellation);
        };
        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));
        await isHeld.Task.WaitAsync(Patience);

        await nodes[0].Transport.DisposeAsync();

        Assert.Equal((nodes[1].Id, false), await nodes[0].SnapshotReportAsync());
        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));
        Assert.Equal((nodes[1].Id, false), await nodes[0].SnapshotReportAsync());
    }

    [Fact]
    public async Task A_snapshot_to_a_peer_that_is_gone_fails_after_a_few_attempts()
    {
        var nodes = await ClusterAsync(2);
        await nodes[1].DisposeAsync();

        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));

        Assert.Equal((nodes[1].Id, false), await nodes[0].SnapshotReportAsync());
    }

    [Fact]
    public async Task A_transfer_without_progress_is_given_up_on_both_sides()
    {
        var clock = new SteppedClock();
        var nodes = await ClusterAsync(2, options => options with { Time = clock });
        _body = new EndlessWait();
        var isBegun = new TaskCompletionSource();
        var failure = new TaskCompletionSource<Exception>();
        nodes[1].OnSnapshot = async (_, body, cancellation) =>
        {
            isBegun.TrySetResult();
            failure.TrySetResult(await Record.ExceptionAsync(() => body.CopyToAsync(Stream.Null, cancellation)));
        };

        nodes[0].Transport.Send(Snap(nodes[0], nodes[1]));
        await isBegun.Task.WaitAsync(Patience);
        var report = nodes[0].SnapshotReportAsync();
        while (!report.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(0.2));
            await Task.Yield();
        }

        Assert.Equal((nodes[1].Id, false), await report);
        Assert.NotNull(await failure.Task.WaitAsync(Patience));
    }

    [Fact]
    public async Task Garbage_on_a_connection_for_snapshots_ends_it()
    {
        var nodes = await ClusterAsync(2);
        using var peer = RawPeer.Connect(nodes[0]);
        Assert.StartsWith("HTTP/1.1 101", await peer.CallAsync(nodes[0], new NodeId(0xD4), "kvstore-snapshot/1", path: "/raft/snapshot"));

        await peer.SendAsync(Frame.Make((FrameKind)MessageType.Heartbeat, [0, 0]));

        Assert.Equal("A Heartbeat came on a connection for snapshots.", await peer.ReadByeAsync());
        Assert.False(nodes[0].Transport.IsReceivingSnapshot);
    }

    private sealed class FailingBody : ISnapshotBody
    {
        public Task WriteToAsync(Stream target, ReadOnlyMemory<byte> resumeToken, CancellationToken cancellation) =>
            throw new InvalidDataException("a record is damaged");

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class EndlessWait : ISnapshotBody
    {
        public Task WriteToAsync(Stream target, ReadOnlyMemory<byte> resumeToken, CancellationToken cancellation) =>
            Task.Delay(Timeout.Infinite, cancellation);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
