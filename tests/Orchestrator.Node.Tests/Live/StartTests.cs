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

        // The cluster's process.
        Kill(cluster.ProcessId);
        Assert.Equal("hello from the pod\n", FromNode(cluster, address));
        cluster.Orchestrator("start");
        Assert.Equal((started, "0"), Container(cluster));

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

    private static (string Id, string Restarts) Container(StartedCluster cluster)
    {
        string[] words = cluster.Shell("kubectl get pod web -o jsonpath='{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}'").Split(' ');
        return (words[0], words[1]);
    }

    /// <summary>Asks the pod from its node, whoever of the cluster lives.</summary>
    private static string FromNode(StartedCluster cluster, string address) =>
        KvStore.Testing.Linux.Tools.Run("nsenter", "--net=" + cluster.NodeNamespace, "busybox", "wget", "-q", "-O", "-", $"http://{address}:8080/");
}
