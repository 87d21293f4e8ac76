using System.Net;
using System.Net.Sockets;
using KvStore.Raft;

namespace KvStore.Server.Tests.Peers;

/// <summary>Members talking over real connections on the loopback.</summary>
public sealed class PeerTransportTests : IAsyncLifetime
{
    private readonly List<PeerNode> _nodes = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
    }

    private async Task<PeerNode[]> ClusterAsync(int count, Func<Server.Peers.PeerTransportOptions, Server.Peers.PeerTransportOptions>? configure = null)
    {
        var nodes = await PeerNode.StartClusterAsync(count, configure);
        _nodes.AddRange(nodes);
        return nodes;
    }

    private async Task<PeerNode> NodeAsync(ulong id, int port = 0, Func<Server.Peers.PeerTransportOptions, Server.Peers.PeerTransportOptions>? configure = null)
    {
        var node = await PeerNode.StartAsync(id, port, configure: configure);
        _nodes.Add(node);
        return node;
    }

    private static Message App(PeerNode from, PeerNode to, ulong index, int bytes) => new()
    {
        Type = MessageType.App, From = from.Id, To = to.Id, Term = 1, Index = index,
        Entries = new[] { new Entry(1, index + 1, EntryType.Normal, new byte[bytes]) },
    };

    [Fact]
    public async Task Messages_of_every_type_arrive_as_they_were()
    {
        var nodes = await ClusterAsync(3);
        foreach (var (from, to) in nodes.SelectMany(from => nodes.Where(to => to != from), (from, to) => (from, to)))
        {
            await from.ReachesAsync(to);
            var messages = new RandomMessages(seed: 1, from.Id, to.Id);
            Message[] sent = [.. RandomMessages.Types.Where(type => type != MessageType.Snap).Select(messages.Next)];

            foreach (var message in sent)
                from.Transport.Send(message);

            var received = new List<Message>();
            while (received.Count < sent.Length)
                received.Add(await to.ReceivedAsync());
            Assert.Equal(sent.Select(MessageText.Of).Order(), received.Select(MessageText.Of).Order());
        }
    }

    [Fact]
    public async Task Large_entries_arrive_whole()
    {
        var nodes = await ClusterAsync(2);
        await nodes[0].ReachesAsync(nodes[1]);
        var random = new Random(5);
        byte[][] payloads = [.. new[] { 3, 70_000, 0, 5_000_000, 65_536 }.Select(length => new byte[length])];
        foreach (byte[] payload in payloads)
            random.NextBytes(payload);
        var message = new Message
        {
            Type = MessageType.App, From = nodes[0].Id, To = nodes[1].Id, Term = 1,
            Entries = payloads.Select((payload, i) => new Entry(1, (ulong)i + 1, EntryType.Normal, payload)).ToArray(),
        };

        nodes[0].Transport.Send(message);

        Assert.Equal(MessageText.Of(message), MessageText.Of(await nodes[1].ReceivedAsync()));
    }

    [Fact]
    public async Task What_a_candidate_asks_before_there_is_a_stream_arrives_once_there_is_one()
    {
        var nodes = await ClusterAsync(2);

        nodes[0].Transport.Send(new Message { Type = MessageType.PreVote, From = nodes[0].Id, To = nodes[1].Id, Term = 2 });

        Assert.Equal(MessageType.PreVote, (await nodes[1].ReceivedAsync()).Type);
    }

    [Fact]
    public async Task Entries_for_a_peer_that_cannot_be_reached_are_dropped_and_reported()
    {
        var node = await NodeAsync(1);
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        node.Transport.SetPeer(new NodeId(2), [$"http://127.0.0.1:{((IPEndPoint)closed.LocalEndPoint!).Port}"]);

        node.Transport.Send(new Message { Type = MessageType.App, From = node.Id, To = new NodeId(2) });

        Assert.Equal(new NodeId(2), await node.UnreachableAsync());
        Assert.Null(node.Transport.Peers.Single().ActiveSince);
    }

    [Fact]
    public async Task A_message_to_nobody_is_reported()
    {
        var node = await NodeAsync(1);

        node.Transport.Send(new Message { Type = MessageType.Heartbeat, To = new NodeId(9) });
        node.Transport.Send(new Message { Type = MessageType.Snap, To = new NodeId(9) });

        Assert.Equal(new NodeId(9), await node.UnreachableAsync());
        Assert.Equal((new NodeId(9), false), await node.SnapshotReportAsync());
    }

    [Fact]
    public async Task A_flood_to_a_receiver_that_has_stopped_reading_is_dropped_and_reported_not_kept()
    {
        var nodes = await ClusterAsync(2, options => options with { QueueLimit = 100, QueueLimitBytes = 1 << 20 });
        await nodes[0].ReachesAsync(nodes[1]);
        using var goOn = new ManualResetEventSlim();
        var isOver = new TaskCompletionSource();
        int received = 0;
        nodes[1].OnReceive = message =>
        {
            goOn.Wait();
            Interlocked.Increment(ref received);
            if (message.Index == ulong.MaxValue)
                isOver.SetResult();
        };
        int reported = nodes[0].UnreachableCount;

        const int sent = 20_000;
        for (int i = 0; i < sent; i++)
            nodes[0].Transport.Send(App(nodes[0], nodes[1], (ulong)i, 10_000));

        int dropped = nodes[0].UnreachableCount - reported;
        // What is on its way lies in the sockets' and pipes' buffers: some MiB.
        Assert.InRange(dropped, sent / 2, sent);
        Assert.Equal(dropped + reported, nodes[0].StatusOf(nodes[1]).Counters.SentFailures.Value);
        goOn.Set();
        while (Volatile.Read(ref received) < sent - dropped)
            await Task.Yield();
        nodes[0].Transport.Send(App(nodes[0], nodes[1], ulong.MaxValue, 1));
        await isOver.Task;
        Assert.Equal(sent - dropped + 1, received);
    }

    [Fact]
    public async Task A_heartbeat_overtakes_a_backlog()
    {
        var nodes = await ClusterAsync(2, options => options with { QueueLimit = 100_000, QueueLimitBytes = 1L << 30 });
        await nodes[0].ReachesAsync(nodes[1]);
        using var goOn = new ManualResetEventSlim();
        var order = new List<MessageType>();
        var isThere = new TaskCompletionSource();
        nodes[1].OnReceive = message =>
        {
            goOn.Wait();
            order.Add(message.Type);
            if (message.Type == MessageType.Heartbeat)
                isThere.SetResult();
        };

        const int sent = 30_000;
        for (int i = 0; i < sent; i++)
            nodes[0].Transport.Send(App(nodes[0], nodes[1], (ulong)i, 1000));
        nodes[0].Transport.Send(new Message { Type = MessageType.Heartbeat, From = nodes[0].Id, To = nodes[1].Id });
        goOn.Set();

        await isThere.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.InRange(order.Count, 1, sent - 1);
    }

    [Fact]
    public async Task After_a_restart_of_one_side_messages_arrive_again_in_both_directions()
    {
        var nodes = await ClusterAsync(2);
        await nodes[0].ReachesAsync(nodes[1]);
        int port = nodes[1].Port;

        await nodes[1].DisposeAsync();
        Assert.Equal(nodes[1].Id, await nodes[0].UnreachableAsync());
        var again = await NodeAsync(2, port);
        again.Knows(nodes[0]);

        await nodes[0].ReachesAsync(again);
        await again.ReachesAsync(nodes[0]);
        Assert.Equal(1, nodes[0].StatusOf(again).Counters.Disconnections.Value);
    }

    [Fact]
    public async Task A_peers_urls_are_tried_in_turn()
    {
        var nodes = new[] { await NodeAsync(1), await NodeAsync(2) };
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));

        nodes[0].Transport.SetPeer(nodes[1].Id, [$"http://127.0.0.1:{((IPEndPoint)closed.LocalEndPoint!).Port}", nodes[1].Url]);

        await nodes[0].ReachesAsync(nodes[1]);
    }

    [Fact]
    public async Task A_peer_that_moved_is_reached_at_its_new_url()
    {
        var nodes = await ClusterAsync(2);
        await nodes[0].ReachesAsync(nodes[1]);
        await nodes[1].DisposeAsync();
        var moved = await NodeAsync(2);

        nodes[0].Knows(moved);

        await nodes[0].ReachesAsync(moved);
        Assert.Equal([moved.Url], nodes[0].StatusOf(moved).Urls);
    }

    [Fact]
    public async Task A_member_that_is_not_known_yet_is_heard_and_answered()
    {
        var (known, newcomer) = (await NodeAsync(1), await NodeAsync(2));
        newcomer.Knows(known);

        await newcomer.ReachesAsync(known);
        await known.ReachesAsync(newcomer);

        Assert.False(known.StatusOf(newcomer).IsMember);
        known.Knows(newcomer);
        Assert.True(known.StatusOf(newcomer).IsMember);
    }

    [Fact]
    public async Task A_removed_member_is_told_so_and_others_go_on()
    {
        var nodes = await ClusterAsync(3);
        await nodes[2].ReachesAsync(nodes[0]);
        await nodes[0].ReachesAsync(nodes[1]);

        nodes[0].Transport.RemovePeer(nodes[2].Id);

        Assert.Equal(nodes[0].Id, await nodes[2].RemovedByAsync());
        await nodes[0].ReachesAsync(nodes[1]);
        nodes[0].Knows(nodes[2]);
        Assert.DoesNotContain(nodes[0].Transport.Peers, peer => peer.Id == nodes[2].Id);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_member_in_another_directory_than_it_started_in_is_not_heard_and_told_so(bool isKnownFromTheStart)
    {
        ulong known = isKnownFromTheStart ? 1u : 0;
        var receiver = await NodeAsync(1, configure: options => options with { DirectoryOf = id => id.Value == 2 ? Volatile.Read(ref known) : 0 });
        var wiped = await NodeAsync(2, configure: options => options with { DirectoryId = 2 });
        var other = await NodeAsync(3, configure: options => options with { DirectoryId = 3 });
        wiped.Knows(receiver);
        other.Knows(receiver);
        await other.ReachesAsync(receiver);
        if (!isKnownFromTheStart)
        {
            await wiped.ReachesAsync(receiver);
            // What this member learns later counts for streams that are there already.
            Volatile.Write(ref known, 1);
            receiver.Knows(wiped);
        }

        Assert.Contains("has already been bootstrapped", await wiped.DirectoryLostAsync());
        Assert.Null(wiped.StatusOf(receiver).ActiveSince);
        await other.ReachesAsync(receiver);
    }

    [Fact]
    public async Task The_newer_of_two_streams_of_one_peer_counts()
    {
        var receiver = await NodeAsync(1);
        var first = await NodeAsync(2);
        first.Knows(receiver);
        await first.ReachesAsync(receiver);
        var second = await NodeAsync(2);

        second.Knows(receiver);

        await second.ReachesAsync(receiver);
        Assert.Equal(receiver.Id, await first.UnreachableAsync());
    }

    [Fact]
    public async Task Activity_round_trips_and_bytes_are_counted()
    {
        var nodes = await ClusterAsync(2, options => options with { PingInterval = TimeSpan.FromMilliseconds(20) });
        await nodes[0].ReachesAsync(nodes[1]);
        while (nodes[0].StatusOf(nodes[1]).RoundTrip is null)
            await nodes[0].ReachesAsync(nodes[1]);

        var sender = nodes[0].StatusOf(nodes[1]);
        Assert.NotNull(sender.ActiveSince);
        Assert.InRange(sender.RoundTrip!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        Assert.InRange(sender.Counters.SentBytes.Value, 20, 1_000_000);
        Assert.InRange(nodes[1].StatusOf(nodes[0]).Counters.ReceivedBytes.Value, 20, 1_000_000);
        Assert.InRange(sender.Counters.SentMessages.Value, 1, 100_000);
    }
}
