using Google.Protobuf;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Clusters;

public sealed class FollowerTests
{
    [Fact]
    public async Task Every_member_reads_what_any_other_has_acknowledged()
    {
        await using var cluster = await LiveCluster.StartAsync(3);
        var key = ByteString.CopyFromUtf8("key");

        for (int i = 0; i < 300; i++)
        {
            var (writer, reader) = (cluster[i % 3].Client, cluster[(i + 1) % 3].Client);
            long revision = (await writer.PutAsync("key", $"{i}")).Header.Revision;
            var read = await reader.GetAsync("key");
            Assert.Equal((revision, $"{i}"), (read.Header.Revision, read.Kvs[0].Value.ToStringUtf8()));
            var txn = await reader.TxnAsync(new TxnRequest
            {
                Compare = { new Compare { Key = key, Target = Compare.Types.CompareTarget.Value, Value = ByteString.CopyFromUtf8($"{i}") } },
                Success = { new RequestOp { RequestRange = new RangeRequest { Key = key } } },
            });
            Assert.True(txn.Succeeded);
            Assert.Equal(revision, txn.Header.Revision);
        }
        await cluster.AssertEqualAsync();
    }

    [Fact]
    public async Task A_member_tells_of_its_peers_in_its_metrics()
    {
        await using var cluster = await LiveCluster.StartAsync(3);
        await cluster[0].Client.PutAsync("key", "value");
        using var http = new HttpClient();
        string[] series = ["peer_sent_bytes_total{To=", "peer_received_bytes_total{From=", "peer_round_trip_time_seconds_count{To="];

        await Until.HoldsAsync(async () =>
        {
            string[] lines = (await http.GetStringAsync($"{cluster[0].Url}/metrics")).Split('\n');
            var peers = cluster.Members.Skip(1).Select(peer => $"\"{peer.Id:x}\"}} ");
            return peers.All(peer => series.All(name => lines.Any(line =>
                line.StartsWith($"etcd_network_{name}{peer}", StringComparison.Ordinal) && !line.EndsWith(" 0", StringComparison.Ordinal))));
        }, "bytes and round trips of both peers are counted");
        string all = await http.GetStringAsync($"{cluster[0].Url}/metrics");
        foreach (var peer in cluster.Members.Skip(1))
            Assert.Contains($"etcd_network_active_peers{{Local=\"{cluster[0].Id:x}\",Remote=\"{peer.Id:x}\"}} 1\n", all);
    }

    [Fact]
    public async Task Compactions_and_alarms_are_those_of_all_members()
    {
        // One member with so small a quota raises the alarm for all of them.
        await using var cluster = await LiveCluster.StartAsync(3);
        var narrow = (await cluster.FollowersAsync())[0];
        await narrow.TerminateAsync();
        await narrow.StartAsync("--quota-backend-bytes=2097152");
        var other = cluster.Members.First(member => member != narrow).Client;
        string value = new('x', 256 << 10);

        await Until.HoldsAsync(async () =>
        {
            // Big ones come through until the alarm is raised, which they themselves propose.
            await Refusals.TryAsync(() => narrow.Client.PutAsync("key", value));
            var raised = await Task.WhenAll(cluster.Members.Select(async member => (await member.Client.StatusAsync()).Errors.Count > 0));
            return raised.All(isRaised => isRaised);
        }, "the quota of one member is met, and all know it");
        foreach (var member in cluster.Members)
        {
            var refusal = await Refusals.OfAsync(() => member.Client.PutAsync("key", "value"));
            Assert.Equal("ResourceExhausted: etcdserver: mvcc: database space exceeded", refusal);
            var alarm = Assert.Single((await member.Client.AlarmsAsync()).Alarms);
            Assert.Equal((AlarmType.Nospace, narrow.Id), (alarm.Alarm, alarm.MemberID));
        }
        long revision = (await other.GetAsync("key")).Header.Revision;
        await other.CompactAsync(revision, physical: true);
        foreach (var member in cluster.Members)
        {
            var refusal = await Refusals.OfAsync(() => member.Client.GetAllAsync(revision - 1));
            Assert.Equal("OutOfRange: etcdserver: mvcc: required revision has been compacted", refusal);
        }
        await cluster.AssertEqualAsync();
        foreach (var member in cluster.Members)
            await member.Client.DefragmentAsync();
        await other.DisarmAsync((await other.AlarmsAsync()).Alarms[0]);
        foreach (var member in cluster.Members)
            await member.Client.PutAsync("key", "value");
        await cluster.AssertEqualAsync();
    }
}
