using System.Diagnostics;
using KvStore.Testing.Containers;

namespace Orchestrator.Node.Tests.Live;

/// <summary><c>orchestrator start</c> on a machine with containerd: one command, and real programs run.</summary>
public sealed class StartTests
{
    private static readonly string Log = $"{StartedCluster.Program} logs --length 10000 kubelet";

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

        // Somebody who is not root.
        string theirs = $"orchestrator: {cluster.ProfileFolder} is another user's: run as root or as whoever started \"orchestrator\", or set ORCHESTRATOR_HOME to a directory of your own\n";
        foreach (string command in (string[])["start", "stop", "delete", "image ls", "status", "logs"])
            Assert.Equal((command, 1, theirs), Refused(command));

        // The cluster's process. The next one's containerd is one that can be broken.
        Kill(cluster.ProcessId);
        Assert.Equal("hello from the pod\n", FromNode(cluster, address));
        string program = Path.Combine(Directory.CreateDirectory(Path.Combine(cluster.Folder, "bin")).FullName, "containerd");
        WriteProgram(program, $"exec {RealContainerd.Program} \"$@\"");
        cluster.Shell($"PATH={cluster.Folder}/bin:$PATH {StartedCluster.Program} start");
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
        Assert.Equal(1, Said("containerd has ended and is started again; pods run on"));

        // containerd, and it does not start.
        WriteProgram(program, $"[ \"$1\" = --version ] && exec {RealContainerd.Program} --version; echo the disk is on fire >&2; exit 1");
        Kill(cluster.ContainerdId);
        await cluster.UntilAsync(Log, output => output.Contains("containerd cannot be started: the disk is on fire (its log is "), "why it does not start is told");
        Assert.Equal("hello from the pod\n", FromNode(cluster, address));
        WriteProgram(program, $"exec {RealContainerd.Program} \"$@\"");
        await cluster.UntilAsync("kubectl exec web -- echo back", output => output == "back\n", "containerd is back");
        Assert.Equal((started, "0"), Container(cluster));
        await cluster.UntilAsync(Log, output => output.Split("containerd answers again after ").Length == 3, "so it is told");
        Assert.Equal((2, 1), (Said("containerd has ended and is started again"), Said("containerd cannot be started")));

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

        (string, int, string) Refused(string command)
        {
            var (code, output) = cluster.TryOrchestratorAsNobody(cluster.Home, command.Split(' '));
            return (command, code, output);
        }

        int Said(string words) => cluster.Shell(Log).Split(words).Length - 1;
    }

    [LiveFact]
    public async Task Stale_data_is_a_cluster_again_whether_a_whole_profile_was_copied_or_a_store_from_elsewhere()
    {
        await using var old = new StartedCluster();
        await using var cluster = new StartedCluster();
        old.Orchestrator("start");
        File.WriteAllBytes(Path.Combine(old.Folder, "busybox.tar"), BusyboxImage.ToArchive());
        old.Orchestrator("image", "import", Path.Combine(old.Folder, "busybox.tar"));
        old.Shell($"kubectl create configmap kept && kubectl create deployment web --image={RealContainerd.Busybox} -- {Serve} && kubectl rollout status deployment/web --timeout=120s");
        old.Orchestrator("stop");
        cluster.Orchestrator("start");
        cluster.Orchestrator("stop");

        // The other cluster's objects, with this one's authorities and without its images.
        string store = Path.Combine(cluster.ProfileFolder, "store");
        Directory.Delete(store, recursive: true);
        cluster.Shell($"cp -a {old.ProfileFolder}/store {store}");
        Assert.Contains("1 node is Ready", cluster.Orchestrator("start"));
        cluster.Shell("kubectl get configmap kept");
        Assert.Equal(
            File.ReadAllText(Path.Combine(cluster.ProfileFolder, "tls", "server-ca.crt")).Trim(),
            cluster.Shell("kubectl get configmap kube-root-ca.crt -o jsonpath='{.data.ca\\.crt}'").Trim());
        cluster.Orchestrator("image", "import", Path.Combine(old.Folder, "busybox.tar"));
        await cluster.UntilAsync("kubectl exec deployment/web -- cat /www/index.html", output => output == BusyboxImage.Page, "its pod runs here");
        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());

        // Everything, below another folder.
        cluster.Shell($"cp -a {old.ProfileFolder} {Path.GetDirectoryName(cluster.ProfileFolder)}");
        Assert.Contains("1 node is Ready", cluster.Orchestrator("start"));
        cluster.Shell("kubectl get configmap kept");
        await cluster.UntilAsync("kubectl exec deployment/web -- cat /www/index.html", output => output == BusyboxImage.Page, "its pod runs here");
        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
        old.Orchestrator("delete");
        Assert.Empty(old.Left());
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

    [LiveFact]
    public async Task Without_root_one_line_says_what_to_do_and_nothing_is_left()
    {
        await using var cluster = new StartedCluster();
        string home = Directory.CreateDirectory(Path.Combine(cluster.Folder, "nobody")).FullName;
        cluster.Shell($"chown 65534:65534 {home}");
        const string Problem = "namespaces, mounts and cgroups are made by root only: run it as root";

        Assert.Equal(
            (1, $"orchestrator: this machine cannot run containers: {Problem}; or start nodes whose containers are pretended: --hollow-nodes N\n"),
            cluster.TryOrchestratorAsNobody(home, "start"));
        Assert.Equal(
            (1, $"orchestrator: this machine cannot run containers: {Problem}\n"),
            cluster.TryOrchestratorAsNobody(home, "agent", "--server", "https://192.0.2.1:6443"));
        var (code, output) = cluster.TryOrchestratorAsNobody(home, "doctor");
        Assert.Equal(1, code);
        Assert.Contains($"[!!] containers can run: {Problem}\n", output);
        Assert.All(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(@"^\[(ok|!!)\] ", line));

        Assert.Empty(Directory.EnumerateFileSystemEntries(home));
        Assert.Empty(cluster.Left());
    }

    private static void WriteProgram(string file, string line)
    {
        File.WriteAllText(file + ".new", $"#!/bin/sh\n{line}\n");
        File.SetUnixFileMode(file + ".new", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.Move(file + ".new", file, overwrite: true); // A program that runs cannot be written to.
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
