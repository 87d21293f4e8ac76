using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;

namespace Orchestrator.Api.Tests.Strategies;

public sealed class StrategyTests
{
    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_create_keeps_the_spec_and_sets_what_only_the_system_sets(string apiVersion, string kind)
    {
        var created = KubernetesJson.Create(GroupVersionKind.Parse(apiVersion, kind))!;
        created.Metadata.Name = "x";
        created.Metadata.DeletionTimestamp = Documents.Now;
        created.Metadata.Generation = 77;

        StrategyOf(created).PrepareForCreate(created, Documents.Now.AddMilliseconds(700));

        Assert.Equal(Documents.Now, created.Metadata.CreationTimestamp);
        Assert.Null(created.Metadata.DeletionTimestamp);
        Assert.True(created.Metadata.Generation is null or 1);
    }

    public static TheoryData<string, string> Kinds() => Defaulting.DefaultsTests.Kinds();

    [Theory]
    [InlineData("{'apiVersion':'v1','kind':'Pod','status':{'phase':'Running','podIP':'1.1.1.1'}}", "status", "{'phase':'Pending','qosClass':'BestEffort'}")]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment','status':{'replicas':3}}", "status", "{}")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ReplicaSet','status':{'readyReplicas':3}}", "status.readyReplicas", "-")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','status':{'succeeded':3}}", "status", "{}")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace','status':{'phase':'Terminating'}}", "status.phase", "Active")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'n'}}", "spec.finalizers", "['kubernetes']")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'n'}}", "metadata.labels", "{'kubernetes.io/metadata.name':'n'}")]
    [InlineData("{'apiVersion':'v1','kind':'Node','status':{'phase':'Running'}}", "status.phase", "Running")]
    [InlineData("{'apiVersion':'v1','kind':'Service','status':{'loadBalancer':{'ingress':[{'ip':'1.1.1.1'}]}}}", "status", "{'loadBalancer':{}}")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'clusterIP':'None'}}", "spec.clusterIPs", "['None']")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolume','status':{'phase':'Bound'}}", "status", "{'lastPhaseTransitionTime':'2026-01-02T12:00:00Z','phase':'Pending'}")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolumeClaim','spec':{'dataSource':{'kind':'PersistentVolumeClaim','name':'a'}}}", "spec.dataSourceRef", "{'kind':'PersistentVolumeClaim','name':'a'}")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolumeClaim','spec':{'dataSourceRef':{'kind':'PersistentVolumeClaim','name':'a'}}}", "spec.dataSource", "{'kind':'PersistentVolumeClaim','name':'a'}")]
    [InlineData("{'apiVersion':'certificates.k8s.io/v1','kind':'CertificateSigningRequest','spec':{'request':'eA==','signerName':'a/b'},'status':{'certificate':'eA=='}}", "status", "{}")]
    [InlineData("{'apiVersion':'v1','kind':'Pod','spec':{'schedulingGates':[{'name':'g'}]}}", "status.conditions[0].reason", "SchedulingGated")]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment'}", "metadata.generation", "1")]
    [InlineData("{'apiVersion':'v1','kind':'Pod'}", "metadata.generation", "1")]
    [InlineData("{'apiVersion':'v1','kind':'Service'}", "metadata.generation", "-")]
    [InlineData("{'apiVersion':'v1','kind':'ConfigMap'}", "metadata.generation", "-")]
    public void A_created_object_starts_from_the_beginning(string json, string path, string expected)
    {
        var created = Documents.Read(json);

        StrategyOf(created).PrepareForCreate(created, Documents.Now);

        Assert.Equal(expected, Documents.At(created, path));
    }

    [Fact]
    public void A_job_finds_its_pods_by_its_uid()
    {
        var job = Documents.Read<Job>("{'metadata':{'name':'j','uid':'u-1'},'spec':{'template':{'metadata':{'labels':{'a':'b'}}}}}");

        StrategyOf(job).PrepareForCreate(job, Documents.Now);

        Assert.Equal("{'batch.kubernetes.io/controller-uid':'u-1'}", Documents.At(job, "spec.selector.matchLabels"));
        Assert.Equal(
            "{'a':'b','batch.kubernetes.io/controller-uid':'u-1','batch.kubernetes.io/job-name':'j','controller-uid':'u-1','job-name':'j'}",
            Documents.At(job, "spec.template.metadata.labels"));
    }

    [Fact]
    public void A_job_that_chooses_its_pods_itself_is_left_alone()
    {
        var job = Documents.Read<Job>(
            "{'metadata':{'name':'j','uid':'u-1'},'spec':{'manualSelector':true,'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}}}}}");

        StrategyOf(job).PrepareForCreate(job, Documents.Now);

        Assert.Equal("{'a':'b'}", Documents.At(job, "spec.selector.matchLabels"));
        Assert.Equal("{'a':'b'}", Documents.At(job, "spec.template.metadata.labels"));
    }

    [Fact]
    public void An_affinity_term_selects_by_the_pods_own_labels()
    {
        var pod = Documents.Read<Pod>("""
            {'metadata':{'name':'p','labels':{'rev':'7','app':'a'}},'spec':{'affinity':{'podAffinity':{
            'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'z','labelSelector':{'matchLabels':{'app':'a'}},
            'matchLabelKeys':['rev','none'],'mismatchLabelKeys':['app']}]}}}}
            """);

        StrategyOf(pod).PrepareForCreate(pod, Documents.Now);

        Assert.Equal(
            "[{'key':'rev','operator':'In','values':['7']},{'key':'app','operator':'NotIn','values':['a']}]",
            Documents.At(pod, "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions"));
    }

    [Theory]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'generation':4},'spec':{'replicas':1}}", "{'apiVersion':'apps/v1','kind':'Deployment','spec':{'replicas':2}}", "5")]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'generation':4},'spec':{'replicas':1}}", "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'labels':{'a':'b'},'generation':9},'spec':{'replicas':1}}", "4")]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'generation':4},'spec':{'replicas':1}}", "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'annotations':{'a':'b'}},'spec':{'replicas':1}}", "5")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ReplicaSet','metadata':{'generation':4},'spec':{'replicas':1}}", "{'apiVersion':'apps/v1','kind':'ReplicaSet','metadata':{'annotations':{'a':'b'}},'spec':{'replicas':1}}", "4")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ReplicaSet','metadata':{'generation':4},'spec':{'replicas':1},'status':{'replicas':1}}", "{'apiVersion':'apps/v1','kind':'ReplicaSet','spec':{'replicas':1},'status':{'replicas':9}}", "4")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'type':'ClusterIP'}}", "{'apiVersion':'v1','kind':'Service','spec':{'type':'NodePort'}}", "-")]
    [InlineData("{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','metadata':{'generation':2},'endpoints':[{'addresses':['a']}]}", "{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','endpoints':[{'addresses':['b']}]}", "3")]
    [InlineData("{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','metadata':{'generation':2},'endpoints':[{'addresses':['a']}]}", "{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','metadata':{'annotations':{'a':'b'}},'endpoints':[{'addresses':['a']}]}", "2")]
    public void The_generation_counts_changes_of_the_spec_alone(string before, string after, string expected)
    {
        var old = Documents.Read(before);
        var updated = Documents.Read(after);

        StrategyOf(updated).PrepareForUpdate(updated, old);

        Assert.Equal(expected, Documents.At(updated, "metadata.generation"));
    }

    [Fact]
    public void An_update_keeps_the_status_and_what_a_client_left_out()
    {
        var old = Documents.Read("""
            {'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','uid':'u','creationTimestamp':'2026-01-01T00:00:00Z',
            'deletionTimestamp':'2026-01-01T01:00:00Z','deletionGracePeriodSeconds':30,'generation':3},'status':{'phase':'Running'}}
            """);
        var updated = Documents.Read("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'status':{'phase':'Failed'}}");

        StrategyOf(updated).PrepareForUpdate(updated, old);

        Assert.Equal("Running", Documents.At(updated, "status.phase"));
        Assert.Equal("u", Documents.At(updated, "metadata.uid"));
        Assert.Equal("2026-01-01T00:00:00Z", Documents.At(updated, "metadata.creationTimestamp"));
        Assert.Equal("2026-01-01T01:00:00Z", Documents.At(updated, "metadata.deletionTimestamp"));
        Assert.Equal("30", Documents.At(updated, "metadata.deletionGracePeriodSeconds"));
        Assert.Equal("3", Documents.At(updated, "metadata.generation"));
    }

    [Fact]
    public void A_status_update_leaves_spec_and_generation_alone_and_takes_annotations()
    {
        var old = Documents.Read("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d','generation':3,'labels':{'a':'b'}},'spec':{'replicas':1}}");
        var updated = Documents.Read("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d','labels':{'c':'d'},'annotations':{'e':'f'}},'spec':{'replicas':9},'status':{'replicas':1}}");

        StrategyOf(updated).PrepareForStatusUpdate(updated, old);

        Assert.Equal("1", Documents.At(updated, "spec.replicas"));
        Assert.Equal("1", Documents.At(updated, "status.replicas"));
        Assert.Equal("3", Documents.At(updated, "metadata.generation"));
        Assert.Equal("{'a':'b'}", Documents.At(updated, "metadata.labels"));
        Assert.Equal("{'e':'f'}", Documents.At(updated, "metadata.annotations"));
    }

    [Fact]
    public void The_stored_object_shares_nothing_with_the_updated_one()
    {
        var old = Documents.Read<Pod>("{'metadata':{'name':'p'},'spec':{'nodeName':'n'},'status':{'phase':'Running'}}");
        var updated = old.DeepClone();
        StrategyOf(updated).PrepareForUpdate(updated, old);

        updated.Status.Phase = "Failed";

        Assert.Equal("Running", old.Status.Phase);
    }

    [Fact]
    public void Finalizers_of_a_namespace_change_through_finalize_alone()
    {
        var old = Documents.Read("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'n'},'spec':{'finalizers':['kubernetes']},'status':{'phase':'Terminating'}}");
        var ordinary = Documents.Read("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'n'},'spec':{'finalizers':[]}}");
        var finalized = Documents.Read("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'n'},'spec':{'finalizers':[]}}");

        StrategyOf(old).PrepareForUpdate(ordinary, old);
        StrategyOf(old).PrepareForSubresourceUpdate("finalize", finalized, old, Documents.Now);

        Assert.Equal("['kubernetes']", Documents.At(ordinary, "spec.finalizers"));
        Assert.Equal("-", Documents.At(finalized, "spec.finalizers"));
        Assert.Equal("Terminating", Documents.At(finalized, "status.phase"));
    }

    [Fact]
    public void Through_ephemeralcontainers_nothing_else_changes()
    {
        var old = Documents.Read("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','generation':1,'labels':{'a':'b'}},'spec':{'nodeName':'n','containers':[{'name':'c'}]}}");
        var updated = Documents.Read("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','labels':{'x':'y'}},'spec':{'containers':[],'ephemeralContainers':[{'name':'debugger'}]}}");

        StrategyOf(updated).PrepareForSubresourceUpdate("ephemeralcontainers", updated, old, Documents.Now);

        Assert.Equal("debugger", Documents.At(updated, "spec.ephemeralContainers[0].name"));
        Assert.Equal("c", Documents.At(updated, "spec.containers[0].name"));
        Assert.Equal("n", Documents.At(updated, "spec.nodeName"));
        Assert.Equal("{'a':'b'}", Documents.At(updated, "metadata.labels"));
        Assert.Equal("2", Documents.At(updated, "metadata.generation"));
    }

    [Fact]
    public void A_resize_changes_resources_alone()
    {
        var old = Documents.Read("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','generation':1},'spec':{'containers':[{'name':'c','image':'a'}]}}");
        var updated = Documents.Read("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'b','resources':{'requests':{'cpu':'1'}}}]}}");

        StrategyOf(updated).PrepareForSubresourceUpdate("resize", updated, old, Documents.Now);

        Assert.Equal("a", Documents.At(updated, "spec.containers[0].image"));
        Assert.Equal("1", Documents.At(updated, "spec.containers[0].resources.requests.cpu"));
    }

    [Fact]
    public void The_phase_of_a_volume_notes_when_it_changed()
    {
        var old = Documents.Read("{'apiVersion':'v1','kind':'PersistentVolume','status':{'phase':'Available','lastPhaseTransitionTime':'2026-01-01T00:00:00Z'}}");
        var changed = Documents.Read("{'apiVersion':'v1','kind':'PersistentVolume','status':{'phase':'Bound'}}");
        var same = Documents.Read("{'apiVersion':'v1','kind':'PersistentVolume','status':{'phase':'Available'}}");

        StrategyOf(old).PrepareForStatusUpdate(changed, old, Documents.Now);
        StrategyOf(old).PrepareForStatusUpdate(same, old, Documents.Now);

        Assert.Equal("2026-01-02T12:00:00Z", Documents.At(changed, "status.lastPhaseTransitionTime"));
        Assert.Equal("2026-01-01T00:00:00Z", Documents.At(same, "status.lastPhaseTransitionTime"));
    }

    [Fact]
    public void An_approval_changes_conditions_alone()
    {
        var old = Documents.Read("{'apiVersion':'certificates.k8s.io/v1','kind':'CertificateSigningRequest','spec':{'request':'eA==','signerName':'a/b','username':'u'}}");
        var updated = Documents.Read("{'apiVersion':'certificates.k8s.io/v1','kind':'CertificateSigningRequest','spec':{'request':'eQ==','signerName':'c/d','username':'v'},'status':{'certificate':'eA==','conditions':[{'type':'Approved','status':'True'}]}}");

        StrategyOf(updated).PrepareForSubresourceUpdate("approval", updated, old, Documents.Now);

        Assert.Equal("u", Documents.At(updated, "spec.username"));
        Assert.Equal("-", Documents.At(updated, "status.certificate"));
        Assert.Equal("2026-01-02T12:00:00Z", Documents.At(updated, "status.conditions[0].lastTransitionTime"));
    }

    [Theory]
    [InlineData("{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1'],'ipFamilies':['IPv4'],'ports':[{'port':80}]}", "{'type':'ClusterIP','ports':[{'port':81}]}", "spec.clusterIP", "10.0.0.1")]
    [InlineData("{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1'],'ipFamilies':['IPv4'],'ports':[{'port':80}]}", "{'type':'ClusterIP','ports':[{'port':81}]}", "spec.clusterIPs", "['10.0.0.1']")]
    [InlineData("{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1'],'ipFamilies':['IPv4'],'ports':[{'port':80}]}", "{'type':'ClusterIP','ports':[{'port':81}]}", "spec.ipFamilies", "['IPv4']")]
    [InlineData("{'type':'NodePort','ports':[{'port':80,'protocol':'TCP','nodePort':30001},{'port':81,'protocol':'TCP','nodePort':30002}]}", "{'type':'NodePort','ports':[{'port':81,'protocol':'TCP'},{'port':82,'protocol':'TCP'}]}", "spec.ports[0].nodePort", "30002")]
    [InlineData("{'type':'NodePort','ports':[{'port':80,'protocol':'TCP','nodePort':30001},{'port':81,'protocol':'TCP','nodePort':30002}]}", "{'type':'NodePort','ports':[{'port':81,'protocol':'TCP'},{'port':82,'protocol':'TCP'}]}", "spec.ports[1].nodePort", "-")]
    [InlineData("{'type':'NodePort','externalTrafficPolicy':'Cluster','ports':[{'port':80,'nodePort':30001}]}", "{'type':'ClusterIP','externalTrafficPolicy':'Cluster','ports':[{'port':80,'nodePort':30001}]}", "spec.ports[0].nodePort", "-")]
    [InlineData("{'type':'NodePort','externalTrafficPolicy':'Cluster','ports':[{'port':80,'nodePort':30001}]}", "{'type':'ClusterIP','externalTrafficPolicy':'Cluster','ports':[{'port':80,'nodePort':30001}]}", "spec.externalTrafficPolicy", "-")]
    [InlineData("{'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}", "{'type':'ClusterIP','ports':[{'port':80,'nodePort':30009}]}", "spec.ports[0].nodePort", "30009")]
    [InlineData("{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1']}", "{'type':'ExternalName','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1'],'externalName':'a'}", "spec.clusterIP", "-")]
    [InlineData("{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1']}", "{'type':'ClusterIP','clusterIP':'10.0.0.2','clusterIPs':['10.0.0.1']}", "spec.clusterIPs", "['10.0.0.2']")]
    [InlineData("{'type':'LoadBalancer','allocateLoadBalancerNodePorts':true,'loadBalancerClass':'c'}", "{'type':'ClusterIP','allocateLoadBalancerNodePorts':true,'loadBalancerClass':'c'}", "spec.allocateLoadBalancerNodePorts", "-")]
    [InlineData("{'type':'LoadBalancer','externalTrafficPolicy':'Local','healthCheckNodePort':31000}", "{'type':'LoadBalancer','externalTrafficPolicy':'Local'}", "spec.healthCheckNodePort", "31000")]
    public void What_a_service_was_given_stays_until_its_type_does_without(string before, string after, string path, string expected)
    {
        var old = Documents.Read<Service>("{'metadata':{'name':'s'},'spec':" + before + "}");
        var updated = Documents.Read<Service>("{'metadata':{'name':'s'},'spec':" + after + "}");

        StrategyOf(updated).PrepareForUpdate(updated, old);

        Assert.Equal(expected, Documents.At(updated, path));
    }

    [Theory]
    [InlineData("'nodeName':'n'", "Running", null, 30L)]
    [InlineData("'nodeName':'n'", "Running", 5L, 5L)]
    [InlineData("'nodeName':'n'", "Running", 0L, 0L)]
    [InlineData("'nodeName':'n'", "Running", -3L, 1L)]
    [InlineData("'dnsPolicy':'Default'", "Pending", 5L, 0L)]
    [InlineData("'nodeName':'n'", "Succeeded", 5L, 0L)]
    [InlineData("'nodeName':'n'", "Failed", null, 0L)]
    public void A_pod_that_runs_is_given_time_to_end(string spec, string phase, long? requested, long expected)
    {
        var pod = Documents.Read<Pod>(
            "{'metadata':{'name':'p'},'spec':{'terminationGracePeriodSeconds':30," + spec + "},'status':{'phase':'" + phase + "'}}");

        Assert.Equal(expected, StrategyOf(pod).GracePeriodSeconds(pod, requested));
    }

    [Fact]
    public void Other_kinds_are_deleted_at_once() => Assert.Null(StrategyOf(new ConfigMap()).DefaultGracePeriodSeconds(new ConfigMap()));

    [Theory]
    [InlineData("coordination.k8s.io/v1", "Lease", true, false)]
    [InlineData("v1", "Event", true, true)]
    [InlineData("v1", "Endpoints", true, true)]
    [InlineData("v1", "LimitRange", true, true)]
    [InlineData("v1", "Service", true, true)]
    [InlineData("rbac.authorization.k8s.io/v1", "ClusterRole", true, true)]
    [InlineData("v1", "Pod", false, true)]
    [InlineData("apps/v1", "Deployment", false, true)]
    [InlineData("policy/v1", "PodDisruptionBudget", false, false)]
    [InlineData("node.k8s.io/v1", "RuntimeClass", false, false)]
    [InlineData("v1", "ConfigMap", false, true)]
    public void Some_kinds_are_made_by_a_put_and_some_need_a_version(string apiVersion, string kind, bool creates, bool unconditional)
    {
        var strategy = Strategy.For(ResourceTable.Served.ForKind(GroupVersionKind.Parse(apiVersion, kind))!);

        Assert.Equal(creates, strategy.AllowsCreateOnUpdate);
        Assert.Equal(unconditional, strategy.AllowsUnconditionalUpdate);
    }

    internal static Strategy StrategyOf(IKubernetesObject target) => Strategy.For(ResourceTable.Served.ForKind(target.GroupVersionKind)!);
}
