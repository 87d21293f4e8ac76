using Orchestrator.Api.Defaulting;

namespace Orchestrator.Api.Tests.Defaulting;

public sealed class DefaultsTests
{
    [Theory]
    [InlineData("spec.restartPolicy", "Always")]
    [InlineData("spec.dnsPolicy", "ClusterFirst")]
    [InlineData("spec.securityContext", "{}")]
    [InlineData("spec.terminationGracePeriodSeconds", "30")]
    [InlineData("spec.schedulerName", "default-scheduler")]
    [InlineData("spec.enableServiceLinks", "true")]
    [InlineData("spec.containers[0].imagePullPolicy", "Always")]
    [InlineData("spec.containers[0].terminationMessagePath", "/dev/termination-log")]
    [InlineData("spec.containers[0].terminationMessagePolicy", "File")]
    [InlineData("spec.containers[0].resources", "{}")]
    [InlineData("spec.containers[0].ports[0].protocol", "TCP")]
    [InlineData("spec.containers[0].ports[0].hostPort", "-")]
    [InlineData("spec.containers[0].livenessProbe.timeoutSeconds", "1")]
    [InlineData("spec.containers[0].livenessProbe.periodSeconds", "10")]
    [InlineData("spec.containers[0].livenessProbe.successThreshold", "1")]
    [InlineData("spec.containers[0].livenessProbe.failureThreshold", "3")]
    [InlineData("spec.containers[0].livenessProbe.httpGet.path", "/")]
    [InlineData("spec.containers[0].livenessProbe.httpGet.scheme", "HTTP")]
    [InlineData("spec.containers[0].readinessProbe.grpc.service", "")]
    [InlineData("spec.containers[0].startupProbe.periodSeconds", "3")]
    [InlineData("spec.containers[0].lifecycle.preStop.httpGet.scheme", "HTTP")]
    [InlineData("spec.containers[0].env[0].valueFrom.fieldRef.apiVersion", "v1")]
    [InlineData("spec.containers[0].env[1].valueFrom.resourceFieldRef.divisor", "0")]
    [InlineData("spec.volumes[0].emptyDir", "{}")]
    [InlineData("spec.volumes[1].secret.defaultMode", "420")]
    [InlineData("spec.volumes[2].configMap.defaultMode", "256")]
    [InlineData("spec.volumes[3].downwardAPI.defaultMode", "420")]
    [InlineData("spec.volumes[3].downwardAPI.items[0].fieldRef.apiVersion", "v1")]
    [InlineData("spec.volumes[4].projected.defaultMode", "420")]
    [InlineData("spec.volumes[4].projected.sources[0].serviceAccountToken.expirationSeconds", "3600")]
    [InlineData("spec.volumes[5].hostPath.type", "")]
    [InlineData("spec.volumes[6].ephemeral.volumeClaimTemplate.spec.volumeMode", "Filesystem")]
    [InlineData("spec.volumes[7].iscsi.iscsiInterface", "default")]
    [InlineData("spec.ephemeralContainers[0].imagePullPolicy", "IfNotPresent")]
    [InlineData("spec.serviceAccount", "builder")]
    [InlineData("spec.serviceAccountName", "builder")]
    [InlineData("status.podIPs[0].ip", "10.0.0.9")]
    public void A_pod_says_in_full_what_it_left_open(string path, string expected)
    {
        var pod = Documents.Read("""
            {'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{'serviceAccount':'builder',
            'containers':[{'name':'c','image':'nginx','ports':[{'containerPort':80}],
              'livenessProbe':{'httpGet':{'port':80}},'readinessProbe':{'grpc':{'port':5}},'startupProbe':{'periodSeconds':3,'exec':{'command':['a']}},
              'lifecycle':{'preStop':{'httpGet':{'port':80}}},
              'env':[{'name':'N','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'}}},
                     {'name':'L','valueFrom':{'resourceFieldRef':{'resource':'limits.cpu'}}}]}],
            'ephemeralContainers':[{'name':'e','image':'busybox:1'}],
            'volumes':[{'name':'a'},{'name':'b','secret':{'secretName':'s'}},{'name':'c','configMap':{'name':'m','defaultMode':256}},
              {'name':'d','downwardAPI':{'items':[{'path':'x','fieldRef':{'fieldPath':'metadata.name'}}]}},
              {'name':'e','projected':{'sources':[{'serviceAccountToken':{'path':'token'}}]}},{'name':'f','hostPath':{'path':'/x'}},
              {'name':'g','ephemeral':{'volumeClaimTemplate':{'spec':{'accessModes':['ReadWriteOnce']}}}},
              {'name':'h','iscsi':{'targetPortal':'1.2.3.4','iqn':'iqn.2001-04.com.example:a','lun':0}}]},
            'status':{'podIP':'10.0.0.9'}}
            """);

        Defaults.Apply(pod);

        Assert.Equal(expected, Documents.At(pod, path));
    }

