using System.Buffers.Binary;
using System.Text;
using KvStore.Crash.Tests.Wire;
using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

/// <summary>What does not belong on a peer port is refused there, and the cluster notices nothing.</summary>
public sealed class PeerPortTests
{
    private const string Stream = "/raft/stream";

    [Fact]
    public async Task Nonsense_on_the_peer_port_disturbs_nobody()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3, LiveCluster.Steady);
        await using var load = new ClusterLoad(cluster);
        load.Start();
        var (leader, follower) = (await cluster.LeaderAsync(), (await cluster.FollowersAsync())[0]);
        ulong term = (await leader.Client.StatusAsync()).RaftTerm;
        string id = $"{leader.Id:x}";
        string own = $"{(await leader.Client.StatusAsync()).Header.ClusterId:x}";

        await SendNoiseAsync(leader);
        await AssertAnsweredAsync("X-Refusal: cluster-id-mismatch", leader, Request(Stream, "kvstore-raft/1", "c1", "1", id));
        await AssertAnsweredAsync("HTTP/1.1 426", leader, Request(Stream, "kvstore-raft/9", own, "1", id));
        await AssertAnsweredAsync("X-Refusal: wrong-member", leader, Request(Stream, "kvstore-raft/1", own, "1", "2"));
        await AssertAnsweredAsync("X-Refusal: malformed", leader, Request(Stream, "kvstore-raft/1", own, "nobody", id));
        await AssertAnsweredAsync("X-Refusal: malformed", leader, $"GET {Stream} HTTP/1.1\r\nHost: a\r\n\r\n");
        await AssertAnsweredAsync("HTTP/1.1 404", leader, "GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n");
        // In the name of a member, on a stream that takes the place of its own.
        foreach (byte[] frame in BadFrames())
            await AssertCutOffAsync(leader, Request(Stream, "kvstore-raft/1", own, $"{follower.Id:x}", id), frame);
        await AssertCutOffAsync(leader, Request("/raft/snapshot", "kvstore-snapshot/1", own, $"{follower.Id:x}", id), new byte[64]);

        await load.ProgressAsync(100);
        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
        Assert.Equal(term, (await leader.Client.StatusAsync()).RaftTerm);
        Assert.All(cluster.Members, member => Assert.DoesNotContain(
            member.Process.Log.Lines, line => line.Contains("\"level\":\"error\"") || line.Contains("\"level\":\"fatal\"")));
    }

    private static async Task SendNoiseAsync(ClusterMember member)
    {
        var random = new Random(1);
        for (int i = 0; i < 30; i++)
        {
            var noise = new byte[random.Next(1, 4096)];
            random.NextBytes(noise);
            using var connection = new RawConnection(member.PeerUrl);
            await connection.SendAsync(noise);
            connection.Finish();
            await connection.ReadToEndAsync();
        }
    }

    private static string Request(string path, string protocol, string cluster, string from, string to) =>
        $"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nX-Etcd-Cluster-ID: {cluster}\r\n"
        + $"X-Server-From: {from}\r\nX-Raft-To: {to}\r\nX-PeerURLs: http://127.0.0.1:1\r\n\r\n";

    private static IEnumerable<byte[]> BadFrames()
    {
        byte[] oversized = new byte[64];
        BinaryPrimitives.WriteUInt32LittleEndian(oversized, uint.MaxValue);
        yield return oversized;
        byte[] empty = new byte[8];
        yield return empty;
        byte[] wrongSum = new byte[8 + 4];
        BinaryPrimitives.WriteUInt32LittleEndian(wrongSum, 4);
        yield return wrongSum;
        byte[] noise = new byte[4096];
        new Random(2).NextBytes(noise);
        yield return noise;
    }

    private static async Task AssertAnsweredAsync(string answer, ClusterMember member, string request)
    {
        using var connection = new RawConnection(member.PeerUrl);
        await connection.SendAsync(Encoding.ASCII.GetBytes(request));
        Assert.Contains(answer, await connection.ReadUntilAsync(answer));
    }

    /// <summary>It is let in, and out again when it has said this.</summary>
    private static async Task AssertCutOffAsync(ClusterMember member, string request, byte[] nonsense)
    {
        using var connection = new RawConnection(member.PeerUrl);
        await connection.SendAsync(Encoding.ASCII.GetBytes(request));
        Assert.StartsWith("HTTP/1.1 101", await connection.ReadUntilAsync("\r\n\r\n"));
        await connection.SendAsync(nonsense);
        await connection.ReadToEndAsync();
    }
}
