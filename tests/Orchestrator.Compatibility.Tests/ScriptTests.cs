using KvStore.Testing;
using KvStore.Testing.Scripting;

namespace Orchestrator.Compatibility.Tests;

/// <summary>The real kubectl and helm against one cluster of hollow nodes, command by command.</summary>
/// <remarks>What is expected was written from what Kubernetes and its clients say, never recorded from a run.</remarks>
public sealed class ScriptTests(ScriptTests.StartedCluster started) : IClassFixture<ScriptTests.StartedCluster>
{
    /// <summary>The versions that CI runs; the long lane runs all that there are.</summary>
    private static readonly int[] QuickVersions = [33, 35];

    private static readonly int[] AllVersions = [27, 28, 29, 30, 31, 32, 33, 35];

    public static TheoryData<string, int> Scripts()
    {
        var data = new TheoryData<string, int>();
        foreach (int version in Lanes.IsLong ? AllVersions : QuickVersions)
        {
            foreach (string[] group in ScriptPlaces.Groups())
                data.Add(string.Join(' ', group), version);
        }
        return data;
    }

    /// <param name="scripts">Names with blanks between: they run side by side.</param>
    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Kubectl_and_helm_do_what_their_documentation_says(string scripts, int version)
    {
        var failures = await started.Cluster.RunScriptsAsync(scripts.Split(' '), version);

        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    public sealed class StartedCluster : IDisposable
    {
        public StartedCluster()
        {
            Cluster = new Cluster("scripts", "--hollow-nodes", "3");
            Cluster.Start();
        }

        public Cluster Cluster { get; }

        public void Dispose() => Cluster.Dispose();
    }
}

/// <summary>A place of its own for each script: a namespace, a directory, a kubeconfig that names them, clients of one version.</summary>
internal static class ScriptPlaces
{
    /// <summary>How many scripts run side by side: most of their time is waiting.</summary>
    private const int GroupSize = 4;

    /// <summary>What is done to nodes is felt by all pods.</summary>
    private const string Unsociable = "07-nodes";

    private static string ScriptDirectory => Path.Combine(AppContext.BaseDirectory, "Scripts");

    /// <summary>All scripts, those together that may run side by side.</summary>
    public static IEnumerable<string[]> Groups()
    {
        var names = Directory.GetFiles(ScriptDirectory, "*.script").Select(path => Path.GetFileNameWithoutExtension(path)!)
            .Order(StringComparer.Ordinal).ToList();
        return [[Unsociable], .. names.Where(name => name != Unsociable).Chunk(GroupSize)];
    }

    /// <summary>Runs scripts side by side.</summary>
    /// <returns>What came out otherwise than written.</returns>
    public static async Task<IReadOnlyList<string>> RunScriptsAsync(this Cluster cluster, IReadOnlyList<string> scripts, int version)
    {
        var results = await Task.WhenAll(scripts.Select(script => Task.Run(() => RunScriptAsync(cluster, script, version))));
        Figures.Report($"kubectl 1.{version}, cluster {cluster.Profile}: {results.Sum(result => result.Passed)} commands of "
            + string.Join(' ', scripts));
        return [.. results.SelectMany(result => result.Failures)];
    }

    private static async Task<(int Passed, IReadOnlyList<string> Failures)> RunScriptAsync(Cluster cluster, string script, int version)
    {
        string text = await File.ReadAllTextAsync(Path.Combine(ScriptDirectory, script + ".script"));
        var commands = CommandScript.Parse(script, text, version);
        var environment = cluster.NamespaceFor(script, version, out string directory);
        var runner = new ScriptRunner(environment, directory);
        var failures = await runner.RunAsync(commands);
        // What a script leaves behind would be drained and evicted with the nodes by another one.
        cluster.Shell($"kubectl delete namespace {environment["NAMESPACE"]} --ignore-not-found --timeout=60s");
        return (runner.Passed, failures);
    }

    public static Dictionary<string, string> NamespaceFor(this Cluster cluster, string script, int version, out string directory)
    {
        var place = ScriptPlace.Make(cluster.Directory, script, version, Cluster.Clients, cluster.Kubeconfig, cluster.Environment);
        directory = place.Directory;
        (int exitCode, string output) = cluster.Shell(place.MakeNamespace);
        Assert.True(exitCode == 0, output);
        return place.Environment;
    }
}