    [Theory]
    [InlineData("nginx", "Always")]
    [InlineData("nginx:latest", "Always")]
    [InlineData("nginx:1.27", "IfNotPresent")]
    [InlineData("registry:5000/team/nginx", "Always")]
    [InlineData("registry:5000/team/nginx:1", "IfNotPresent")]
    [InlineData("nginx@sha256:0123456789012345678901234567890123456789012345678901234567890123", "IfNotPresent")]
    [InlineData("nginx:latest@sha256:0123456789012345678901234567890123456789012345678901234567890123", "Always")]
    [InlineData("", "IfNotPresent")]
    public void An_image_whose_tag_moves_is_always_pulled(string image, string expected)
    {
        var pod = Documents.Read($$$"""
            {'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'{{{image}}}'}]}}
            """);

        Defaults.Apply(pod);

        Assert.Equal(expected, Documents.At(pod, "spec.containers[0].imagePullPolicy"));
    }

    [Theory]
    [InlineData("spec.containers[0].resources.requests.cpu", "500m")]
    [InlineData("spec.containers[0].resources.requests.memory", "64Mi")]
    [InlineData("spec.initContainers[0].resources.requests.cpu", "2")]
    public void What_is_limited_and_not_requested_is_requested_in_full(string path, string expected)
    {
        var pod = Documents.Read("""
            {'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{
            'initContainers':[{'name':'i','image':'a:1','resources':{'limits':{'cpu':'2'}}}],
            'containers':[{'name':'c','image':'a:1','resources':{'limits':{'cpu':'0.5','memory':'128Mi'},'requests':{'memory':'64Mi'}}}]}}
            """);

        Defaults.Apply(pod);

        Assert.Equal(expected, Documents.At(pod, path));
    }

    [Fact]
    public void A_pod_on_the_nodes_network_listens_on_the_nodes_ports()
    {
        var pod = Documents.Read("""
            {'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{'hostNetwork':true,
            'containers':[{'name':'c','image':'a:1','ports':[{'containerPort':80},{'containerPort':81,'hostPort':9}]}]}}
            """);

        Defaults.Apply(pod);

        Assert.Equal("80", Documents.At(pod, "spec.containers[0].ports[0].hostPort"));
        Assert.Equal("9", Documents.At(pod, "spec.containers[0].ports[1].hostPort"));
    }

    [Theory]
    [InlineData("spec.template.spec.restartPolicy", "Always")]
    [InlineData("spec.template.spec.enableServiceLinks", "-")]
    [InlineData("spec.template.spec.containers[0].resources.requests", "-")]
    [InlineData("spec.template.spec.containers[0].ports[0].hostPort", "-")]
    [InlineData("spec.replicas", "1")]
    [InlineData("spec.strategy.type", "RollingUpdate")]
    [InlineData("spec.strategy.rollingUpdate.maxSurge", "25%")]
    [InlineData("spec.strategy.rollingUpdate.maxUnavailable", "0")]
    [InlineData("spec.revisionHistoryLimit", "10")]
    [InlineData("spec.progressDeadlineSeconds", "600")]
    public void A_template_gets_less_than_a_pod_so_that_stored_ones_stay_as_they_are(string path, string expected)
    {
        var deployment = Documents.Read("""
            {'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d'},'spec':{'strategy':{'rollingUpdate':{'maxUnavailable':0}},
            'template':{'spec':{'hostNetwork':true,
            'containers':[{'name':'c','image':'a:1','ports':[{'containerPort':80}],'resources':{'limits':{'cpu':'1'}}}]}}}}
            """);

        Defaults.Apply(deployment);

        Assert.Equal(expected, Documents.At(deployment, path));
    }

