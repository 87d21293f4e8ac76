using System.Diagnostics;
using KvStore.Testing;
using KvStore.Testing.Containers;
using KvStore.Testing.Scripting;

namespace Orchestrator.Node.Tests.Live;

/// <summary>The real kubectl and helm against a cluster whose one node runs real containers, command by command.</summary>
/// <remarks>What is expected was written from what Kubernetes and its clients say, never recorded from a run.</remarks>
public sealed class StartedScriptTests
{
    /// <summary>What is done to the node is felt by all pods.</summary>
    private const string Unsociable = "90-node";

    private static readonly int[] AllVersions = [27, 28, 29, 30, 31, 32, 33, 35];

    [LiveFact]
    public async Task Kubectl_and_helm_do_with_real_containers_what_their_documentation_says()
    {
        await using var cluster = new StartedCluster();
        cluster.Orchestrator("start");
        Import(cluster, BusyboxImage.Name, BusyboxImage.Page);
        Import(cluster, "localhost/busybox:2", "hello from the second version\n");
        string[] scripts = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Scripts"), "*.script").Order(StringComparer.Ordinal)];

        var failures = new List<string>();
        foreach (int version in Lanes.IsLong ? AllVersions : AllVersions[^1..])
        {
            foreach (var together in scripts.GroupBy(script => Path.GetFileNameWithoutExtension(script) == Unsociable).OrderBy(group => group.Key))
            {
                long began = Stopwatch.GetTimestamp();
                var results = await Task.WhenAll(together.Select(script => Task.Run(() => RunAsync(cluster, script, version))));
                Figures.Report($"kubectl 1.{version}, real containers: {results.Sum(result => result.Passed)} commands in {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s of "
                    + string.Join(' ', together.Select(Path.GetFileNameWithoutExtension)));
                failures.AddRange(results.SelectMany(result => result.Failures));
            }
        }

        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static void Import(StartedCluster cluster, string name, string page)
    {
        string archive = Path.Combine(cluster.Folder, "image.tar");
        File.WriteAllBytes(archive, BusyboxImage.ToArchive(name, page));
        cluster.Orchestrator("image", "import", archive);
    }

    private static async Task<(int Passed, IReadOnlyList<string> Failures)> RunAsync(StartedCluster cluster, string path, int version)
    {
        string script = Path.GetFileNameWithoutExtension(path);
        var commands = CommandScript.Parse(script, await File.ReadAllTextAsync(path), version);
        var place = ScriptPlace.Make(
            cluster.Folder, script, version, StartedCluster.Clients, Path.Combine(cluster.Folder, "kubeconfig"), new Dictionary<string, string>());
        cluster.Shell(place.MakeNamespace);
        var runner = new ScriptRunner(place.Environment, place.Directory, cluster.Network.Path);
        var failures = await runner.RunAsync(commands);
        // It may take its time: nobody waits for it but the node, which has work left.
        cluster.Shell($"kubectl delete namespace {place.Name} --wait=false");
        return (runner.Passed, failures);
    }
}
