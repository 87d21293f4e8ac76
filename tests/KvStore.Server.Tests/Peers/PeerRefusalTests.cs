using System.Security.Cryptography;
using KvStore.Raft;
using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Tests.Peers;

/// <summary>What does not belong on the peer port: refused or closed with a clear text, while members go on talking.</summary>
[Collection(ProcessLogCollection.Name)]
public sealed class PeerRefusalTests : IAsyncLifetime
{
    private static readonly NodeId Stranger = new(0xD4);

    private readonly CapturedLog _log = new();
    private PeerNode[] _nodes = [];

    private PeerNode Node => _nodes[0];

    public async Task InitializeAsync()
    {
        _nodes = await PeerNode.StartClusterAsync(2, options => options with { FrameLimitBytes = 1 << 20 });
        await _nodes[1].ReachesAsync(Node);
    }

    public async Task DisposeAsync()
    {
        // Whatever was sent: the members are still connected as they were.
        await _nodes[1].ReachesAsync(Node);
        await _nodes[0].ReachesAsync(_nodes[1]);
        Assert.Equal(0, _nodes[1].StatusOf(Node).Counters.Disconnections.Value);
        foreach (var node in _nodes)
            await node.DisposeAsync();
        _log.Dispose();
    }

    private async Task<string> RefusedAsync(
        NodeId from, string protocol = "kvstore-raft/1", string cluster = "c1", string? to = null, string path = "/raft/stream")
    {
        using var peer = RawPeer.Connect(Node);
        return await peer.CallAsync(Node, from, protocol, cluster, to, path);
    }

    [Fact]
    public async Task Another_clusters_member_is_refused()
    {
        string answer = await RefusedAsync(Stranger, cluster: "c2");

        Assert.StartsWith("HTTP/1.1 412", answer);
        Assert.Contains("X-Refusal: cluster-id-mismatch", answer);
        Assert.Contains("cluster ID mismatch: member 1 belongs to cluster c1, the call of d4 is for c2", answer);
        Assert.Single(_log.With("refused a peer's call", "cluster ID mismatch", "\"remote-peer-id\":\"d4\""));
    }

    [Fact]
    public async Task A_refusal_is_logged_once_not_at_each_retry()
    {
        for (int i = 0; i < 5; i++)
            await RefusedAsync(Stranger, cluster: "c2");
        await RefusedAsync(Stranger, to: "7");

        Assert.Single(_log.With("refused a peer's call", "cluster-id-mismatch"));
        Assert.Single(_log.With("refused a peer's call", "wrong-member"));
    }

    [Fact]
    public async Task Another_protocol_version_is_refused_with_the_one_that_is_spoken()
    {
        string answer = await RefusedAsync(Stranger, protocol: "kvstore-raft/2");

        Assert.StartsWith("HTTP/1.1 426", answer);
        Assert.Contains("Upgrade: kvstore-raft/1", answer);
        Assert.Contains("the peer protocol kvstore-raft/2 is not spoken here, only kvstore-raft/1", answer);
    }

    [Fact]
    public async Task A_call_for_another_member_is_refused()
    {
        string answer = await RefusedAsync(Stranger, to: "7");

        Assert.StartsWith("HTTP/1.1 404", answer);
        Assert.Contains("X-Refusal: wrong-member", answer);
        Assert.Contains("member 1 was called as 7: its peer URL is another member's, or it runs in another member's data directory", answer);
    }

    [Fact]
    public async Task A_caller_with_the_members_own_id_is_refused() =>
        Assert.Contains("member 1 called itself", await RefusedAsync(Node.Id));

    [Fact]
    public async Task A_removed_member_is_refused_for_good()
    {
        Node.Transport.RemovePeer(Stranger);

        string answer = await RefusedAsync(Stranger);

        Assert.StartsWith("HTTP/1.1 410", answer);
        Assert.Contains("the member has been permanently removed from the cluster", answer);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("ffffffffffffffff")]
    [InlineData("xyz")]
    [InlineData("")]
    public async Task An_id_that_is_none_is_refused(string to)
    {
        string answer = await RefusedAsync(Stranger, to: to);

        Assert.StartsWith("HTTP/1.1 400", answer);
        Assert.Contains("must be ids of members in hexadecimal", answer);
    }

    [Fact]
    public async Task A_plain_request_is_told_what_the_path_is_for()
    {
        using var peer = RawPeer.Connect(Node);
        await peer.SendAsync("GET /raft/stream HTTP/1.1\r\nHost: h\r\n\r\n");

        string answer = await peer.ReadAnswerAsync();

        Assert.StartsWith("HTTP/1.1 400", answer);
        Assert.Contains("the request must ask for an upgrade to kvstore-raft/1", answer);
    }

    [Fact]
    public async Task Another_path_is_not_found() =>
        Assert.StartsWith("HTTP/1.1 404", await RefusedAsync(Stranger, path: "/raft/other"));

