using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Authorization;

namespace Orchestrator.Runtime.Tests.Security;

public sealed class NodeAuthorizerTests
{
    private readonly FakeObjects _objects = new();

    public NodeAuthorizerTests()
    {
        var pod = AdmissionTests.Pod("p", "one", new Container
        {
            Name = "c",
            Env = [new EnvVar { Name = "E", ValueFrom = new() { SecretKeyRef = new() { Name = "from-env", Key = "k" } } }],
            EnvFrom = [new EnvFromSource { ConfigMapRef = new() { Name = "map-env" } }],
        });
        pod.Spec.ServiceAccountName = "robot";
        pod.Spec.ImagePullSecrets = [new LocalObjectReference { Name = "pull" }];
        pod.Spec.Volumes =
        [
            new Volume { Name = "a", Projected = new() { Sources = [new() { Secret = new() { Name = "projected" } }, new() { ConfigMap = new() { Name = "map" } }] } },
            new Volume { Name = "b", PersistentVolumeClaim = new() { ClaimName = "claim" } },
        ];
        _objects.Put(OnDisk("on-disk", "one")).Put(OnDisk("on-others", "two"));
        _objects.Put(pod).Put(AdmissionTests.Pod("q", "two"))
            .Put(new PersistentVolumeClaim { Metadata = new ObjectMeta { Namespace = "ns", Name = "claim" }, Spec = new() { VolumeName = "volume" } })
            .Put(new PersistentVolume
            {
                Metadata = new ObjectMeta { Name = "volume" },
                Spec = new() { ClaimRef = new() { Namespace = "ns", Name = "claim" }, Csi = new() { NodeStageSecretRef = new() { Namespace = "ns", Name = "stage" } } },
            });
    }

    [Theory]
    [InlineData("get", "", "secrets", "ns", "from-env", true)]
    [InlineData("get", "", "secrets", "ns", "pull", true)]
    [InlineData("get", "", "secrets", "ns", "projected", true)]
    [InlineData("get", "", "secrets", "ns", "stage", true)]
    [InlineData("watch", "", "secrets", "ns", "pull", true)]
    [InlineData("list", "", "secrets", "ns", "", false)]
    [InlineData("get", "", "secrets", "other", "pull", false)]
    [InlineData("update", "", "secrets", "ns", "pull", false)]
    [InlineData("get", "", "configmaps", "ns", "map", true)]
    [InlineData("get", "", "configmaps", "ns", "map-env", true)]
    [InlineData("get", "", "configmaps", "ns", "pull", false)]
    [InlineData("get", "", "persistentvolumeclaims", "ns", "claim", true)]
    [InlineData("get", "", "persistentvolumes", "", "volume", true)]
    [InlineData("get", "", "persistentvolumes", "", "other", false)]
    [InlineData("list", "", "persistentvolumes", "", "", true)]
    [InlineData("get", "", "persistentvolumes", "", "on-disk", true)]
    [InlineData("update", "", "persistentvolumes", "", "on-disk", true)]
    [InlineData("update", "", "persistentvolumes/status", "", "on-disk", false)]
    [InlineData("delete", "", "persistentvolumes", "", "on-disk", false)]
    [InlineData("update", "", "persistentvolumes", "", "on-others", false)]
    [InlineData("update", "", "persistentvolumes", "", "volume", false)]
    [InlineData("create", "", "serviceaccounts/token", "ns", "robot", true)]
    [InlineData("create", "", "serviceaccounts/token", "ns", "default", false)]
    [InlineData("get", "", "serviceaccounts", "ns", "robot", false)]
    [InlineData("get", "", "nodes", "", "one", true)]
    [InlineData("get", "", "nodes", "", "two", false)]
    [InlineData("list", "", "nodes", "", "", false)]
    [InlineData("patch", "", "nodes/status", "", "one", true)]
    [InlineData("get", "", "pods", "ns", "p", true)]
    [InlineData("get", "", "pods", "ns", "q", false)]
    [InlineData("patch", "", "pods/status", "ns", "p", true)]
    [InlineData("create", "", "pods/exec", "ns", "p", false)]
    [InlineData("update", "coordination.k8s.io", "leases", "kube-node-lease", "one", true)]
    [InlineData("update", "coordination.k8s.io", "leases", "kube-node-lease", "two", false)]
    [InlineData("update", "coordination.k8s.io", "leases", "ns", "one", false)]
    [InlineData("list", "", "services", "", "", true)]
    [InlineData("create", "", "events", "ns", "", true)]
    [InlineData("delete", "", "services", "ns", "x", false)]
    public async Task A_node_may_do_what_its_pods_need(string verb, string group, string resource, string ns, string name, bool isAllowed)
    {
        var authorizer = new NodeAuthorizer(_objects);
        string[] parts = resource.Split('/');
        var request = RequestAttributes.ForResource(AdmissionTests.Kubelet("one"), verb, group, "v1", parts[0], ns, name, parts.Length > 1 ? parts[1] : "");

        // Twice: the second time it may be remembered.
        Assert.Equal(isAllowed, (await authorizer.AuthorizeAsync(request, default)).IsAllowed);
        Assert.Equal(isAllowed, (await authorizer.AuthorizeAsync(request, default)).IsAllowed);
        Assert.False((await authorizer.AuthorizeAsync(request with { User = new UserInfo("system:node:one", UserInfo.AllAuthenticated) }, default)).IsAllowed);
    }

    [Fact]
    public async Task What_was_remembered_ends_with_the_pod()
    {
        var authorizer = new NodeAuthorizer(_objects);
        var request = RequestAttributes.ForResource(AdmissionTests.Kubelet("one"), "get", "", "v1", "secrets", "ns", "pull");
        Assert.True((await authorizer.AuthorizeAsync(request, default)).IsAllowed);

        _objects.Remove(AdmissionTests.Pod("p", "one"));

        Assert.Equal(AuthorizationDecision.Deny("no relationship found between node 'one' and this object"), await authorizer.AuthorizeAsync(request, default));
    }

    [Theory]
    [InlineData("spec.nodeName=one", true)]
    [InlineData("spec.nodeName=two", false)]
    [InlineData("spec.nodeName!=two", false)]
    [InlineData(null, false)]
    public async Task Pods_are_listed_by_node_alone(string? selector, bool isAllowed)
    {
        var request = RequestAttributes.ForResource(AdmissionTests.Kubelet("one"), "watch", "", "v1", "pods", "", "") with { FieldSelector = selector };

        Assert.Equal(isAllowed, (await new NodeAuthorizer(_objects).AuthorizeAsync(request, default)).IsAllowed);
    }

    private static PersistentVolume OnDisk(string name, string node) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = name, Annotations = new() { [StorageNames.ProvisionedBy] = LocalPathProvisioner.Name, [StorageNames.SelectedNode] = node },
        },
    };
}
