using KvStore.Testing.Containers;

namespace Orchestrator.Node.Tests.Live;

/// <summary>Claims of a cluster that was started by one command: their data lies in folders of the node, for as long as they are to.</summary>
public sealed class StartedClaimTests
{
    private const string Objects = """
        apiVersion: storage.k8s.io/v1
        kind: StorageClass
        metadata: { name: kept }
        provisioner: orchestrator.io/local-path
        reclaimPolicy: Retain
        volumeBindingMode: WaitForFirstConsumer
        ---
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: { name: data }
        spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
        ---
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: { name: keep }
        spec: { storageClassName: kept, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
        ---
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: { name: db }
        spec:
          serviceName: db
          replicas: 1
          selector: { matchLabels: { app: db } }
          template:
            metadata: { labels: { app: db } }
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - { name: main, image: localhost/busybox:1, imagePullPolicy: IfNotPresent, command: [sh, -c, "trap 'exit 0' TERM; sleep 1000 & wait"], volumeMounts: [ { name: www, mountPath: /www } ] }
          volumeClaimTemplates:
          - metadata: { name: www }
            spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
        """;

    [LiveFact]
    public async Task Data_outlives_pods_and_stops_and_goes_with_its_claim_unless_it_is_to_be_kept()
    {
        await using var cluster = new StartedCluster();
        cluster.Orchestrator("start");
        File.WriteAllBytes(Path.Combine(cluster.Folder, "busybox.tar"), BusyboxImage.ToArchive());
        KvStore.Testing.Linux.Tools.Run("ctr", "-a", cluster.Socket, "-n", "k8s.io", "images", "import", Path.Combine(cluster.Folder, "busybox.tar"));
        File.WriteAllText(Path.Combine(cluster.Folder, "objects.yaml"), Objects);
        WritePod(cluster, "writer");
        WritePod(cluster, "reader");

        // Made where the first pod runs, and found again by the next.
        cluster.Shell($"kubectl apply -f {cluster.Folder}/objects.yaml -f {cluster.Folder}/writer.yaml && kubectl wait pod/writer --for=condition=Ready --timeout=120s");
        cluster.Shell("kubectl exec writer -- sh -c 'echo one > /data/file; echo two > /keep/file' && kubectl delete pod writer --timeout=60s");
        cluster.Shell($"kubectl apply -f {cluster.Folder}/reader.yaml && kubectl wait pod/reader --for=condition=Ready --timeout=120s");
        Assert.Equal("one\ntwo\n", cluster.Shell("kubectl exec reader -- cat /data/file /keep/file"));
        string data = FolderOf(cluster, "data"), keep = FolderOf(cluster, "keep");
        Assert.Equal((cluster.NodeFolder + "/volumes", "one\n"), (Path.GetDirectoryName(data), File.ReadAllText(data + "/file")));

        // A set's claim comes back to the same ordinal.
        cluster.Shell("kubectl rollout status sts/db --timeout=120s && kubectl exec db-0 -- sh -c 'echo zero > /www/file'");
        string first = cluster.Shell("kubectl get pod db-0 -o jsonpath={.metadata.uid}");
        cluster.Shell("kubectl delete pod db-0 --timeout=60s");
        await cluster.UntilAsync("kubectl exec db-0 -- cat /www/file", output => output == "zero\n", "the set's pod has its claim again");
        Assert.NotEqual(first, cluster.Shell("kubectl get pod db-0 -o jsonpath={.metadata.uid}"));

        // A stop keeps it all.
        cluster.Orchestrator("stop");
        Assert.Empty(cluster.Left());
        Assert.Equal("one\n", File.ReadAllText(data + "/file"));
        cluster.Orchestrator("start");
        await cluster.UntilAsync("kubectl exec reader -- cat /data/file /keep/file", output => output == "one\ntwo\n", "the pod has its data again");
        await cluster.UntilAsync("kubectl exec db-0 -- cat /www/file", output => output == "zero\n", "the set has its data again");

        // A claim in use stays; then it goes with its volume and its folder, or its volume is released.
        cluster.Shell("kubectl delete pvc data keep --wait=false");
        Assert.Equal("one\n", cluster.Shell("kubectl exec reader -- cat /data/file"));
        cluster.Shell("kubectl delete pod reader --timeout=60s && kubectl wait pvc/data pvc/keep --for=delete --timeout=60s");
        await cluster.UntilAsync("kubectl get pv -o jsonpath='{.items[*].spec.claimRef.name}'", output => !output.Contains("data", StringComparison.Ordinal), "the volume is gone");
        Assert.False(Directory.Exists(data));
        await cluster.UntilAsync("kubectl get pv -o jsonpath='{.items[?(@.spec.claimRef.name==\"keep\")].status.phase}'", output => output == "Released", "it is released");
        cluster.Shell("kubectl delete pv $(kubectl get pv -o jsonpath='{.items[?(@.spec.claimRef.name==\"keep\")].metadata.name}') --timeout=60s");
        Assert.Equal("two\n", File.ReadAllText(keep + "/file"));

        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
        Assert.False(Directory.Exists(cluster.NodeFolder));
    }

    private static string FolderOf(StartedCluster cluster, string claim) =>
        cluster.Shell($"kubectl get pv $(kubectl get pvc {claim} -o jsonpath={{.spec.volumeName}}) -o jsonpath={{.spec.local.path}}");

    private static void WritePod(StartedCluster cluster, string name) => File.WriteAllText(Path.Combine(cluster.Folder, name + ".yaml"), $$"""
        apiVersion: v1
        kind: Pod
        metadata: { name: {{name}} }
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: main
            image: localhost/busybox:1
            imagePullPolicy: IfNotPresent
            command: [sh, -c, "trap 'exit 0' TERM; sleep 1000 & wait"]
            volumeMounts: [ { name: data, mountPath: /data }, { name: keep, mountPath: /keep } ]
          volumes:
          - { name: data, persistentVolumeClaim: { claimName: data } }
          - { name: keep, persistentVolumeClaim: { claimName: keep } }
        """);
}
