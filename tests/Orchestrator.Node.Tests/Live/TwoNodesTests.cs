namespace Orchestrator.Node.Tests.Live;

/// <summary>A cluster of two machines: one starts it, the other joins, and dies.</summary>
public sealed class TwoNodesTests
{
    private const string Pods = """
        apiVersion: v1
        kind: Pod
        metadata: { name: here, labels: { app: here } }
        spec:
          nodeName: one
          terminationGracePeriodSeconds: 1
          containers: [ { name: main, image: localhost/busybox:1, imagePullPolicy: IfNotPresent, command: [sh, -c, "echo here; httpd -f -p 8080 -h /www"] } ]
        ---
        apiVersion: v1
        kind: Pod
        metadata: { name: there, labels: { app: there } }
        spec:
          nodeSelector: { kubernetes.io/hostname: two }
          terminationGracePeriodSeconds: 1
          containers: [ { name: main, image: localhost/busybox:1, imagePullPolicy: IfNotPresent, command: [sh, -c, "echo there; httpd -f -p 8080 -h /www"], ports: [ { containerPort: 8080, hostPort: 8081 } ], volumeMounts: [ { name: data, mountPath: /data } ] } ]
          volumes: [ { name: data, persistentVolumeClaim: { claimName: data } } ]
        ---
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: { name: data }
        spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: web }
        spec:
          replicas: 1
          selector: { matchLabels: { app: web } }
          template:
            metadata: { labels: { app: web } }
            spec:
              terminationGracePeriodSeconds: 1
              affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [ { weight: 100, preference: { matchExpressions: [ { key: kubernetes.io/hostname, operator: In, values: [two] } ] } } ] } }
              containers: [ { name: main, image: localhost/busybox:1, imagePullPolicy: IfNotPresent, command: [sh, -c, "httpd -f -p 8080 -h /www"] } ]
        """;

    private const string StaticPod = """
        apiVersion: v1
        kind: Pod
        metadata: { name: alone }
        spec:
          terminationGracePeriodSeconds: 1
          containers: [ { name: main, image: localhost/busybox:1, command: [sh, -c, "echo alone; sleep 1000000"] } ]
        """;

    private static readonly string[] Times =
    [
        "--node-monitor-period", "1s", "--node-monitor-grace-period", "20s", "--default-not-ready-toleration-seconds", "1",
        "--default-unreachable-toleration-seconds", "1", "--node-lease-duration", "8s", "--node-eviction-rate", "10",
    ];

