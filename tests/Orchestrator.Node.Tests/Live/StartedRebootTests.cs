using System.Net;
using System.Net.Sockets;
using KvStore.Testing.Containers;

namespace Orchestrator.Node.Tests.Live;

/// <summary>A cluster that was started by one command and whose machine lost its power, all its processes, or what its containerd knows.</summary>
public sealed class StartedRebootTests
{
    private const string Objects = """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: { name: data }
        spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: web }
        spec:
          replicas: 2
          selector: { matchLabels: { app: web } }
          template:
            metadata: { labels: { app: web } }
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: main
                image: localhost/busybox:1
                imagePullPolicy: IfNotPresent
                command: [httpd, -f, -p, "8080", -h, /data]
                volumeMounts: [ { name: data, mountPath: /data } ]
              volumes: [ { name: data, persistentVolumeClaim: { claimName: data } } ]
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: web }
        spec: { type: NodePort, selector: { app: web }, ports: [ { port: 80, targetPort: 8080 } ] }
        ---
        apiVersion: v1
        kind: Pod
        metadata: { name: asker }
        spec:
          terminationGracePeriodSeconds: 0
          containers: [ { name: main, image: localhost/busybox:1, imagePullPolicy: IfNotPresent, command: [sleep, "3600"] } ]
        """;

    private const string Static = """
        apiVersion: v1
        kind: Pod
        metadata: { name: fixed }
        spec:
          terminationGracePeriodSeconds: 0
          containers: [ { name: main, image: localhost/busybox:1, imagePullPolicy: IfNotPresent, command: [sleep, "3600"] } ]
        """;

    private const string Leader = "kubectl get lease kube-controller-manager --namespace=kube-system -o jsonpath='{.spec.holderIdentity} {.spec.leaseTransitions}'";

    [LiveFact]
    public async Task After_a_reboot_one_start_brings_pods_data_services_and_names_back()
    {
        await using var cluster = new StartedCluster();
        StartAndFill(cluster);
        File.WriteAllText(Path.Combine(cluster.ProfileFolder, "pod-manifests", "fixed.yaml"), Static);
        await UntilAllRunAsync(cluster, 4);
        await UntilServedAsync(cluster);
        var before = Pods(cluster);
        Assert.Equal(4, TakenAddresses(cluster));
        string leader = cluster.Shell(Leader);

        cluster.Reboot();
        cluster.Orchestrator("start");
        // From then on nobody is sent to a pod that is of the machine's former life.
        Assert.DoesNotContain(Pods(cluster), pod => pod.Value.IsReady && pod.Value.Container == before[pod.Key].Container);
        await UntilAllRunAsync(cluster, 4, but: before);
        await UntilServedAsync(cluster);

        var after = Pods(cluster);
        Assert.Equal(before.Keys, after.Keys);
        Assert.All(after.Values, pod => Assert.Equal("1", pod.Restarts));
        Assert.Equal(4, TakenAddresses(cluster)); // Those of before are given back.
        Assert.Equal(leader, cluster.Shell(Leader)); // Nobody had to wait for the end of a dead leader's lease.
        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
    }

