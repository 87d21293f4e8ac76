using Orchestrator.Api.Fields;

namespace Orchestrator.Api.Tests.Fields;

public sealed class FieldLabelsTests
{
    private const string Pod = """
        {'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','namespace':'n'},'spec':{'nodeName':'node','restartPolicy':'Never',
        'schedulerName':'s','serviceAccountName':'a','hostNetwork':true},
        'status':{'phase':'Running','podIPs':[{'ip':'10.0.0.1'}],'nominatedNodeName':'other'}}
        """;

    private const string Event = """
        {'apiVersion':'v1','kind':'Event','metadata':{'name':'e'},'reason':'Killing','type':'Normal','reportingComponent':'kubelet',
        'involvedObject':{'kind':'Pod','namespace':'n','name':'p','uid':'u','apiVersion':'v1','resourceVersion':'7',
        'fieldPath':'spec.containers{c}'},'source':{}}
        """;

    [Theory]
    [InlineData(Pod, "metadata.name", "p")]
    [InlineData(Pod, "metadata.namespace", "n")]
    [InlineData(Pod, "spec.nodeName", "node")]
    [InlineData(Pod, "spec.restartPolicy", "Never")]
    [InlineData(Pod, "spec.schedulerName", "s")]
    [InlineData(Pod, "spec.serviceAccountName", "a")]
    [InlineData(Pod, "spec.hostNetwork", "true")]
    [InlineData(Pod, "status.phase", "Running")]
    [InlineData(Pod, "status.podIP", "10.0.0.1")]
    [InlineData(Pod, "status.podIPs", "10.0.0.1")]
    [InlineData(Pod, "status.nominatedNodeName", "other")]
    [InlineData("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'}}", "spec.nodeName", "")]
    [InlineData("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'}}", "spec.hostNetwork", "false")]
    [InlineData(Event, "involvedObject.kind", "Pod")]
    [InlineData(Event, "involvedObject.namespace", "n")]
    [InlineData(Event, "involvedObject.name", "p")]
    [InlineData(Event, "involvedObject.uid", "u")]
    [InlineData(Event, "involvedObject.apiVersion", "v1")]
    [InlineData(Event, "involvedObject.resourceVersion", "7")]
    [InlineData(Event, "involvedObject.fieldPath", "spec.containers{c}")]
    [InlineData(Event, "reason", "Killing")]
    [InlineData(Event, "type", "Normal")]
    [InlineData(Event, "reportingComponent", "kubelet")]
    [InlineData(Event, "source", "kubelet")]
    [InlineData("{'apiVersion':'events.k8s.io/v1','kind':'Event','regarding':{'name':'p'}}", "regarding.name", "p")]
    [InlineData("{'apiVersion':'v1','kind':'Node','spec':{'unschedulable':true}}", "spec.unschedulable", "true")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace','status':{'phase':'Active'}}", "status.phase", "Active")]
    [InlineData("{'apiVersion':'v1','kind':'Secret','type':'Opaque'}", "type", "Opaque")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'clusterIP':'None','type':'ClusterIP'}}", "spec.clusterIP", "None")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'clusterIP':'None','type':'ClusterIP'}}", "spec.type", "ClusterIP")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ReplicaSet','status':{'replicas':3}}", "status.replicas", "3")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','status':{}}", "status.successful", "0")]
    [InlineData("{'apiVersion':'certificates.k8s.io/v1','kind':'CertificateSigningRequest','spec':{'signerName':'a/b'}}", "spec.signerName", "a/b")]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d'}}", "metadata.name", "d")]
    public void A_field_that_can_be_chosen_by_has_its_value(string json, string label, string expected)
    {
        var target = Documents.Read(json);
        var labels = FieldLabels.For(ResourceTable.Served.ForKind(target.GroupVersionKind)!);

        Assert.True(labels.IsKnown(label));
        Assert.Equal(expected, labels.Value(target, label));
    }

    [Theory]
    [InlineData("v1", "Pod", "field label not supported: spec.image")]
    [InlineData("apps/v1", "Deployment", "\"spec.image\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")]
    public void An_unknown_field_is_refused_by_name(string apiVersion, string kind, string expected)
    {
        var gvk = GroupVersionKind.Parse(apiVersion, kind);
        var labels = FieldLabels.For(ResourceTable.Served.ForKind(gvk)!);

        Assert.False(labels.IsKnown("spec.image"));
        Assert.Null(labels.Value(KubernetesJson.Create(gvk)!, "spec.image"));
        Assert.Equal(expected, labels.Refusal("spec.image"));
    }
}