    [LiveFact]
    public async Task A_second_machine_joins_and_when_it_dies_its_pods_are_replaced()
    {
        await using var machines = new TwoMachines();
        machines.Orchestrator("first", ["start", "--node-network", "host", "--node-name", "one", .. Times]);
        string token = machines.Orchestrator("first", "token", "create").Trim();
        string server = $"https://{TwoMachines.FirstAddress}:6443";

        // Who must not join is told why, in one line.
        Refused(machines, "is not the cluster that the token is for: its authority's certificate has the hash", server, "two", token[..3] + new string('0', 64) + token[67..]);
        Refused(machines, "does not take the token", server, "two", token[..^16] + "aaaaaaaaaaaaaaaa");
        Refused(machines, "the cluster has a node \"one\" that is Ready", server, "one", token);

        var agent = machines.StartAgent("--server", server, "--token", token, "--node-name", "two", "--node-lease-duration", "8s");
        await machines.UntilAsync("kubectl get node two -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status} {.status.addresses[0].address}'",
            output => output == $"True {TwoMachines.SecondAddress}", "the second node is Ready");
        machines.ImportBusybox("first");
        machines.ImportBusybox("second");
        File.WriteAllText(Path.Combine(machines.Folder, "pods.yaml"), Pods);
        machines.Shell($"kubectl apply -f {machines.Folder}/pods.yaml && kubectl wait pod/here pod/there --for=condition=Ready --timeout=60s && kubectl rollout status deployment/web --timeout=60s");
        Assert.Equal("two", machines.Shell("kubectl get pod -l app=web -o jsonpath={.items[0].spec.nodeName}"));

        // Pods of both talk to each other, to services of the other, and have names answered on their own node.
        string here = machines.Shell("kubectl get pod here -o jsonpath={.status.podIP}"), there = machines.Shell("kubectl get pod there -o jsonpath={.status.podIP}");
        Assert.NotEqual(here.Split('.')[2], there.Split('.')[2]);
        machines.Shell("kubectl expose pod here --port=80 --target-port=8080 && kubectl expose pod there --port=80 --target-port=8080");
        foreach (var (from, to) in (ReadOnlySpan<(string, string)>)[("here", there + ":8080"), ("there", here + ":8080"), ("here", "there.default.svc.cluster.local"), ("there", "here.default.svc.cluster.local")])
            machines.UntilAsync($"kubectl exec {from} -- wget -q -O - http://{to}/", output => output == "hello from the pod\n", $"{from} reaches {to}").Wait();

        await machines.UntilAsync($"busybox wget -q -O - http://{TwoMachines.SecondAddress}:8081/", output => output == "hello from the pod\n", "a port of the second machine leads to its pod");

        // The second node's kubelet is reached through the API server, which checks its certificate.
        Assert.Equal("there\n", machines.Shell("kubectl logs there"));
        Assert.Equal("hello from the pod\n", machines.Shell($"""
            {StartedCluster.Kubectl} port-forward pod/there 18080:8080 &> /dev/null & forward=$!
            for i in $(seq 300); do busybox wget -q -O - http://127.0.0.1:18080/ 2> /dev/null && break; sleep 0.1; done
            kill $forward; wait $forward || true
            """));

        // A claim's folder is made on the node whose pod was the first to want it.
        machines.Shell("kubectl exec there -- sh -c 'echo kept > /data/file'");
        string folder = machines.Shell("kubectl get pv -o jsonpath='{.items[0].spec.local.path}{.items[0].spec.hostPath.path}'");
        Assert.StartsWith(Path.Combine(machines.Folder, "second"), folder);
        Assert.Equal("kept\n", File.ReadAllText(folder + "/file"));
        await machines.UntilAsync("kubectl get csr -o jsonpath='{.items[*].status.conditions[*].type}'", output => output == "Approved Approved", "both certificates were asked for");

        // The agent ends and comes back without a token and before the server does: its machine's own pod runs, and its pods do not notice.
        string container = machines.Shell("kubectl get pod there -o jsonpath={.status.containerStatuses[0].containerID}");
        KvStore.Testing.Linux.Tools.Run("kill", "-TERM", agent.Id.ToString());
        await agent.WaitForExitAsync();
        Assert.Equal("hello from the pod\n", machines.Shell($"kubectl exec here -- wget -q -O - http://{there}:8080/"));
        machines.KillServer();
        string second = Path.Combine(machines.Folder, "second", "profiles", "orchestrator");
        File.WriteAllText(Path.Combine(second, "pod-manifests", "alone.yaml"), StaticPod);
        machines.StartAgent();
        await machines.UntilAsync($"cat {second}/node/pod-logs/default_alone-two_*/main/0.log", output => output.EndsWith(" stdout F alone\n"), "the machine's own pod runs");
        machines.Orchestrator("first", "start");
        await machines.UntilAsync("kubectl exec there -- echo back", output => output == "back\n", "the agent is back");
        await machines.UntilAsync("kubectl logs alone-two", output => output == "alone\n", "its own pod is shown");
        Assert.Equal(container, machines.Shell("kubectl get pod there -o jsonpath={.status.containerStatuses[0].containerID}"));

        // It dies.
        machines.KillSecond();
        await machines.UntilAsync("kubectl get node two -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}'", output => output == "Unknown", "the dead node is not ready");
        await machines.UntilAsync(
            "kubectl get pods -l app=web -o jsonpath='{range .items[*]}{.spec.nodeName} {.status.conditions[?(@.type==\"Ready\")].status} {.metadata.deletionTimestamp}{\"\\n\"}{end}'",
            output => output.Split('\n').Contains("one True "), "the pod is replaced on the first node");
        // Nobody can say that the old one has ended: it stays until its node is back, or deleted.
        Assert.NotEmpty(machines.Shell("kubectl get pod there -o jsonpath={.metadata.deletionTimestamp}"));

        machines.Shell("kubectl delete node two");
        await machines.UntilAsync("ip route show protocol 178", output => output.Length == 0, "the route to its pods goes");
        machines.Orchestrator("second", "delete");
        machines.Orchestrator("first", "delete");
        Assert.Empty(machines.Left("second"));
        Assert.Empty(machines.Left("first"));
    }

    private static void Refused(TwoMachines machines, string expected, string server, string name, string token)
    {
        var (code, output) = machines.TryOrchestrator("second", "agent", "--server", server, "--token", token, "--node-name", name);

        Assert.Equal(1, code);
        Assert.StartsWith("orchestrator: ", output);
        Assert.Contains(expected, output);
        Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
