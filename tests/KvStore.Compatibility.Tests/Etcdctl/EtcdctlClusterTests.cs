using KvStore.Compatibility.Tests.Requests;
using KvStore.Compatibility.Tests.Servers;
using KvStore.Testing;

namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>As <see cref="EtcdctlTests"/>, with three members of etcd and three of ours.</summary>
public sealed class EtcdctlClusterTests
{
    public static TheoryData<string> Scripts { get; } =
        [.. Directory.GetFiles(Script.ClusterFolder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Prints_the_same_of_both_clusters(string name)
    {
        if (Lanes.IsFast)
            return; // Dozens of processes a script.
        var script = Script.Read(Script.ClusterFolder, name);

        int with34 = await CompareAsync(script, Binaries.Etcdctl34, is35: false);
        int with35 = await CompareAsync(script, Binaries.Etcdctl35, is35: true);

        Figures.Report($"Compatibility: etcdctl script {name} on three members: {with34} commands with 3.4, {with35} with 3.5, as against etcd");
    }

    private static async Task<int> CompareAsync(Script script, string program, bool is35)
    {
        await using var etcd = await ClusterUnderTest.StartAsync(ServerKind.Etcd);
        await using var kvStore = await ClusterUnderTest.StartAsync(ServerKind.KvStore);
        using var etcdRun = new ScriptRun(program, is35, ServerKind.Etcd, etcd.Endpoints, etcd);
        using var kvStoreRun = new ScriptRun(program, is35, ServerKind.KvStore, kvStore.Endpoints, kvStore);

        await Task.WhenAll(etcdRun.RunAsync(script), kvStoreRun.RunAsync(script));

        Transcript.AssertEqual(etcdRun.Transcript, kvStoreRun.Transcript);
        return kvStoreRun.Transcript.Count;
    }
}