    [LiveFact]
    public async Task A_damaged_database_of_containerds_is_named_at_once_and_what_the_line_advises_helps()
    {
        await using var cluster = new StartedCluster();
        StartAndFill(cluster);
        await UntilAllRunAsync(cluster, 3);
        string root = Path.Combine(cluster.NodeFolder, "containerd");
        string database = Path.Combine(root, "io.containerd.metadata.v1.bolt", "meta.db"), snapshots = Path.Combine(root, "io.containerd.snapshotter.v1.overlayfs", "metadata.db");
        string log = $"(its log is {cluster.ProfileFolder}/logs/containerd.log)";

        // While it runs: what runs is left alone, and the log of the node has the line.
        cluster.Shell($"kill -9 {cluster.ContainerdId}; head -c 100000 /dev/urandom > {database}");
        await cluster.UntilAsync(
            $"{StartedCluster.Program} logs --length 10000 kubelet",
            output => output.Contains($"containerd cannot be started: {Advice(database, "invalid database", root)} {log}; it is tried again"), "the node's log says so");
        Assert.Equal("kept\n", cluster.Shell($"busybox wget -q -O - {Url(cluster)}/"));
        cluster.Orchestrator("stop");
        Assert.Empty(cluster.Left());

        // Garbage is refused when it is opened, a part when a page is missing, and that of containers' files when it is needed.
        Assert.Equal((1, $"orchestrator: containerd cannot run containers: {Advice(database, "invalid database", root)} {log}\n"), cluster.TryOrchestrator("start"));
        await FollowAdviceAsync(cluster, root);
        cluster.Orchestrator("stop");
        using (var file = File.OpenWrite(database))
            file.SetLength(16 << 10);
        string part = OneLine(cluster.TryOrchestrator("start"));
        Assert.StartsWith("orchestrator: containerd ", part); // Whether it ends or only refuses depends on the page.
        Assert.Contains($": its database {database} is damaged or of another format (", part);
        Assert.EndsWith($"{log}\n", part);
        await FollowAdviceAsync(cluster, root);
        cluster.Orchestrator("stop");
        File.WriteAllBytes(snapshots, new byte[100_000]);
        Assert.StartsWith($"orchestrator: containerd cannot run containers: its database {snapshots} is damaged or of another format (", OneLine(cluster.TryOrchestrator("start")));
        await FollowAdviceAsync(cluster, root);

        // A root that is none.
        cluster.Orchestrator("stop");
        cluster.Shell($"rm -r {root} && touch {root}");
        Assert.Equal($"orchestrator: containerd ends as soon as it is started: containerd: mkdir {root}: not a directory {log}\n", OneLine(cluster.TryOrchestrator("start")));

        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
    }

    [LiveFact]
    public async Task A_containerd_that_ends_once_or_is_slow_is_waited_for()
    {
        await using var cluster = new StartedCluster();
        string program = Path.Combine(Directory.CreateDirectory(Path.Combine(cluster.Folder, "bin")).FullName, "containerd");
        File.WriteAllText(program, $"""
            #!/bin/sh
            [ "$1" = --version ] && exec {RealContainerd.Program} --version
            if [ ! -e {cluster.Folder}/once ]; then touch {cluster.Folder}/once; echo not yet >&2; exit 1; fi
            sleep 4
            exec {RealContainerd.Program} "$@"
            """);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        string output = cluster.Shell($"PATH={cluster.Folder}/bin:$PATH {StartedCluster.Program} start {string.Join(' ', StartedCluster.Allowances(["start"]).Select(word => $"'{word}'"))}");

        Assert.Contains("1 node is Ready", output);
        Assert.Contains("containerd has ended and is started again", cluster.Shell($"{StartedCluster.Program} logs --length 10000 kubelet"));
        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
    }

    [LiveFact]
    public async Task What_is_killed_leaves_nothing_in_folders_that_are_the_machines()
    {
        await using var cluster = new StartedCluster();
        StartAndFill(cluster);
        await UntilAllRunAsync(cluster, 3);
        var before = Pods(cluster);
        IReadOnlyList<string> first = cluster.FilesOfShims();
        // Two containers of a pod, one shim.
        Assert.Equal((3, 6), (first.Count(IsSocket), first.Count(path => !IsSocket(path))));
        using var others = new DeadSocket();

        cluster.KillAll();
        Assert.DoesNotContain(first, path => !Path.Exists(path));
        cluster.Orchestrator("start");
        await UntilAllRunAsync(cluster, 3, but: before);
        Assert.DoesNotContain(first, path => IsSocket(path) && Path.Exists(path));
        IReadOnlyList<string> second = cluster.FilesOfShims();

        cluster.KillAll();
        Assert.DoesNotContain(second, path => !Path.Exists(path));
        cluster.Orchestrator("delete");

        Assert.DoesNotContain(first.Concat(second), Path.Exists);
        Assert.True(File.Exists(others.Path), "the socket of somebody else's shim is gone");
        Assert.Empty(cluster.Left());

        static bool IsSocket(string path) => path.StartsWith("/run/containerd/s/", StringComparison.Ordinal);
    }

