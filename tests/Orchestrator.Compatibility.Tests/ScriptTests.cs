using System.Text.RegularExpressions;
using KvStore.Testing;
using Orchestrator.Compatibility.Tests.Scripting;

namespace Orchestrator.Compatibility.Tests;

/// <summary>The real kubectl and helm against one cluster of hollow nodes, command by command.</summary>
/// <remarks>What is expected was written from what Kubernetes and its clients say, never recorded from a run.</remarks>
public sealed class ScriptTests(ScriptTests.StartedCluster started) : IClassFixture<ScriptTests.StartedCluster>
{
    /// <summary>The versions that CI runs; the long lane runs all that there are.</summary>
    private static readonly int[] QuickVersions = [33, 35];

    public static TheoryData<string, int> Scripts()
    {
        var data = new TheoryData<string, int>();
        int[] versions = Lanes.IsLong ? [27, 29, 31, 32, 33, 35] : QuickVersions;
        foreach (string script in Directory.GetFiles(ScriptDirectory, "*.script").Order(StringComparer.Ordinal))
        {
            foreach (int version in versions)
                data.Add(Path.GetFileNameWithoutExtension(script), version);
        }
        return data;
    }

    private static string ScriptDirectory => Path.Combine(AppContext.BaseDirectory, "Scripts");

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Kubectl_and_helm_do_what_their_documentation_says(string script, int version)
    {
        string text = await File.ReadAllTextAsync(Path.Combine(ScriptDirectory, script + ".script"));
        var commands = CommandScript.Parse(script, text, version);
        var environment = started.Cluster.NamespaceFor(script, version, out string directory);

        var runner = new ScriptRunner(environment, directory);
        var failures = await runner.RunAsync(commands);

        Figures.Report($"{script} with kubectl 1.{version}: {runner.Passed} of {commands.Steps.Count} commands");
        Assert.True(failures.Count == 0, $"{failures.Count} of {commands.Steps.Count} commands:\n\n{string.Join("\n\n", failures)}");
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
internal static partial class ScriptPlaces
{
    public static Dictionary<string, string> NamespaceFor(this Cluster cluster, string script, int version, out string directory)
    {
        string name = $"t{version}-{NotInNames().Replace(script, "")}".TrimEnd('-');
        directory = Directory.CreateDirectory(Path.Combine(cluster.Directory, name)).FullName;
        string binaries = Directory.CreateDirectory(Path.Combine(directory, "bin")).FullName;
        File.CreateSymbolicLink(Path.Combine(binaries, "kubectl"), Path.Combine(Cluster.Clients, $"kubectl-1.{version}"));
        File.CreateSymbolicLink(Path.Combine(binaries, "helm"), Path.Combine(Cluster.Clients, version >= 35 ? "helm-4" : "helm-3"));
        string kubeconfig = Path.Combine(directory, "kubeconfig");
        File.Copy(cluster.Kubeconfig, kubeconfig);
        var environment = new Dictionary<string, string>(cluster.Environment)
        {
            ["KUBECONFIG"] = kubeconfig,
            ["HOME"] = directory,
            ["NAMESPACE"] = name,
            ["PATH"] = $"{binaries}:{Environment.GetEnvironmentVariable("PATH")}",
            ["KUBE_EDITOR"] = "true",
        };
        (int exitCode, string output) = cluster.Shell($"""
            export PATH={binaries}:$PATH KUBECONFIG={kubeconfig}
            kubectl create namespace {name} && kubectl config set-context --current --namespace={name}
            until kubectl get serviceaccount default -n {name} > /dev/null 2>&1; do sleep 0.1; done
            """);
        Assert.True(exitCode == 0, output);
        return environment;
    }

    [GeneratedRegex("^[0-9]+-")]
    private static partial Regex NotInNames();
}
