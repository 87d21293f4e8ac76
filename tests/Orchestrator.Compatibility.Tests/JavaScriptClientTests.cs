using KvStore.Testing;

namespace Orchestrator.Compatibility.Tests;

/// <summary>The npm package @kubernetes/client-node, which shares nothing with Go's clients.</summary>
public sealed class JavaScriptClientTests(ScriptTests.StartedCluster started) : IClassFixture<ScriptTests.StartedCluster>
{
    private static readonly string Folder = Path.Combine(Cluster.Root, "tests", "Orchestrator.Compatibility.Tests", "javascript");

    [Fact]
    public void The_JavaScript_client_creates_watches_informs_and_executes()
    {
        string expected = File.ReadAllText(Path.Combine(Folder, "expected.txt"));
        var environment = started.Cluster.NamespaceFor("javascript", 33, out _);

        (int exitCode, string output) = started.Cluster.Shell(
            $"export KUBECONFIG={environment["KUBECONFIG"]} NAMESPACE={environment["NAMESPACE"]}; timeout 150 node {Folder}/client.mjs");

        Assert.Equal(expected, output);
        Assert.Equal(0, exitCode);
        Figures.Report($"@kubernetes/client-node: {expected.Count(letter => letter == '\n')} steps");
    }
}