    private static void StartAndFill(StartedCluster cluster)
    {
        cluster.Orchestrator("start");
        Import(cluster);
        File.WriteAllText(Path.Combine(cluster.Folder, "objects.yaml"), Objects);
        cluster.Shell($"kubectl apply -f {cluster.Folder}/objects.yaml && kubectl rollout status deployment/web --timeout=120s && kubectl wait pod/asker --for=condition=Ready --timeout=60s");
        cluster.Shell("kubectl exec deployment/web -- sh -c 'echo kept > /data/index.html'");
    }

    private static void Import(StartedCluster cluster)
    {
        string archive = Path.Combine(cluster.Folder, "busybox.tar");
        if (!File.Exists(archive))
            File.WriteAllBytes(archive, BusyboxImage.ToArchive());
        cluster.Orchestrator("image", "import", archive);
    }

    private static string Advice(string what, string reason, string root) =>
        $"its database {what} is damaged or of another format ({reason}): stop the cluster, remove the folder {root} and start the cluster again; "
        + "containers are then made anew and images pulled (what was imported has to be imported again), objects and the data of claims stay";

    private static async Task FollowAdviceAsync(StartedCluster cluster, string root)
    {
        cluster.Orchestrator("stop");
        Directory.Delete(root, recursive: true);
        cluster.Orchestrator("start");
        Import(cluster);
        await UntilServedAsync(cluster);
        await UntilAllRunAsync(cluster, 3);
    }

    private static string OneLine((int Code, string Output) said)
    {
        Assert.Equal((1, 1), (said.Code, said.Output.Count(letter => letter == '\n')));
        return said.Output;
    }

    private static string Url(StartedCluster cluster) => cluster.Orchestrator("service", "url", "web").Trim();

    /// <summary>From outside by the node's port, from a pod by the service's name.</summary>
    private static async Task UntilServedAsync(StartedCluster cluster)
    {
        await cluster.UntilAsync($"busybox wget -q -O - {Url(cluster)}/", output => output == "kept\n", "the service answers from outside");
        await cluster.UntilAsync("kubectl exec asker -- wget -q -O - http://web/", output => output == "kept\n", "the service answers by its name");
    }

    /// <param name="but">Whose containers are of an earlier life.</param>
    private static async Task UntilAllRunAsync(StartedCluster cluster, int count, SortedDictionary<string, (string Container, string Restarts, bool IsReady)>? but = null) =>
        await cluster.UntilAsync(
            ShowPods, output => Read(output) is var pods && pods.Count == count
                && pods.All(pod => pod.Value.IsReady && pod.Value.Container.Length > 0 && pod.Value.Container != but?.GetValueOrDefault(pod.Key).Container),
            "all pods run");

    private const string ShowPods =
        "kubectl get pods -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}'";

    private static SortedDictionary<string, (string Container, string Restarts, bool IsReady)> Pods(StartedCluster cluster) => Read(cluster.Shell(ShowPods));

    private static SortedDictionary<string, (string Container, string Restarts, bool IsReady)> Read(string output) => new(
        output.Split('\n').Select(line => line.Split(' ')).Where(words => words.Length == 4).ToDictionary(words => words[0], words => (words[1], words[2], words[3] == "True")), StringComparer.Ordinal);

    private static int TakenAddresses(StartedCluster cluster) =>
        Directory.GetFiles(Path.Combine(cluster.NodeFolder, "ipam"), "*", SearchOption.AllDirectories).Count(file => IPAddress.TryParse(Path.GetFileName(file), out _));

    /// <summary>As a shim of somebody else's containerd leaves it that was killed.</summary>
    private sealed class DeadSocket : IDisposable
    {
        public DeadSocket()
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint(Path + ".bound"));
            socket.Listen();
            File.Move(Path + ".bound", Path); // The name that is removed when it is closed is another then.
        }

        public string Path { get; } = "/run/containerd/s/" + System.Security.Cryptography.RandomNumberGenerator.GetHexString(64, lowercase: true);

        public void Dispose() => File.Delete(Path);
    }
}