    [Theory]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment','spec':{'strategy':{'type':'Recreate'}}}", "spec.strategy.rollingUpdate", "-")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ReplicaSet','spec':{}}", "spec.replicas", "1")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ReplicaSet','spec':{'replicas':0}}", "spec.replicas", "0")]
    [InlineData("{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{}}", "spec.podManagementPolicy", "OrderedReady")]
    [InlineData("{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{}}", "spec.updateStrategy", "{'rollingUpdate':{'partition':0},'type':'RollingUpdate'}")]
    [InlineData("{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{}}", "spec.persistentVolumeClaimRetentionPolicy.whenScaled", "Retain")]
    [InlineData("{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{'volumeClaimTemplates':[{'spec':{}}]}}", "spec.volumeClaimTemplates[0].kind", "PersistentVolumeClaim")]
    [InlineData("{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{'volumeClaimTemplates':[{'spec':{}}]}}", "spec.volumeClaimTemplates[0].spec.volumeMode", "Filesystem")]
    [InlineData("{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{'volumeClaimTemplates':[{'spec':{}}]}}", "spec.volumeClaimTemplates[0].status.phase", "Pending")]
    [InlineData("{'apiVersion':'apps/v1','kind':'DaemonSet','spec':{}}", "spec.updateStrategy", "{'rollingUpdate':{'maxSurge':0,'maxUnavailable':1},'type':'RollingUpdate'}")]
    [InlineData("{'apiVersion':'v1','kind':'ReplicationController','spec':{'template':{'metadata':{'labels':{'a':'b'}}}}}", "spec.selector", "{'a':'b'}")]
    [InlineData("{'apiVersion':'v1','kind':'ReplicationController','spec':{'template':{'metadata':{'labels':{'a':'b'}}}}}", "metadata.labels", "{'a':'b'}")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{}}", "spec.completions", "1")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{}}", "spec.parallelism", "1")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{'parallelism':3}}", "spec.completions", "-")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{'completions':3}}", "spec.parallelism", "1")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{}}", "spec.backoffLimit", "6")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{'backoffLimitPerIndex':1}}", "spec.backoffLimit", "2147483647")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{}}", "spec.completionMode", "NonIndexed")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{}}", "spec.suspend", "false")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{}}", "spec.podReplacementPolicy", "TerminatingOrFailed")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{'podFailurePolicy':{'rules':[{'action':'Ignore','onPodConditions':[{'type':'X'}]}]}}}", "spec.podReplacementPolicy", "Failed")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job','spec':{'podFailurePolicy':{'rules':[{'action':'Ignore','onPodConditions':[{'type':'X'}]}]}}}", "spec.podFailurePolicy.rules[0].onPodConditions[0].status", "True")]
    [InlineData("{'apiVersion':'batch/v1','kind':'CronJob','spec':{'jobTemplate':{'spec':{}}}}", "spec.concurrencyPolicy", "Allow")]
    [InlineData("{'apiVersion':'batch/v1','kind':'CronJob','spec':{'jobTemplate':{'spec':{}}}}", "spec.successfulJobsHistoryLimit", "3")]
    [InlineData("{'apiVersion':'batch/v1','kind':'CronJob','spec':{'jobTemplate':{'spec':{}}}}", "spec.failedJobsHistoryLimit", "1")]
    [InlineData("{'apiVersion':'batch/v1','kind':'CronJob','spec':{'jobTemplate':{'spec':{}}}}", "spec.suspend", "false")]
    [InlineData("{'apiVersion':'batch/v1','kind':'CronJob','spec':{'jobTemplate':{'spec':{}}}}", "spec.jobTemplate.spec.template.spec.dnsPolicy", "ClusterFirst")]
    [InlineData("{'apiVersion':'batch/v1','kind':'CronJob','spec':{'jobTemplate':{'spec':{}}}}", "spec.jobTemplate.spec.backoffLimit", "-")]
    [InlineData("{'apiVersion':'autoscaling/v1','kind':'HorizontalPodAutoscaler','spec':{}}", "spec.minReplicas", "1")]
    [InlineData("{'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler','spec':{}}", "spec.metrics[0].resource.target.averageUtilization", "80")]
    [InlineData("{'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler','spec':{}}", "spec.behavior", "-")]
    [InlineData("{'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler','spec':{'behavior':{'scaleDown':{'stabilizationWindowSeconds':5}}}}", "spec.behavior.scaleUp.policies[1].value", "100")]
    [InlineData("{'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler','spec':{'behavior':{'scaleDown':{'stabilizationWindowSeconds':5}}}}", "spec.behavior.scaleDown.selectPolicy", "Max")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'ports':[{'port':80}]}}", "spec.type", "ClusterIP")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'ports':[{'port':80}]}}", "spec.ports[0].targetPort", "80")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'ports':[{'port':80,'targetPort':'web'}]}}", "spec.ports[0].targetPort", "web")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'ports':[{'port':80}]}}", "spec.ports[0].protocol", "TCP")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{}}", "spec.sessionAffinity", "None")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'sessionAffinity':'ClientIP'}}", "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "10800")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{}}", "spec.internalTrafficPolicy", "Cluster")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{}}", "spec.externalTrafficPolicy", "-")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'type':'NodePort'}}", "spec.externalTrafficPolicy", "Cluster")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'externalIPs':['1.2.3.4']}}", "spec.externalTrafficPolicy", "Cluster")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'type':'LoadBalancer'}}", "spec.allocateLoadBalancerNodePorts", "true")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'type':'LoadBalancer'},'status':{'loadBalancer':{'ingress':[{'ip':'1.2.3.4'}]}}}", "status.loadBalancer.ingress[0].ipMode", "VIP")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{'type':'ExternalName'}}", "spec.internalTrafficPolicy", "-")]
    [InlineData("{'apiVersion':'v1','kind':'Service','spec':{}}", "status.loadBalancer", "{}")]
    [InlineData("{'apiVersion':'v1','kind':'Endpoints','subsets':[{'ports':[{'port':1}]}]}", "subsets[0].ports[0].protocol", "TCP")]
    [InlineData("{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','ports':[{'port':1}]}", "ports[0]", "{'name':'','port':1,'protocol':'TCP'}")]
    [InlineData("{'apiVersion':'v1','kind':'Secret','stringData':{'a':'b'},'data':{'a':'eA==','c':'eQ=='}}", "data", "{'a':'Yg==','c':'eQ=='}")]
    [InlineData("{'apiVersion':'v1','kind':'Secret','stringData':{'a':'b'}}", "stringData", "-")]
    [InlineData("{'apiVersion':'v1','kind':'Secret'}", "type", "Opaque")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'n'}}", "metadata.labels", "{'kubernetes.io/metadata.name':'n'}")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace','metadata':{'generateName':'n'}}", "metadata.labels", "-")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'n'}}", "status.phase", "Active")]
    [InlineData("{'apiVersion':'v1','kind':'Node','status':{'capacity':{'cpu':'2'}}}", "status.allocatable.cpu", "2")]
    [InlineData("{'apiVersion':'v1','kind':'LimitRange','spec':{'limits':[{'type':'Container','max':{'cpu':'2'},'min':{'memory':'1Mi'}}]}}", "spec.limits[0].default", "{'cpu':'2'}")]
    [InlineData("{'apiVersion':'v1','kind':'LimitRange','spec':{'limits':[{'type':'Container','max':{'cpu':'2'},'min':{'memory':'1Mi'}}]}}", "spec.limits[0].defaultRequest", "{'cpu':'2','memory':'1Mi'}")]
    [InlineData("{'apiVersion':'v1','kind':'LimitRange','spec':{'limits':[{'type':'Pod','max':{'cpu':'2'}}]}}", "spec.limits[0].default", "-")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolume','spec':{}}", "spec.persistentVolumeReclaimPolicy", "Retain")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolume','spec':{}}", "spec.volumeMode", "Filesystem")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolume','spec':{}}", "status.phase", "Pending")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolumeClaim','spec':{}}", "spec.volumeMode", "Filesystem")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'StorageClass','provisioner':'p'}", "reclaimPolicy", "Delete")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'StorageClass','provisioner':'p'}", "volumeBindingMode", "Immediate")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'CSIDriver','spec':{}}", "spec.volumeLifecycleModes", "['Persistent']")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'CSIDriver','spec':{}}", "spec.fsGroupPolicy", "ReadWriteOnceWithFSType")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','spec':{}}", "spec.policyTypes", "['Ingress']")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','spec':{'egress':[{'ports':[{'port':1}]}]}}", "spec.policyTypes", "['Ingress','Egress']")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','spec':{'egress':[{'ports':[{'port':1}]}]}}", "spec.egress[0].ports[0].protocol", "TCP")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'IngressClass','spec':{'controller':'a/b','parameters':{'kind':'K','name':'n'}}}", "spec.parameters.scope", "Cluster")]
    [InlineData("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'RoleBinding','roleRef':{'kind':'Role','name':'r'}}", "roleRef.apiGroup", "rbac.authorization.k8s.io")]
    [InlineData("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRoleBinding','roleRef':{'kind':'ClusterRole','name':'r'},'subjects':[{'kind':'User','name':'u'}]}", "subjects[0].apiGroup", "rbac.authorization.k8s.io")]
    [InlineData("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRoleBinding','roleRef':{'kind':'ClusterRole','name':'r'},'subjects':[{'kind':'ServiceAccount','name':'u'}]}", "subjects[0].apiGroup", "-")]
    [InlineData("{'apiVersion':'scheduling.k8s.io/v1','kind':'PriorityClass','value':5}", "preemptionPolicy", "PreemptLowerPriority")]
    public void What_a_kind_leaves_open_is_filled_in(string json, string path, string expected)
    {
        var target = Documents.Read(json);

        Defaults.Apply(target);

        Assert.Equal(expected, Documents.At(target, path));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Applying_defaults_twice_changes_nothing(string apiVersion, string kind)
    {
        var once = KubernetesJson.Create(GroupVersionKind.Parse(apiVersion, kind))!;
        Defaults.Apply(once);
        string first = Documents.Write(once);

        Defaults.Apply(once);

        Assert.Equal(first, Documents.Write(once));
    }

    public static TheoryData<string, string> Kinds()
    {
        var kinds = new TheoryData<string, string>();
        foreach (var kind in ResourceTable.Served.All.Where(resource => resource.StoragePrefix is not null)
            .Select(resource => resource.Kind).Distinct())
            kinds.Add(kind.ApiVersion, kind.Kind);
        return kinds;
    }
}
