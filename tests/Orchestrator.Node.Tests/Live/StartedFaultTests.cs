using System.Diagnostics;
using KvStore.Crash.Tests.Disks;
using KvStore.Testing.Containers;

namespace Orchestrator.Node.Tests.Live;

/// <summary>What users of a cluster that was started by one command notice of updates, and of a store whose disk is full or loses its power.</summary>
public sealed class StartedFaultTests
{
    private const long DiskSize = 1L << 30;

    /// <summary>A server that ends at once when it is told to. Its hook is a careful user's, who lets an old pod serve for as long as somebody may
    /// still be sent to it.</summary>
    private const string Objects = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: web }
        spec:
          replicas: 3
          selector: { matchLabels: { app: web } }
          template:
            metadata: { labels: { app: web } }
            spec:
              terminationGracePeriodSeconds: 3
              containers:
              - name: main
                image: localhost/busybox:1
                imagePullPolicy: IfNotPresent
                command: [sh, -c, "httpd -f -p 8080 -h /www & trap 'kill $!; exit' TERM; wait"]
                readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1 }
                lifecycle: { preStop: { sleep: { seconds: 2 } } }
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: web }
        spec: { type: NodePort, selector: { app: web }, ports: [ { port: 80, targetPort: 8080 } ] }
        ---
        apiVersion: v1
        kind: Pod
        metadata: { name: witness }
        spec:
          containers: [ { name: main, image: localhost/busybox:1, imagePullPolicy: IfNotPresent, command: [sleep, "3600"] } ]
        """;

    [LiveFact]
    public async Task An_update_costs_no_request_and_a_disk_that_is_full_or_without_power_nothing_that_was_acknowledged()
    {
        using var disk = new LoopDisk(DiskSize);
        await using var cluster = new StartedCluster();
        string store = Directory.CreateDirectory(disk.At("store")).FullName;
        Directory.CreateDirectory(cluster.ProfileFolder);
        Directory.CreateSymbolicLink(Path.Combine(cluster.ProfileFolder, "store"), store);
        cluster.Orchestrator("start");
        string archive = Path.Combine(cluster.Folder, "busybox.tar");
        File.WriteAllBytes(archive, BusyboxImage.ToArchive());
        cluster.Orchestrator("image", "import", archive);
        File.WriteAllText(Path.Combine(cluster.Folder, "objects.yaml"), Objects);
        cluster.Shell($"kubectl apply -f {cluster.Folder}/objects.yaml && kubectl rollout status deployment/web --timeout=120s && kubectl wait pod/witness --for=condition=Ready --timeout=60s");
        string url = cluster.Orchestrator("service", "url", "web").Trim();
        await cluster.UntilAsync($"busybox wget -q -O - {url}/", output => output == BusyboxImage.Page, "the service answers");

        AssertNoneFails(cluster, url, "kubectl rollout restart deployment/web");
        // Without the hook the node sees to that.
        AssertNoneFails(cluster, url, """kubectl patch deployment/web --type=json -p '[{"op":"remove","path":"/spec/template/spec/containers/0/lifecycle"}]'""");
        AssertNoneFails(cluster, url, "kubectl rollout restart deployment/web");

        // The disk is full: what was acknowledged is read, what is refused says why, and nothing has to be started anew once there is room.
        string containers = Containers(cluster);
        int server = cluster.ProcessId;
        string filler = disk.At("filler");
        cluster.Shell($"kubectl create namespace big; cat /dev/zero > {filler} 2> /dev/null || true");
        // The log goes on in the room that it has set aside.
        WriteBigObjects(Path.Combine(cluster.Folder, "big.json"));
        string refused = await cluster.UntilAsync(
            $"kubectl create -f {cluster.Folder}/big.json --validate=false --request-timeout=30s | tee -a {cluster.Folder}/big", output => output.Contains("database space exceeded"), "a write is refused");
        Assert.Contains("etcdserver: mvcc: database space exceeded: the store's disk or its quota is full, and writes are refused until there is room", refused);
        string[] made = [.. File.ReadLines(Path.Combine(cluster.Folder, "big")).Where(line => line.EndsWith(" created", StringComparison.Ordinal)).Select(line => line.Split('/', ' ')[1]).Order(StringComparer.Ordinal)];
        Assert.Superset(made.ToHashSet(), BigObjects(cluster));
        Assert.Equal(BusyboxImage.Page, cluster.Shell($"busybox wget -q -O - {url}/"));
        await cluster.UntilAsync($"{StartedCluster.Program} logs --length 10000 server", output => output.Contains("and 64 are needed. Reads go on, and so do pods; writes are refused until there is room"), "it is told");
        File.Delete(filler);
        cluster.Shell($"sync --file-system {store}"); // Or else it is there again when the disk has lost its power.
        await cluster.UntilAsync("kubectl create configmap after --request-timeout=5s", output => output == "configmap/after created\n", "writes are taken again");
        Assert.Superset(made.ToHashSet(), BigObjects(cluster));
        Assert.Equal((server, containers), (cluster.ProcessId, Containers(cluster)));
        cluster.Shell("kubectl delete namespace big --wait=false");

        // The disk loses its power while objects are made.
        using var making = cluster.Background($"for i in $(seq 1000); do kubectl create configmap made-$i --request-timeout=5s > /dev/null && echo made-$i >> {cluster.Folder}/made; done");
        await cluster.UntilAsync($"wc -l < {cluster.Folder}/made", output => int.TryParse(output, out int count) && count >= 5, "objects are made");
        disk.CutPower();
        await cluster.UntilAsync("kubectl create configmap later --request-timeout=2s > /dev/null && echo made || echo failed", output => output.EndsWith("failed\n", StringComparison.Ordinal), "nothing more is acknowledged");
        making.Kill(entireProcessTree: true);
        await making.WaitForExitAsync();
        await cluster.UntilAsync($"kill -0 {server} 2> /dev/null && echo serves || echo ended", output => output == "ended\n", "a server whose store is lost ends");
        // A container that is just being made anywhere on the machine still has the disk as it was; then that is what is mounted again.
        long restarted = Stopwatch.GetTimestamp();
        do
            disk.Restart();
        while (cluster.TryShell($"cat {store}/format").Code != 0 && Stopwatch.GetElapsedTime(restarted) < TimeSpan.FromSeconds(60));
        cluster.Orchestrator("start");

        string[] there = cluster.Shell("kubectl get configmaps -o name").Split('\n');
        Assert.DoesNotContain(File.ReadAllLines(Path.Combine(cluster.Folder, "made")), name => !there.Contains("configmap/" + name));
        Assert.Equal(containers, Containers(cluster));
        Assert.Equal("still here\n", cluster.Shell("kubectl exec witness -- echo still here"));
        Assert.Equal(BusyboxImage.Page, cluster.Shell($"busybox wget -q -O - {url}/"));
        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
    }

    [LiveFact]
    public async Task A_start_that_ends_for_want_of_room_says_so()
    {
        using var disk = new LoopDisk(80L << 20);
        await using var cluster = new StartedCluster();
        Directory.CreateSymbolicLink(Path.Combine(cluster.Folder, "home"), disk.Path);

        var (code, output) = cluster.TryOrchestrator("start");

        Assert.Equal(1, code);
        Assert.StartsWith("orchestrator: ", output);
        Assert.Contains($"MiB are free below {cluster.Folder}/home", output);
        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
    }

    /// <summary>Requests go on from before an update's first new pod to after its last old one.</summary>
    private static void AssertNoneFails(StartedCluster cluster, string url, string update)
    {
        string[] lines = cluster.Shell($$"""
            before=$(kubectl get pods -l app=web -o name | sort)
            rm -f {{cluster.Folder}}/updated
            ask() { while [ ! -e {{cluster.Folder}}/updated ]; do busybox wget -q -O /dev/null {{url}}/ && echo served || echo failed; done; }
            ask > {{cluster.Folder}}/first & ask > {{cluster.Folder}}/second & asking=$(jobs -p)
            {{update}} > /dev/null && kubectl rollout status deployment/web --timeout=120s > /dev/null
            for pod in $before; do kubectl wait $pod --for=delete --timeout=60s > /dev/null; done
            touch {{cluster.Folder}}/updated; wait $asking
            cat {{cluster.Folder}}/first {{cluster.Folder}}/second
            """).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.DoesNotContain(lines, line => line != "served");
        Assert.True(lines.Length > 20, $"only {lines.Length} requests were made");
    }

    /// <summary>Of a size that fills a log quickly; each time they have other names.</summary>
    private static void WriteBigObjects(string file)
    {
        const int Count = 12, Letters = 900_000;
        var items = Enumerable.Range(0, Count).Select(_ =>
            $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"big-","namespace":"big"},"data":{"a":"{{{System.Security.Cryptography.RandomNumberGenerator.GetHexString(Letters)}}}"}}""");
        File.WriteAllText(file, $$"""{"apiVersion":"v1","kind":"List","items":[{{string.Join(',', items)}}]}""");
    }

    private static HashSet<string> BigObjects(StartedCluster cluster) =>
        [.. cluster.Shell("kubectl get configmaps --namespace=big --no-headers | cut -d' ' -f1").Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    private static string Containers(StartedCluster cluster) => cluster.Shell(
        "kubectl get pods --sort-by=.metadata.name -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{\"\\n\"}{end}'");
}
