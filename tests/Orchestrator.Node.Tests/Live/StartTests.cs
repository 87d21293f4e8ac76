using System.Diagnostics;
using KvStore.Testing.Containers;

namespace Orchestrator.Node.Tests.Live;

/// <summary><c>orchestrator start</c> on a machine with containerd: one command, and real programs run.</summary>
public sealed class StartTests
{
    private const string Serve = "sh -c 'httpd -f -p 8080 -h /www'";

    [LiveFact]
    public async Task One_command_runs_real_programs_they_outlive_whatever_is_killed_and_delete_leaves_nothing()
    {
        await using var cluster = new StartedCluster();

        string manifests = Directory.CreateDirectory(Path.Combine(cluster.Folder, "manifests")).FullName;
        File.WriteAllText(Path.Combine(manifests, "greeting.yaml"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: greeting}, data: {say: hi}}");

        Assert.Contains("1 node is Ready", cluster.Orchestrator("start", "--manifests", manifests));
        Assert.Equal("hi", cluster.Shell("kubectl get configmap greeting -o jsonpath={.data.say}"));
        File.WriteAllBytes(Path.Combine(cluster.Folder, "busybox.tar"), BusyboxImage.ToArchive());
        Assert.Equal(RealContainerd.Busybox + "\n", cluster.Orchestrator("image", "import", Path.Combine(cluster.Folder, "busybox.tar")));
        Assert.Contains(RealContainerd.Busybox, cluster.Orchestrator("image", "ls"));
        Assert.Equal(
            "orchestrator: kubeconfig is no archive of images: it is not a tar file\n", cluster.TryOrchestrator("image", "import", "kubeconfig").Output);
        cluster.Shell($"kubectl run web --image={RealContainerd.Busybox} -- {Serve} && kubectl wait pod/web --for=condition=Ready --timeout=120s");
        string address = cluster.Shell("kubectl get pod web -o jsonpath={.status.podIP}");
        string started = cluster.Shell("kubectl get pod web -o jsonpath={.status.containerStatuses[0].containerID}");
        Assert.Equal("hello from the pod\n", cluster.Shell("kubectl exec web -- wget -q -O - http://localhost:8080/"));
        Assert.Equal("orchestrator   Ready\n", cluster.Shell("kubectl get nodes --no-headers | cut -c1-20"));

        // A service, by its address, its name and the node's port.
        cluster.Shell("kubectl expose pod web --type=NodePort --port=80 --target-port=8080");
        string service = cluster.Shell("kubectl get service web -o jsonpath={.spec.clusterIP}");
        // By nc, which has a time limit: that of a static busybox's wget crashes it.
        await cluster.UntilAsync($"kubectl exec web -- sh -c \"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 {service} 80 | tail -1\"", output => output == "hello from the pod\n", "the service answers");
        string url = cluster.Orchestrator("service", "url", "web").Trim();
        Assert.Equal("hello from the pod\n", cluster.Shell($"busybox wget -q -O - {url}/"));
        Assert.Contains($"Address: {service}", cluster.Shell("kubectl exec web -- nslookup web.default.svc.cluster.local"));

        // A pod that the node's folder asks for.
        string file = WriteStatic(cluster, "one");
        await cluster.UntilAsync("kubectl get pod fixed-orchestrator", output => output.Contains("1/1"), "the mirror is ready");
        Assert.Equal("Node/orchestrator file", cluster.Shell(
            "kubectl get pod fixed-orchestrator -o jsonpath='{.metadata.ownerReferences[0].kind}/{.spec.nodeName} {.metadata.annotations.kubernetes\\.io/config\\.source}'"));
        Assert.Equal("one\n", cluster.Shell("kubectl logs fixed-orchestrator"));
        Assert.Equal("one\n", cluster.Shell("kubectl exec fixed-orchestrator -- cat /tmp/word"));
        string staticContainer = Container(cluster, "fixed-orchestrator").Id;
        string drained = cluster.Shell("kubectl drain orchestrator --force --dry-run=client");
        Assert.Contains("evicting pod default/web (dry run)", drained);
        Assert.DoesNotContain("fixed", drained);
        string mirror = cluster.Shell("kubectl get pod fixed-orchestrator -o jsonpath={.metadata.uid}");
        cluster.Shell("kubectl delete pod fixed-orchestrator --wait=false");
        await cluster.UntilAsync(
            "kubectl get pod fixed-orchestrator -o jsonpath='{.metadata.uid} {.status.containerStatuses[0].containerID}'",
            output => output.EndsWith(' ' + staticContainer) && !output.StartsWith(mirror), "the mirror is another, the container the same");
        await cluster.UntilAsync("kubectl describe pod fixed-orchestrator", output => output.Contains("Started container main"), "its events are shown");

        // The cluster's process.
        Kill(cluster.ProcessId);
        Assert.Equal("hello from the pod\n", FromNode(cluster, address));
        cluster.Orchestrator("start");
        Assert.Equal((started, "0"), Container(cluster));
        Assert.Equal((staticContainer, "0"), Container(cluster, "fixed-orchestrator"));

        // Another manifest, another pod; none, none.
        WriteStatic(cluster, "two");
        await cluster.UntilAsync("kubectl logs fixed-orchestrator", output => output == "two\n", "the pod is another");
        File.Delete(file);
        await cluster.UntilAsync("kubectl get pod fixed-orchestrator --ignore-not-found -o name", output => output.Length == 0, "the mirror is gone");
        Assert.DoesNotContain("fixed", KvStore.Testing.Linux.Tools.Run("ctr", "-a", cluster.Socket, "-n", "k8s.io", "containers", "list"));

        // containerd.
        int containerd = cluster.ContainerdId;
        Kill(containerd);
        Assert.Equal("hello from the pod\n", FromNode(cluster, address));
        await cluster.UntilAsync("kubectl exec web -- echo back", output => output == "back\n", "containerd is back");
        Assert.NotEqual(containerd, cluster.ContainerdId);
        Assert.Equal((started, "0"), Container(cluster));

        // The program itself.
        KvStore.Testing.Linux.Tools.Run("ctr", "-a", cluster.Socket, "-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL", started["containerd://".Length..]);
        await cluster.UntilAsync("kubectl get pod web -o jsonpath={.status.containerStatuses[0].restartCount}", output => output == "1", "it is restarted");

        // Stopped and started, it is the same pod with a new container.
        string uid = cluster.Shell("kubectl get pod web -o jsonpath={.metadata.uid}");
        Assert.Contains("is stopped", cluster.Orchestrator("stop"));
        Assert.Empty(cluster.Left());
        cluster.Orchestrator("start");
        await cluster.UntilAsync("kubectl exec web -- wget -q -O - http://localhost:8080/", output => output == "hello from the pod\n", "the pod is back");
        Assert.Equal(uid, cluster.Shell("kubectl get pod web -o jsonpath={.metadata.uid}"));

        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
        Assert.False(Directory.Exists(cluster.NodeFolder));
    }

