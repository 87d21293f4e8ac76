using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.StaticPods;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>What a file says becomes a pod of its node.</summary>
public sealed class StaticManifestTests
{
    private const string Web = """
        apiVersion: v1
        kind: Pod
        metadata: { name: web, labels: { app: web }, annotations: { note: mine } }
        spec: { containers: [ { name: main, image: "nginx:1.27" } ] }
        """;

    [Fact]
    public void A_file_is_a_pod_that_bears_the_nodes_name_and_stays_on_the_node()
    {
        Pod pod = Read(Web, "node-1");

        Assert.Equal(("web-node-1", "default", "node-1"), (pod.Name, pod.Namespace, pod.Spec.NodeName));
        Assert.Equal("web", pod.Labels["app"]);
        Assert.Equal(("mine", "file", pod.Uid), (pod.Annotations["note"], pod.Annotations["kubernetes.io/config.source"], pod.Annotations["kubernetes.io/config.hash"]));
        Assert.Contains(pod.Spec.Tolerations!, toleration => toleration is { Operator: "Exists", Effect: "NoExecute", Key: null });
        Assert.Equal(("Always", "IfNotPresent"), (pod.Spec.RestartPolicy, pod.Spec.Containers![0].ImagePullPolicy));
        Assert.True(StaticManifest.IsUid(pod.Uid));
    }

    [Fact]
    public void Its_uid_tells_what_it_says_and_where_apart_and_nothing_else()
    {
        string uid = Read(Web, "one").Uid;

        Assert.Equal(uid, Read("# Another look.\n---\n" + Web.Replace("{ name: web,", "{ name: \"web\",   ", StringComparison.Ordinal), "one").Uid);
        Assert.NotEqual(uid, Read(Web, "two").Uid);
        Assert.NotEqual(uid, Read(Web.Replace("1.27", "1.28", StringComparison.Ordinal), "one").Uid);
        Assert.False(StaticManifest.IsUid(Guid.NewGuid().ToString()));
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("a: [1", "yaml: line ")]
    [InlineData("just words", "it is no object")]
    [InlineData("{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Pod}", "it has 2 documents: a file is one pod")]
    [InlineData("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}", "it is of kind \"Deployment\" in version \"apps/v1\": only a Pod in version \"v1\" can be static")]
    [InlineData("{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: b}]}}", "metadata.name: Required value")]
    [InlineData("{apiVersion: v1, kind: Pod, metadata: {name: a}}", "Pod \"a-one\" is invalid: spec.containers: Required value")]
    [InlineData("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: 5}}", "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal")]
    [InlineData("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {serviceAccountName: b, containers: [{name: a, image: b}]}}", "static pods may not reference service accounts: ")]
    [InlineData("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: b, envFrom: [{secretRef: {name: c}}]}]}}", "static pods may not reference secrets: ")]
    [InlineData("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {volumes: [{name: v, configMap: {name: c}}], containers: [{name: a, image: b}]}}", "static pods may not reference configmaps: ")]
    [InlineData("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: c}}], containers: [{name: a, image: b}]}}", "static pods may not reference persistentvolumeclaims: ")]
    public void What_is_no_pod_for_a_node_alone_is_refused_with_its_reason(string text, string reason) =>
        Assert.StartsWith(reason, Assert.Throws<StaticManifestException>(() => Read(text, "one")).Message);

    [Fact]
    public void What_nobody_knows_is_named_and_left_out()
    {
        var warnings = new List<string>();

        Pod pod = StaticManifest.Read(Web.Replace("spec: {", "spec: { hostnetwork: true,", StringComparison.Ordinal), "one", warnings);

        Assert.Equal("web-one", pod.Name);
        Assert.Equal(["unknown field \"spec.hostnetwork\""], warnings);
    }

    private static Pod Read(string text, string node) => StaticManifest.Read(text, node, []);
}
