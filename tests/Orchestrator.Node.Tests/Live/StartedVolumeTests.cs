using KvStore.Testing.Containers;

namespace Orchestrator.Node.Tests.Live;

/// <summary>Volumes of a cluster that was started by one command: everything real, the rights of the node included.</summary>
public sealed class StartedVolumeTests
{
    private const string Pod = """
        apiVersion: v1
        kind: Pod
        metadata: { name: reader, labels: { app: reader } }
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: main
            image: localhost/busybox:1
            imagePullPolicy: IfNotPresent
            command: [sleep, "1000"]
            volumeMounts:
            - { name: config, mountPath: /config }
            - { name: secret, mountPath: /secret }
            - { name: about, mountPath: /about }
            - { name: scratch, mountPath: /scratch }
          volumes:
          - { name: config, configMap: { name: settings } }
          - { name: secret, secret: { secretName: key, defaultMode: 0400 } }
          - { name: about, downwardAPI: { items: [ { path: labels, fieldRef: { fieldPath: metadata.labels } } ] } }
          - { name: scratch, emptyDir: { medium: Memory, sizeLimit: 1Mi } }
        """;

    [LiveFact]
    public async Task A_pod_sees_its_config_and_secrets_as_they_change_and_is_somebody_to_the_api()
    {
        await using var cluster = new StartedCluster();
        cluster.Orchestrator("start");
        File.WriteAllBytes(Path.Combine(cluster.Folder, "busybox.tar"), BusyboxImage.ToArchive());
        KvStore.Testing.Linux.Tools.Run("ctr", "-a", cluster.Socket, "-n", "k8s.io", "images", "import", Path.Combine(cluster.Folder, "busybox.tar"));
        File.WriteAllText(Path.Combine(cluster.Folder, "pod.yaml"), Pod);

        // The pod first: it waits for what it names.
        cluster.Shell($"kubectl apply -f {cluster.Folder}/pod.yaml");
        await cluster.UntilAsync(
            "kubectl get events -o jsonpath='{.items[?(@.reason==\"FailedMount\")].message}'",
            output => output.Contains("MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found", StringComparison.Ordinal), "it is told what is missing");
        cluster.Shell("kubectl create configmap settings --from-literal=colour=blue && kubectl create secret generic key --from-literal=key=s3cret");
        cluster.Shell("kubectl wait pod/reader --for=condition=Ready --timeout=120s");
        Assert.Equal("blue s3cret app=\"reader\"\n", cluster.Shell("kubectl exec reader -- sh -c 'echo $(cat /config/colour) $(cat /secret/key) $(cat /about/labels)'"));

        cluster.Shell("kubectl patch configmap settings -p '{\"data\":{\"colour\":\"red\"}}' && kubectl patch secret key -p '{\"stringData\":{\"key\":\"changed\"}}'");
        cluster.Shell("kubectl label pod reader app=other --overwrite");
        await cluster.UntilAsync(
            "kubectl exec reader -- sh -c 'echo $(cat /config/colour) $(cat /secret/key) $(cat /about/labels)'",
            output => output == "red changed app=\"other\"\n", "the files follow");

        // The token that every pod finds is its account's, and the certificate beside it is the cluster's.
        string token = cluster.Shell("kubectl exec reader -- cat /var/run/secrets/kubernetes.io/serviceaccount/token");
        Assert.Contains("system:serviceaccount:default:default", cluster.Shell(
            $"kubectl config view --minify --raw | sed '/client-/d' > {cluster.Folder}/nobody; kubectl auth whoami --token={token} --kubeconfig={cluster.Folder}/nobody"));
        Assert.StartsWith("-----BEGIN CERTIFICATE-----", cluster.Shell("kubectl exec reader -- cat /var/run/secrets/kubernetes.io/serviceaccount/ca.crt"));
        Assert.Equal("default", cluster.Shell("kubectl exec reader -- cat /var/run/secrets/kubernetes.io/serviceaccount/namespace"));
        Assert.Equal(4, Mounts(cluster).Count); // Token, secret, labels and scratch are in memory.

        cluster.Shell("kubectl delete pod reader --wait=true --timeout=60s");
        await cluster.UntilAsync($"ls {cluster.NodeFolder}/pods", output => output.Length == 0, "the pod's folder is gone");
        Assert.Empty(Mounts(cluster));

        cluster.Orchestrator("delete");
        Assert.Empty(cluster.Left());
    }

    private static List<string> Mounts(StartedCluster cluster) =>
    [
        .. File.ReadAllLines("/proc/self/mountinfo").Select(line => line.Split(' ')[4])
            .Where(path => path.StartsWith(cluster.NodeFolder + "/pods/", StringComparison.Ordinal)),
    ];
}
