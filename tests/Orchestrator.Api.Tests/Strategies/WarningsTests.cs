using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Tests.Strategies;

public sealed class WarningsTests
{
    [Theory]
    [InlineData("{'containers':[{'name':'c'}]}", "")]
    [InlineData("{'containers':[{'name':'c','env':[{'name':'A','value':'1'},{'name':'A','value':'2'}]}]}",
        "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply")]
    [InlineData("{'containers':[{'name':'c','env':[{'name':'A','value':'1'},{'name':'A','value':'$(A)2'}]}]}", "")]
    [InlineData("{'initContainers':[{'name':'c','env':[{'name':'A','value':'1'},{'name':'A','value':'$(A)'}]}]}",
        "spec.initContainers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply")]
    [InlineData("{'containers':[{'name':'c','ports':[{'containerPort':80,'protocol':'TCP'},{'containerPort':80,'protocol':'TCP'}]}]}",
        "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]")]
    [InlineData("{'containers':[{'name':'c','ports':[{'containerPort':80,'protocol':'TCP'}]},{'name':'d','ports':[{'containerPort':80,'protocol':'TCP','hostPort':9}]}]}",
        "spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[0]")]
    [InlineData("{'containers':[{'name':'c','ports':[{'containerPort':80,'protocol':'TCP'},{'containerPort':80,'protocol':'UDP'}]}]}", "")]
    [InlineData("{'containers':[{'name':'c','resources':{'limits':{'memory':'1m'}}}]}",
        "spec.containers[0].resources.limits[memory]: fractional byte value \"1m\" is invalid, must be an integer")]
    [InlineData("{'nodeSelector':{'beta.kubernetes.io/arch':'amd64'}}", "spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use \"kubernetes.io/arch\" instead")]
    [InlineData("{'hostAliases':[{'ip':'1.1.1.1'},{'ip':'1.1.1.1'}]}", "spec.hostAliases[1].ip: duplicate ip \"1.1.1.1\"")]
    [InlineData("{'imagePullSecrets':[{'name':'a'},{'name':'a'}]}", "spec.imagePullSecrets[1].name: duplicate name \"a\"")]
    [InlineData("{'imagePullSecrets':[{}]}", "spec.imagePullSecrets[0].name: invalid empty name \"\"")]
    [InlineData("{'volumes':[{'name':'g','gitRepo':{'repository':'x'}}]}", "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+")]
    [InlineData("{'terminationGracePeriodSeconds':-1}", "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1")]
    [InlineData("{'topologySpreadConstraints':[{'topologyKey':'z','maxSkew':1}]}", "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod")]
    public void A_pod_is_warned_of_what_is_hardly_meant(string spec, string expected)
    {
        var pod = Documents.Read<Pod>("{'metadata':{'name':'p'},'spec':" + spec + "}");

        Assert.Equal(expected, string.Join('\n', StrategyTests.StrategyOf(pod).Warnings(pod)));
    }

    [Theory]
    [InlineData("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a.b'}}",
        "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]")]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'a.b'}}",
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]")]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'a'},'spec':{'template':{'spec':{'nodeSelector':{'beta.kubernetes.io/os':'linux'}}}}}",
        "spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'Ingress','metadata':{'name':'a','annotations':{'kubernetes.io/ingress.class':'nginx'}}}",
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead")]
    [InlineData("{'apiVersion':'v1','kind':'Service','metadata':{'name':'a'},'spec':{'type':'ClusterIP','sessionAffinity':'None','externalName':'x'}}",
        "spec.externalName is ignored when spec.type is not \"ExternalName\"")]
    [InlineData("{'apiVersion':'v1','kind':'Service','metadata':{'name':'a'},'spec':{'type':'ClusterIP','clusterIP':'None','sessionAffinity':'ClientIP'}}",
        "spec.SessionAffinity is ignored for headless services")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolume','metadata':{'name':'a'},'spec':{'persistentVolumeReclaimPolicy':'Recycle'}}",
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolumeClaim','metadata':{'name':'a'},'spec':{'resources':{'requests':{'storage':'1500m'}}}}",
        "spec.resources.requests[storage]: fractional byte value \"1500m\" is invalid, must be an integer")]
    public void Kinds_are_warned_of_what_is_hardly_meant(string json, string expected)
    {
        var written = Documents.Read(json);

        Assert.Equal(expected, string.Join('\n', StrategyTests.StrategyOf(written).Warnings(written)));
    }

    [Fact]
    public void A_template_that_stays_the_same_is_not_warned_of_again()
    {
        var set = Documents.Read("{'apiVersion':'apps/v1','kind':'ReplicaSet','metadata':{'name':'a'},'spec':{'template':{'spec':{'nodeSelector':{'beta.kubernetes.io/os':'linux'}}}}}");

        Assert.Single(StrategyTests.StrategyOf(set).Warnings(set));
        Assert.Empty(StrategyTests.StrategyOf(set).Warnings(set, set.DeepClone()));
    }

    [Fact]
    public void Every_use_of_an_old_resource_is_warned_of() => Assert.Equal(
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        StrategyTests.StrategyOf(new Endpoints()).DeprecationWarning);
}