    [LiveFact]
    public async Task What_a_machine_lacks_is_named_with_the_command_that_brings_it()
    {
        await using var cluster = new StartedCluster();

        // The administrator's programs are found without PATH.
        var (code, output) = cluster.TryShell($"PATH=/nowhere {StartedCluster.Program} start");

        Assert.Equal(1, code);
        Assert.Equal(
            "orchestrator: this machine cannot run containers: containerd, nsenter, mount, setsid are missing: "
                + "apt-get install containerd util-linux mount; or start nodes whose containers are pretended: --hollow-nodes N\n",
            output);
        Assert.Empty(cluster.Left());
    }

    private static void Kill(int id)
    {
        using var process = Process.GetProcessById(id);
        process.Kill();
        process.WaitForExit();
    }

    /// <summary>A static pod that says a word, in a file that is there at once.</summary>
    private static string WriteStatic(StartedCluster cluster, string word)
    {
        string folder = Path.Combine(cluster.Folder, "home", "profiles", "orchestrator", "pod-manifests");
        File.WriteAllText(Path.Combine(folder, ".fixed"), $$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: fixed }
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - { name: main, image: "{{RealContainerd.Busybox}}", command: [sh, -c, "echo {{word}} | tee /tmp/word; httpd -f -p 8080 -h /www"], ports: [ { containerPort: 8080, hostPort: 8088 } ] }
            """);
        string file = Path.Combine(folder, "fixed.yaml");
        File.Move(Path.Combine(folder, ".fixed"), file, overwrite: true);
        return file;
    }

    private static (string Id, string Restarts) Container(StartedCluster cluster, string pod = "web")
    {
        string[] words = cluster.Shell(
            $"kubectl get pod {pod} -o jsonpath='{{.status.containerStatuses[0].containerID}} {{.status.containerStatuses[0].restartCount}}'").Split(' ');
        return (words[0], words[1]);
    }

    /// <summary>Asks the pod from its node, whoever of the cluster lives.</summary>
    private static string FromNode(StartedCluster cluster, string address) =>
        KvStore.Testing.Linux.Tools.Run("nsenter", "--net=" + cluster.NodeNamespace, "busybox", "wget", "-q", "-O", "-", $"http://{address}:8080/");
}