    [Fact]
    public async Task Garbage_instead_of_a_request_ends_the_connection()
    {
        var random = new Random(3);
        for (int i = 0; i < 20; i++)
        {
            using var peer = RawPeer.Connect(Node);
            byte[] garbage = new byte[random.Next(1, 2000)];
            random.NextBytes(garbage);
            await peer.SendAsync([.. garbage, .. "\r\n\r\n"u8]);
            string answer = await peer.ReadAnswerAsync();
            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 400", StringComparison.Ordinal), answer);
        }
        Assert.NotEmpty(_log.With("rejected connection on the peer port", "what came is no HTTP request"));
    }

    [Fact]
    public async Task Garbage_on_a_stream_ends_it_with_one_line_in_the_log()
    {
        using var peer = await RawPeer.OpenStreamAsync(Node, Stranger);

        await peer.SendAsync(RandomNumberGenerator.GetBytes(8)[..3]);
        await peer.SendAsync([0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);

        Assert.Contains("is none: from 1 to 1048576 are allowed", await peer.ReadByeAsync());
        await LoggedAsync("lost TCP streaming connection with remote peer", "\"remote-peer-id\":\"d4\"", "are allowed");
    }

    [Fact]
    public async Task An_oversized_frame_ends_the_stream_before_its_bytes_come()
    {
        using var peer = await RawPeer.OpenStreamAsync(Node, Stranger);
        byte[] header = new byte[Frame.HeaderBytes];
        Frame.WriteHeader(header, (1 << 20) + 1, 0);

        await peer.SendAsync(header);

        Assert.Equal("A frame of 1048577 bytes is none: from 1 to 1048576 are allowed.", await peer.ReadByeAsync());
    }

    [Fact]
    public async Task A_wrong_checksum_ends_the_stream()
    {
        using var peer = await RawPeer.OpenStreamAsync(Node, Stranger);
        byte[] frame = Frame.Make(FrameKind.Ping, new byte[8]);
        frame[5] ^= 1;

        await peer.SendAsync(frame);

        Assert.Contains("A frame of 9 bytes has the CRC", await peer.ReadByeAsync());
    }

    [Fact]
    public async Task A_message_in_anothers_name_ends_the_stream()
    {
        using var peer = await RawPeer.OpenStreamAsync(Node, Stranger);

        await peer.SendAsync(FrameOf(new Message { Type = MessageType.Vote, From = new NodeId(9), Term = 100 }));

        Assert.Equal("A Vote came in the name of another member (9).", await peer.ReadByeAsync());
    }

    [Fact]
    public async Task A_message_that_members_tell_only_themselves_ends_the_stream()
    {
        using var peer = await RawPeer.OpenStreamAsync(Node, Stranger);

        await peer.SendAsync(FrameOf(new Message { Type = MessageType.Hup, From = Stranger }));

        Assert.Equal("A peer sent a Hup, which a member may only tell itself.", await peer.ReadByeAsync());
    }

    [Fact]
    public async Task Frames_of_the_snapshot_lane_have_no_meaning_on_a_stream()
    {
        using var peer = await RawPeer.OpenStreamAsync(Node, Stranger);

        await peer.SendAsync(Frame.Make(FrameKind.Piece, [1, 2, 3]));

        Assert.Contains("has no meaning here", await peer.ReadByeAsync());
    }

    [Fact]
    public async Task What_came_before_the_damage_is_received()
    {
        using var peer = await RawPeer.OpenStreamAsync(Node, Stranger);
        var good = new Message { Type = MessageType.Heartbeat, From = Stranger, To = Node.Id, Term = 3 };

        await peer.SendAsync([.. FrameOf(good), .. Frame.Make((FrameKind)200, [])]);

        await peer.ReadByeAsync();
        Assert.Equal(MessageText.Of(good), MessageText.Of(await Node.ReceivedAsync()));
    }

    [Fact]
    public async Task A_peer_that_is_refused_says_so_in_its_own_log()
    {
        await using var other = await PeerNode.StartAsync(5, configure: options => options with { ClusterId = 0xC2 });

        other.Knows(Node);

        await LoggedAsync("cannot connect to peer, trying again", "\"peer-id\":\"1\"", "cluster ID mismatch");
    }

    [Fact]
    public async Task Too_many_strangers_are_told_to_come_later()
    {
        List<RawPeer> strangers = [];
        for (ulong id = 0x100; id < 0x110; id++)
            strangers.Add(await RawPeer.OpenStreamAsync(Node, new NodeId(id)));

        string answer = await RefusedAsync(Stranger);

        Assert.StartsWith("HTTP/1.1 503", answer);
        strangers.ForEach(peer => peer.Dispose());
    }

    private static byte[] FrameOf(Message message)
    {
        byte[] head = new byte[MessageCodec.MaxHeadBytes(message)];
        int length = MessageCodec.EncodeHead(message, Stranger, head);
        byte[] frame = [.. new byte[Frame.HeaderBytes], .. head[..length]];
        Frame.Seal(frame);
        return frame;
    }

    private async Task LoggedAsync(params string[] texts)
    {
        while (_log.With(texts).Length == 0)
            await _nodes[1].ReachesAsync(Node);
        Assert.Single(_log.With(texts));
    }
}
