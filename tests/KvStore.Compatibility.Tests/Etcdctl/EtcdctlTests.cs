using KvStore.Compatibility.Tests.Requests;
using KvStore.Compatibility.Tests.Servers;
using KvStore.Testing;

namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>Runs the scripts with etcdctl 3.4 and 3.5 against etcd and ours; what is printed has to be the same.</summary>
/// <remarks>What 3.6 does otherwise than 3.5 shows in no output of these etcdctls: they know no newer fields, and do not send
/// what <see cref="Departure"/> lists.</remarks>
public sealed class EtcdctlTests
{
    public static TheoryData<string> Scripts { get; } =
        [.. Directory.GetFiles(Script.Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Prints_the_same_of_both_servers(string name)
    {
        if (Lanes.IsFast)
            return; // Dozens of processes a script.
        var script = Script.Read(Script.Folder, name);

        int[] commands = await Task.WhenAll(CompareAsync(script, is35: false), CompareAsync(script, is35: true));

        Figures.Report($"Compatibility: etcdctl script {name}: {commands[0]} commands with 3.4, {commands[1]} with 3.5, as against etcd");
    }

    private static async Task<int> CompareAsync(Script script, bool is35)
    {
        string program = is35 ? Binaries.Etcdctl35 : Binaries.Etcdctl34;
        await using var servers = await ServerPair.StartAsync();
        using var etcd = new ScriptRun(program, is35, ServerKind.Etcd, servers.Etcd.Endpoint);
        using var kvStore = new ScriptRun(program, is35, ServerKind.KvStore, servers.KvStore.Endpoint);

        await Task.WhenAll(etcd.RunAsync(script), kvStore.RunAsync(script));

        Transcript.AssertEqual(etcd.Transcript, kvStore.Transcript);
        return kvStore.Transcript.Count;
    }
}
