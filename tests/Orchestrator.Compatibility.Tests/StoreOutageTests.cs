namespace Orchestrator.Compatibility.Tests;

/// <summary>A whole cluster over a store of its own process that is stopped for longer than any lease, and started again.</summary>
public sealed class StoreOutageTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("orchestrator-store-outage-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("kvstore", true)]
    [InlineData("etcd", false)]
    public void A_cluster_tells_that_its_store_is_away_and_goes_on_by_itself_when_it_is_back(string program, bool isEncrypted)
    {
        var certificates = isEncrypted ? new StoreCertificates(_directory) : null;
        using var store = program == "etcd" ? StoreCluster.StartEtcd() : StoreCluster.StartKvStore(1, certificates);
        using var cluster = new Cluster("outage", ["--hollow-nodes", "2", "--store-endpoints", store.Endpoints, .. certificates?.Options() ?? []]);
        cluster.Start();
        string profile = Path.Combine(cluster.Environment["ORCHESTRATOR_HOME"], "profiles", "outage");
        string server = File.ReadAllText(Path.Combine(profile, "server.pid"));
        Shell(cluster, "kubectl create deployment web --image=nginx --replicas=2 && kubectl rollout status deployment/web --timeout=90s");
        Shell(cluster, "(kubectl get configmaps --watch-only -o name > watched 2> watch-errors; echo ended >> watch-errors) < /dev/null > /dev/null 2>&1 & until kubectl create configmap probe-$RANDOM && grep -q probe watched; do sleep 0.2; done");

        store.KillMember(0);
        Shell(cluster, "until kubectl get --raw /readyz 2>&1 | grep -q 'etcd failed'; do sleep 0.2; done");
        // A look has its patience, which a busy machine may try.
        string told = Shell(cluster, $"until {Cluster.Program} status --profile outage > told; code=$?; grep -q '^failed checks: etcd$' told; do sleep 0.2; done; cat told; echo ended with $code");
        Assert.Contains("apiserver: Error\n", told);
        Assert.Contains($"The store does not answer at {store.Endpoints}", told);
        Assert.EndsWith("ended with 2\n", told);
        Shell(cluster, $"until {Cluster.Program} status --profile outage --output json | grep -F '\"FailedChecks\":[\"etcd\"]'; do sleep 0.2; done");
        Assert.Contains("the store can not serve", Shell(cluster, "! kubectl create configmap refused"), StringComparison.Ordinal);
        Assert.Contains("Error from server (ServiceUnavailable): the store can not serve", Shell(cluster, "! kubectl get nodes"), StringComparison.Ordinal);
        // Nobody leads any more.
        foreach (string part in (string[])["kube-controller-manager", "kube-scheduler"])
            Shell(cluster, $"until grep -q ' lost {part}' {profile}/logs/*.log; do sleep 0.2; done");

        store.StartMember(0);
        Shell(cluster, "until kubectl get --raw /readyz 2> errors; do sleep 0.2; done");
        Shell(cluster, "kubectl create configmap after && kubectl scale deployment web --replicas=5 && kubectl rollout status deployment/web --timeout=120s");
        Shell(cluster, "kubectl wait --for=condition=Ready nodes --all --timeout=90s");
        Shell(cluster, "until grep -q configmap/after watched; do sleep 0.2; done");

        Assert.Equal("", File.ReadAllText(Path.Combine(cluster.Directory, "watch-errors")));
        Assert.Equal("after\n", Shell(cluster, "kubectl get configmaps -o name | grep -o -w after"));
        Assert.Equal(server, File.ReadAllText(Path.Combine(profile, "server.pid")));
        told = Shell(cluster, $"until {Cluster.Program} status --profile outage; do sleep 0.2; done");
        Assert.DoesNotContain("failed checks", told[told.LastIndexOf("type: ", StringComparison.Ordinal)..]);
    }

    private static string Shell(Cluster cluster, string command)
    {
        (int exitCode, string output) = cluster.Shell(command);
        Assert.True(exitCode == 0, $"{command}\n{output}");
        return output;
    }
}
