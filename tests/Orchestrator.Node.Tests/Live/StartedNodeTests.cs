using System.Net;
using KvStore.Testing.Containers;

namespace Orchestrator.Node.Tests.Live;

/// <summary>What a started cluster's node has beside its containers: registries and their mirrors, load balancers.</summary>
public sealed class StartedNodeTests
{
    private const string Subnet = "192.168.77.0/24";
    private const string MachineAddress = "192.168.77.1";
    private const string NodeAddress = "192.168.77.2";

    [LiveFact]
    public async Task Images_come_from_mirrors_or_with_the_pods_secret_and_services_have_the_nodes_address()
    {
        await using var cluster = new StartedCluster();
        await using TestRegistry registry = await TestRegistry.StartAsync(cluster.Network, BusyboxImage.ToArchive(), IPAddress.Any);
        await using TestRegistry owned = await TestRegistry.StartAsync(
            cluster.Network, BusyboxImage.ToArchive("localhost/owned:1", "hello from the owner\n"), IPAddress.Any);
        string registries = Path.Combine(cluster.Folder, "registries.yaml");
        File.WriteAllText(registries, "mirrors: { docker.io: { endpoint: [nonsense://x] } }");

        Assert.Equal(
            (1, $"orchestrator: --registries: {registries}: mirrors[\"docker.io\"]: endpoint: \"nonsense://x\" is no URL of a registry: give https://HOST:PORT, with a path if need be\n"),
            cluster.TryOrchestrator("start", "--registries", registries));
        File.WriteAllText(registries, $$"""
            mirrors:
              docker.io: { endpoint: ["http://{{MachineAddress}}:{{registry.Port}}"] }
              "{{MachineAddress}}:{{owned.Port}}": { endpoint: ["http://{{MachineAddress}}:{{owned.Port}}"] }
            configs: { "{{MachineAddress}}:{{registry.Port}}": { auth: { username: {{TestRegistry.User}}, password: {{TestRegistry.Password}} } } }
            """);
        cluster.Orchestrator("start", "--registries", registries, "--node-subnet", Subnet);

        // An image that names no registry.
        cluster.Shell("kubectl run web --image=shell:1 -- sh -c 'httpd -f -p 8080 -h /www' && kubectl wait pod/web --for=condition=Ready --timeout=120s");
        Assert.Contains("/v2/library/shell/manifests/1", registry.Asked);

        // By its digest alone.
        string digest = cluster.Shell("kubectl get pod web -o jsonpath={.status.containerStatuses[0].imageID}").Split('@')[1];
        cluster.Shell($"kubectl run by-digest --image=other@{digest} -- sleep 1000 && kubectl wait pod/by-digest --for=condition=Ready --timeout=120s");
        Assert.Contains($"/v2/library/other/manifests/{digest}", registry.Asked);

        // A registry that asks who is there: nothing without the pod's secret; with it, by tag and by digest.
        string server = $"{MachineAddress}:{owned.Port}";
        cluster.Shell($"kubectl create secret docker-registry pull --docker-server={server} --docker-username={TestRegistry.User} --docker-password={TestRegistry.Password}");
        const string Secret = "--overrides='{\"spec\":{\"imagePullSecrets\":[{\"name\":\"pull\"}]}}'";
        cluster.Shell($"kubectl run without --image={server}/private/app:1 --image-pull-policy=Always -- sleep 1000");
        string refused = await cluster.UntilAsync(
            "kubectl get events --field-selector involvedObject.name=without,reason=Failed -o jsonpath={.items[*].message}", output => output.Contains("Failed to pull image"), "the pull is refused");
        Assert.Contains($"Failed to pull image \"{server}/private/app:1\"", refused);
        await UntilRefusedAsync(cluster, "without");
        cluster.Shell($"kubectl run with --image={server}/private/app:1 {Secret} -- sleep 1000 && kubectl wait pod/with --for=condition=Ready --timeout=120s");
        Assert.Equal("hello from the owner\n", cluster.Shell("kubectl exec with -- cat /www/index.html"));
        string secretDigest = cluster.Shell("kubectl get pod with -o jsonpath={.status.containerStatuses[0].imageID}").Split('@')[1];
        Assert.NotEqual(digest, secretDigest);
        cluster.Shell($"kubectl run with-digest --image={server}/private/again@{secretDigest} {Secret} -- sleep 1000 && kubectl wait pod/with-digest --for=condition=Ready --timeout=120s");
        Assert.Contains($"/v2/private/again/manifests/{secretDigest}", owned.Asked);
        // Who always asks does not get it because another pod's secret has brought it.
        await UntilRefusedAsync(cluster, "without");

        // The node as its own cloud.
        await cluster.UntilAsync("kubectl get nodes -o jsonpath={.items[0].spec.providerID}", output => output == "orchestrator://orchestrator", "the node has a provider");
        cluster.Shell("kubectl expose pod web --type=LoadBalancer --port=80 --target-port=8080");
        await UntilAddressAsync(cluster, "web", NodeAddress);
        await cluster.UntilAsync($"busybox wget -q -O - http://{NodeAddress}/", output => output == "hello from the pod\n", "the balancer leads to the pod from outside");
        Assert.Equal($"http://{NodeAddress}:80\n", cluster.Orchestrator("service", "url", "web"));

        // One port, one service.
        cluster.Shell("kubectl expose pod web --name=second --type=LoadBalancer --port=80 --target-port=8080");
        await cluster.UntilAsync(
            "kubectl get events --field-selector involvedObject.name=second -o jsonpath={.items[*].message}",
            output => output.Contains("port 80/TCP of the nodes is taken by the service default/web"), "the second service is told why it waits");
        await UntilAddressAsync(cluster, "second", "");
        cluster.Shell("kubectl patch service web -p '{\"spec\":{\"type\":\"ClusterIP\"}}'");
        await UntilAddressAsync(cluster, "second", NodeAddress);
        await UntilAddressAsync(cluster, "web", "");
        await cluster.UntilAsync($"busybox wget -q -O - http://{NodeAddress}/", output => output == "hello from the pod\n", "the second service has the port");
        cluster.Shell("kubectl delete service second --timeout=60s");
        Assert.Equal("", cluster.Shell("kubectl get service second --ignore-not-found"));

        // How the rules are kept is told beside the kubelet's own figures.
        string metrics = cluster.Shell("kubectl get --raw /api/v1/nodes/orchestrator/proxy/metrics");
        Assert.Matches("\nkubeproxy_sync_proxy_rules_nftables_rules_total [1-9]", metrics);
        Assert.Contains("\nkubeproxy_sync_proxy_rules_duration_seconds_bucket{le=\"0.512\"} ", metrics);
        Assert.Contains("kubelet_running_pods", metrics);
        Assert.Matches("\nworkqueue_adds_total{name=\"service-controller\"} [1-9]", cluster.Shell("kubectl get --raw /metrics"));

        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
    }

    private static Task UntilRefusedAsync(StartedCluster cluster, string pod) => cluster.UntilAsync(
        $"kubectl get pod {pod} -o jsonpath={{.status.containerStatuses[0].state.waiting.reason}}", output => output is "ErrImagePull" or "ImagePullBackOff", $"{pod} is refused its image");

    private static Task UntilAddressAsync(StartedCluster cluster, string service, string address) => cluster.UntilAsync(
        $"kubectl get service {service} -o jsonpath={{.status.loadBalancer.ingress[*].ip}}", output => output == address, $"{service} has the address \"{address}\"");
}
