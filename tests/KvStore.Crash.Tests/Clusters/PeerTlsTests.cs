using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

public sealed class PeerTlsTests
{
    [Fact]
    public async Task Members_with_certificates_survive_a_kill_and_those_whose_certificate_does_not_fit_stay_outside()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        using var directory = new TemporaryDirectory();
        var certificates = new PeerCertificates(directory.At("ours"));
        var foreign = new PeerCertificates(directory.At("foreign"));
        await using var cluster = await LiveCluster.StartAsync(3, "https", certificates.Flags("127.0.0.1"));
        await using var load = new ClusterLoad(cluster);
        load.Start();
        await load.ProgressAsync(100);

        var leader = await cluster.LeaderAsync();
        await leader.KillAsync();
        await load.ProgressAsync(100);

        // It trusts the others, they do not trust it.
        await leader.LaunchAsync(foreign.Flags("127.0.0.1", trusted: certificates));
        var other = cluster.Members.First(member => member != leader);
        await other.Process.LineAsync("rejected connection");
        await load.ProgressAsync(100);
        await leader.KillAsync();

        // Theirs, but for another address than it calls from.
        await leader.LaunchAsync(certificates.Flags("127.0.0.2"));
        await other.Process.LineAsync("does not match any of the certificate's addresses");
        await load.ProgressAsync(100);
        await leader.KillAsync();

        await leader.StartAsync();
        await load.ProgressAsync(100);
        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
    }
}
