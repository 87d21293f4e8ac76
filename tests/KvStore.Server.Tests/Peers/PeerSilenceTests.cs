using System.Net;
using System.Net.Sockets;
using KvStore.Raft;

namespace KvStore.Server.Tests.Peers;

/// <summary>Peers that are there but do not answer; on a clock that the tests advance.</summary>
public sealed class PeerSilenceTests : IAsyncLifetime
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly SteppedClock _clock = new();
    private readonly List<PeerNode> _nodes = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
    }

    private async Task<PeerNode> NodeAsync(ulong id)
    {
        var node = await PeerNode.StartAsync(id, configure: options => options with { Time = _clock });
        _nodes.Add(node);
        return node;
    }

    /// <summary>A port whose connections are taken by the kernel and never looked at.</summary>
    private static Socket Stalled()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    [Fact]
    public async Task A_peer_that_takes_the_connection_and_says_nothing_is_given_up_and_tried_again()
    {
        using var stalled = Stalled();
        var node = await NodeAsync(1);
        node.Transport.SetPeer(new NodeId(2), [$"http://{stalled.LocalEndPoint}"]);
        using var first = await stalled.AcceptAsync();

        using var second = await AdvancingAsync(stalled.AcceptAsync());

        Assert.True(_clock.GetTimestamp() > 0);
    }

    [Fact]
    public async Task A_stream_whose_receiver_stands_still_is_ended_and_reported()
    {
        using var stalled = Stalled();
        var node = await NodeAsync(1);
        node.Transport.SetPeer(new NodeId(2), [$"http://{stalled.LocalEndPoint}"]);
        using var accepted = await stalled.AcceptAsync();
        await accepted.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: kvstore-raft/1\r\n\r\n"u8.ToArray());
        // Before that, time that passes would end the attempt to connect.
        await EventuallyAsync(() => node.Transport.Peers.Single().ActiveSince is not null);
        var start = _clock.GetUtcNow();

        Assert.Equal(new NodeId(2), await AdvancingAsync(node.UnreachableAsync()));

        Assert.InRange(_clock.GetUtcNow() - start, TimeSpan.FromSeconds(5), TimeSpan.FromDays(1));
    }

    [Fact]
    public async Task A_sender_that_falls_silent_is_told_and_its_stream_ended()
    {
        var node = await NodeAsync(1);
        using var peer = await RawPeer.OpenStreamAsync(node, new NodeId(0xD4));

        string bye = await AdvancingAsync(peer.ReadByeAsync());

        Assert.Equal("nothing came within 5s", bye);
    }

    [Fact]
    public async Task Streams_that_carry_nothing_but_signs_of_life_stay()
    {
        var nodes = new[] { await NodeAsync(1), await NodeAsync(2) };
        nodes[0].Knows(nodes[1]);
        nodes[1].Knows(nodes[0]);
        await nodes[0].ReachesAsync(nodes[1]);
        await nodes[1].ReachesAsync(nodes[0]);

        for (int i = 0; i < 60; i++)
        {
            long[] before = [.. nodes.Select(Progress)];
            _clock.Advance(Second);
            // The pings have gone out and have come, and so have their answers.
            await EventuallyAsync(() => nodes.Zip(before).All(pair => Progress(pair.First) >= pair.Second + 2));
        }

        Assert.All(nodes, node => Assert.All(node.Transport.Peers, peer => Assert.Equal(0, peer.Counters.Disconnections.Value)));
    }

    /// <summary>Counts what the only peer has sent, and the answers to what was sent to it.</summary>
    private static long Progress(PeerNode node)
    {
        var peer = node.Transport.Peers.Single();
        return node.RoundTripCount + (peer.Counters.ReceivedBytes.Value / 17);
    }

    /// <summary>Lets time pass until the task is done.</summary>
    private async Task<T> AdvancingAsync<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }
        return await task;
    }

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Yield();
    }
}
