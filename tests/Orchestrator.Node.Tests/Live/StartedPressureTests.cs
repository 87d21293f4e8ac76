namespace Orchestrator.Node.Tests.Live;

/// <summary>A started cluster whose disk gets full.</summary>
public sealed class StartedPressureTests
{
    private const string DiskCondition = "kubectl get nodes -o jsonpath='{.items[0].status.conditions[?(@.type==\"DiskPressure\")].status}'";

    [LiveFact]
    public async Task The_pod_that_fills_the_disk_goes_and_the_node_takes_no_others()
    {
        await using var cluster = new StartedCluster();
        string home = Path.Combine(cluster.Folder, "home");
        Directory.CreateDirectory(home);
        cluster.Shell($"mount -t tmpfs -o size=1g tmpfs {home}");
        Assert.Equal(
            (1, "orchestrator: --eviction-hard: unsupported eviction signal \"disk.free\": there are memory.available, nodefs.available, nodefs.inodesFree, imagefs.available, imagefs.inodesFree, pid.available\n"),
            cluster.TryOrchestrator("start", "--eviction-hard", "disk.free<1Gi"));
        cluster.Orchestrator("start", "--eviction-hard", "nodefs.available<40%");
        string archive = Path.Combine(cluster.Folder, "shell.tar");
        File.WriteAllBytes(archive, KvStore.Testing.Containers.BusyboxImage.ToArchive());
        cluster.Orchestrator("image", "import", archive);
        Assert.Equal("False", cluster.Shell(DiskCondition));
        cluster.Shell($"kubectl run modest --image={RealContainerd.Busybox} -- sleep 1000 && kubectl wait pod/modest --for=condition=Ready --timeout=120s");
        cluster.Shell("""
            kubectl apply -f - <<'END'
            apiVersion: v1
            kind: Pod
            metadata: { name: greedy }
            spec:
              terminationGracePeriodSeconds: 600
              containers:
              - name: main
                image: IMAGE
                command: [sh, -c, 'trap "" TERM; dd if=/dev/zero of=/scratch/big bs=1M count=700; sleep 1000']
                volumeMounts: [{ name: scratch, mountPath: /scratch }]
              volumes: [{ name: scratch, emptyDir: {} }]
            END
            """.Replace("IMAGE", RealContainerd.Busybox));

        await cluster.UntilAsync("kubectl get pod greedy -o jsonpath={.status.phase}", output => output == "Failed", "the pod that fills the disk goes");
        string[] said = cluster.Shell("""
            kubectl get pod greedy -o jsonpath='{.status.reason}|{.status.message}|{.status.conditions[?(@.type=="DisruptionTarget")].reason}'
            """).Split('|');
        Assert.Equal(("Evicted", "TerminationByKubelet"), (said[0], said[2]));
        Assert.StartsWith("The node was low on resource: ephemeral-storage. Threshold quantity: ", said[1]);
        await cluster.UntilAsync(DiskCondition, output => output == "True", "the node says so");
        await cluster.UntilAsync(
            "kubectl get nodes -o jsonpath='{.items[0].spec.taints[*].key}'", output => output.Contains("node.kubernetes.io/disk-pressure"), "it has the taint");
        Assert.Equal("Running", cluster.Shell("kubectl get pod modest -o jsonpath={.status.phase}"));
        Assert.Contains("Attempting to reclaim ephemeral-storage", cluster.Shell("kubectl get events -A --field-selector reason=EvictionThresholdMet"));

        // Whoever comes past the scheduler is sent away by the node itself.
        cluster.Shell($"kubectl run late --image={RealContainerd.Busybox} --overrides='{{\"spec\":{{\"nodeName\":\"orchestrator\"}}}}' -- sleep 1000");
        Assert.Equal(
            "Evicted|Pod was rejected: The node had condition: [DiskPressure]. ",
            await cluster.UntilAsync("kubectl get pod late -o jsonpath='{.status.reason}|{.status.message}'", output => output != "|", "the node refuses it"));

        cluster.Orchestrator("delete");
        cluster.Shell($"umount {home}");
        Assert.Empty(cluster.Left());
    }
}
