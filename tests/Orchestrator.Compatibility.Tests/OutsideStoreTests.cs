using System.Diagnostics;
using KvStore.Testing;

namespace Orchestrator.Compatibility.Tests;

/// <summary>The control plane over a store that is not its own, and several of its processes over one store.</summary>
public sealed class OutsideStoreTests
{
    private static readonly TimeSpan KillInterval = TimeSpan.FromSeconds(20);

    /// <summary>What runs in CI; the long lane runs all scripts.</summary>
    private static readonly string[] QuickScripts = ["03-deployments", "08-manifests"];

    [Fact]
    public async Task The_scripts_pass_over_a_real_etcd()
    {
        if (Lanes.IsFast)
            return; // Starts a real etcd.
        using var store = StoreCluster.StartEtcd();
        using var cluster = new Cluster("etcd", "--hollow-nodes", "3", "--store-endpoints", store.Endpoints);
        cluster.Start();

        await RunScriptsAsync(cluster);

        Assert.Contains("/registry/minions/hollow-1\n", store.Control("get", "/registry/minions/", "--prefix", "--keys-only").Output);
        Assert.Contains("/registry/services/specs/default/kubernetes\n", store.Control("get", "/registry/services/", "--prefix", "--keys-only").Output);
    }

    [Fact]
    public async Task The_scripts_pass_over_three_members_whose_leader_is_killed_again_and_again()
    {
        if (Lanes.IsFast)
            return; // Takes as long as the scripts do, and longer.
        using var store = StoreCluster.StartKvStore(3);
        using var cluster = new Cluster("three", "--hollow-nodes", "3", "--store-endpoints", store.Endpoints);
        cluster.Start();
        using var ending = new CancellationTokenSource();
        int kills = 0;
        var killing = Task.Run(async () =>
        {
            while (!ending.IsCancellationRequested)
            {
                int? killed = store.KillLeader();
                if (killed is not null)
                    kills++;
                await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(3), ending.Token));
                if (killed is { } member)
                    store.StartMember(member);
                await Task.WhenAny(Task.Delay(KillInterval - TimeSpan.FromSeconds(3), ending.Token));
            }
        });

        try
        {
            await RunScriptsAsync(cluster);
        }
        finally
        {
            await ending.CancelAsync();
            await killing;
        }

        Figures.Report($"scripts over three members: {kills} leaders killed meanwhile");
    }

    [Fact]
    public void Two_servers_on_one_store_serve_one_cluster_and_a_rollout_outlives_the_active_controller()
    {
        using var store = StoreCluster.StartKvStore(1);
        using var cluster = new Cluster("first", "--hollow-nodes", "3", "--hollow-ready-after", "500ms", "--store-endpoints", store.Endpoints);
        cluster.Start();
        string certificates = Path.Combine(cluster.Environment["ORCHESTRATOR_HOME"], "profiles", "first", "tls");
        string second = Path.Combine(cluster.Directory, "second.kubeconfig");
        using var server = StartServer(cluster,
            $"server --data-dir {cluster.Directory}/second --cert-dir {certificates} --https-listen-port 0 --store-endpoints {store.Endpoints} --write-kubeconfig {second}");
        try
        {
            Shell(cluster, $"until kubectl --kubeconfig {second} get --raw /readyz > /dev/null 2>&1; do sleep 0.2; done");
            Shell(cluster, "kubectl create deployment web --image=nginx:1 --replicas=6 && kubectl rollout status deployment/web --timeout=90s");
            Assert.Equal("6", Shell(cluster, $"kubectl --kubeconfig {second} get deployment web -o jsonpath='{{.status.readyReplicas}}'"));
            Shell(cluster, $"kubectl --kubeconfig {second} set image deployment/web nginx=nginx:2");

            // The first process, nodes and all, is gone at once; the controllers of the second take over.
            int first = int.Parse(File.ReadAllText(Path.Combine(certificates, "..", "server.pid")).Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
            using (var process = Process.GetProcessById(first))
            {
                process.Kill();
                process.WaitForExit();
            }
            Shell(cluster, $"until kubectl --kubeconfig {second} get lease -n kube-system kube-controller-manager -o jsonpath='{{.spec.holderIdentity}}' | grep -q \"_$(cat {cluster.Directory}/second/leader.id)_\"; do sleep 0.5; done");
            cluster.Start();
            Shell(cluster, "kubectl rollout status deployment/web --timeout=120s");
            // A rollout is complete while the last of the old pods still end.
            Shell(cluster, "until [ $(kubectl get pods -l app=web --no-headers | wc -l) = 6 ]; do sleep 0.2; done");

            Assert.Equal("nginx:2 nginx:2 nginx:2 nginx:2 nginx:2 nginx:2",
                Shell(cluster, "kubectl get pods -l app=web --field-selector status.phase=Running -o jsonpath='{.items[*].spec.containers[0].image}'"));
            Assert.Equal("2", Shell(cluster, "kubectl get replicasets -l app=web --no-headers | wc -l").Trim());
        }
        finally
        {
            server.Kill();
            server.WaitForExit();
        }
    }

    [Fact]
    public void Controllers_scheduler_and_nodes_run_as_processes_of_their_own_for_an_API_server()
    {
        using var cluster = new Cluster("apart");
        string certificates = Path.Combine(cluster.Directory, "tls");
        string kubeconfig = Path.Combine(cluster.Directory, "apart.kubeconfig");
        var server = StartServer(cluster,
            $"server --data-dir {cluster.Directory}/api --cert-dir {certificates} --https-listen-port 0 --disable controller-manager,scheduler --write-kubeconfig {kubeconfig}");
        var others = new List<Process>();
        try
        {
            Shell(cluster, $"until kubectl --kubeconfig {kubeconfig} get --raw /readyz > /dev/null 2>&1; do sleep 0.2; done");
            string url = Shell(cluster, $"kubectl --kubeconfig {kubeconfig} config view --minify -o jsonpath='{{.clusters[0].cluster.server}}'");
            string[] parts = ["--disable scheduler", "--disable controller-manager", "--disable controller-manager,scheduler --hollow-nodes 2"];
            for (int index = 0; index < parts.Length; index++)
                others.Add(StartServer(cluster, $"server --server {url} --cert-dir {certificates} --data-dir {cluster.Directory}/part{index} {parts[index]}"));

            Shell(cluster, $"until kubectl --kubeconfig {kubeconfig} create deployment web --image=nginx --replicas=4; do sleep 0.5; done");
            Shell(cluster, $"kubectl --kubeconfig {kubeconfig} rollout status deployment/web --timeout=90s");

            Assert.Contains("Linux", Shell(cluster, $"kubectl --kubeconfig {kubeconfig} exec deployment/web -- echo Linux"), StringComparison.Ordinal);
        }
        finally
        {
            foreach (var process in others.Prepend(server))
            {
                process.Kill();
                process.WaitForExit();
                process.Dispose();
            }
        }
    }

    private static async Task RunScriptsAsync(Cluster cluster)
    {
        var failures = new List<string>();
        foreach (string[] group in Lanes.IsLong ? ScriptPlaces.Groups() : [QuickScripts])
            failures.AddRange(await cluster.RunScriptsAsync(group, 33));
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static string Shell(Cluster cluster, string command)
    {
        (int exitCode, string output) = cluster.Shell(command);
        Assert.True(exitCode == 0, $"{command}\n{output}");
        return output;
    }

    private static Process StartServer(Cluster cluster, string arguments)
    {
        var start = new ProcessStartInfo("bash", ["-c", $"exec {Cluster.Program} {arguments} >> {cluster.Directory}/servers.log 2>&1"]);
        foreach ((string name, string value) in cluster.Environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
