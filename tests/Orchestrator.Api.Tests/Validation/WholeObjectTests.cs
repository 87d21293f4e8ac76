using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Api.Defaulting;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.Strategies;
using Orchestrator.Api.Tests.Decoding;
using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

/// <summary>Objects as people, kubectl, kubelets and controllers write them are taken, and taken again when nothing was changed.</summary>
public sealed class WholeObjectTests
{
    private static readonly DateTimeOffset _now = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [MemberData(nameof(KubectlBodyTests.Bodies), MemberType = typeof(KubectlBodyTests))]
    public void What_kubectl_generates_is_taken(string kind, string body, string meant)
    {
        _ = body;
        if (ResourceTable.Served.ForKind(KindOf(JsonNode.Parse(meant)!)) is not { } resource || !resource.Allows("get"))
            return;
        // The flags of this one are at odds: pods of best effort have no CPU and no memory that could be counted.
        const string NoScope = "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"BestEffort\"}: unsupported scope applied to resource";

        Assert.Equal(kind == "ResourceQuota" ? NoScope + "\n" + NoScope : "", Written(meant));
    }

    [Theory]
    // A pod with nearly all that a pod can have.
    [InlineData("""
        {'apiVersion':'v1','kind':'Pod','metadata':{'generateName':'web-','labels':{'app.kubernetes.io/name':'web','tier':'front-end'},
        'annotations':{'example.com/a':'any text'},'finalizers':['example.com/guard'],
        'ownerReferences':[{'apiVersion':'apps/v1','kind':'ReplicaSet','name':'web','uid':'u','controller':true,'blockOwnerDeletion':true}]},
        'spec':{'serviceAccountName':'web','automountServiceAccountToken':true,'hostname':'h','subdomain':'s','priorityClassName':'high',
        'nodeSelector':{'kubernetes.io/os':'linux'},'imagePullSecrets':[{'name':'pull'}],'readinessGates':[{'conditionType':'example.com/ready'}],
        'securityContext':{'runAsUser':1000,'runAsNonRoot':true,'fsGroup':2000,'supplementalGroups':[1,2],'seccompProfile':{'type':'RuntimeDefault'},
        'sysctls':[{'name':'net.ipv4.ip_local_port_range','value':'1024 65000'}],'fsGroupChangePolicy':'OnRootMismatch'},
        'dnsPolicy':'None','dnsConfig':{'nameservers':['10.0.0.10'],'searches':['default.svc.cluster.local'],'options':[{'name':'ndots','value':'5'}]},
        'hostAliases':[{'ip':'127.0.0.1','hostnames':['foo.local']}],
        'initContainers':[{'name':'sync','image':'busybox:1','restartPolicy':'Always','startupProbe':{'exec':{'command':['true']}}},{'name':'init','image':'busybox:1'}],
        'containers':[{'name':'web','image':'registry.example:5000/team/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
        'command':['/bin/web'],'args':['--port=$(PORT)'],'workingDir':'/srv',
        'ports':[{'name':'http','containerPort':8080},{'name':'dns','containerPort':53,'protocol':'UDP'},{'name':'dns-tcp','containerPort':53}],
        'envFrom':[{'prefix':'CFG_','configMapRef':{'name':'cfg'}},{'secretRef':{'name':'sec','optional':true}}],
        'env':[{'name':'PORT','value':'8080'},{'name':'POD_IP','valueFrom':{'fieldRef':{'fieldPath':'status.podIP'}}},
        {'name':'TIER','valueFrom':{'fieldRef':{'fieldPath':'metadata.labels[`tier`]'}}},
        {'name':'CPU','valueFrom':{'resourceFieldRef':{'resource':'limits.cpu','divisor':'1m'}}},
        {'name':'KEY','valueFrom':{'secretKeyRef':{'name':'sec','key':'tls.key'}}},{'name':'C','valueFrom':{'configMapKeyRef':{'name':'cfg','key':'a_b'}}}],
        'resources':{'requests':{'cpu':'100m','memory':'64Mi','ephemeral-storage':'1Gi'},'limits':{'cpu':'1','memory':'128Mi','ephemeral-storage':'2Gi','example.com/gpu':'1'}},
        'volumeMounts':[{'name':'cfg','mountPath':'/etc/cfg','readOnly':true},{'name':'data','mountPath':'/data','subPath':'web'},{'name':'tmp','mountPath':'/tmp'}],
        'livenessProbe':{'httpGet':{'path':'/healthz','port':'http','httpHeaders':[{'name':'X-Probe','value':'1'}]},'periodSeconds':5},
        'readinessProbe':{'tcpSocket':{'port':8080}},'startupProbe':{'grpc':{'port':8080},'failureThreshold':30},
        'lifecycle':{'preStop':{'sleep':{'seconds':5}},'postStart':{'exec':{'command':['true']}}},
        'securityContext':{'allowPrivilegeEscalation':false,'readOnlyRootFilesystem':true,'capabilities':{'drop':['ALL'],'add':['NET_BIND_SERVICE']}}}],
        'volumes':[{'name':'cfg','configMap':{'name':'cfg','items':[{'key':'a','path':'x/a','mode':256}]}},{'name':'data','persistentVolumeClaim':{'claimName':'data'}},
        {'name':'tmp','emptyDir':{'medium':'Memory','sizeLimit':'64Mi'}},{'name':'host','hostPath':{'path':'/var/log','type':'Directory'}},
        {'name':'sec','secret':{'secretName':'sec','defaultMode':256}},{'name':'info','downwardAPI':{'items':[{'path':'labels','fieldRef':{'fieldPath':'metadata.labels'}}]}},
        {'name':'scratch','ephemeral':{'volumeClaimTemplate':{'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}}},
        {'name':'kube-api-access-x2x','projected':{'defaultMode':420,'sources':[{'serviceAccountToken':{'expirationSeconds':3607,'path':'token'}},
        {'configMap':{'name':'kube-root-ca.crt','items':[{'key':'ca.crt','path':'ca.crt'}]}},{'downwardAPI':{'items':[{'path':'namespace','fieldRef':{'apiVersion':'v1','fieldPath':'metadata.namespace'}}]}}]}},
        {'name':'csi','csi':{'driver':'secrets.example.com','readOnly':true,'volumeAttributes':{'a':'b'}}},{'name':'nfs','nfs':{'server':'nfs.example','path':'/x'}}],
        'tolerations':[{'key':'node.kubernetes.io/not-ready','operator':'Exists','effect':'NoExecute','tolerationSeconds':300},{'operator':'Exists'},{'key':'a','value':'b','effect':'NoSchedule'}],
        'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'topology.kubernetes.io/zone','whenUnsatisfiable':'ScheduleAnyway','labelSelector':{'matchLabels':{'app':'web'}},'matchLabelKeys':['pod-template-hash']},
        {'maxSkew':1,'topologyKey':'kubernetes.io/hostname','whenUnsatisfiable':'DoNotSchedule','minDomains':2,'nodeAffinityPolicy':'Honor','labelSelector':{'matchLabels':{'app':'web'}}}],
        'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[{'matchExpressions':[{'key':'a','operator':'In','values':['b']},{'key':'n','operator':'Gt','values':['3']}]}]},
        'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':1,'preference':{'matchFields':[{'key':'metadata.name','operator':'In','values':['n']}]}}]},
        'podAntiAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':100,'podAffinityTerm':{'topologyKey':'kubernetes.io/hostname','labelSelector':{'matchExpressions':[{'key':'app','operator':'In','values':['web']}]},'namespaceSelector':{}}}]},
        'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'zone','labelSelector':{'matchLabels':{'app':'db'}},'namespaces':['db']}]}},
        'terminationGracePeriodSeconds':60,'enableServiceLinks':false,'shareProcessNamespace':true,'setHostnameAsFQDN':false,'os':{'name':'linux'}}}
        """)]
    // A node agent.
    [InlineData("""
        {'apiVersion':'apps/v1','kind':'DaemonSet','metadata':{'name':'agent'},'spec':{'selector':{'matchLabels':{'name':'agent'}},
        'updateStrategy':{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':'10%'}},'minReadySeconds':5,'revisionHistoryLimit':3,
        'template':{'metadata':{'labels':{'name':'agent'}},'spec':{'hostNetwork':true,'hostPID':true,'hostIPC':true,'dnsPolicy':'ClusterFirstWithHostNet','priorityClassName':'system-node-critical',
        'tolerations':[{'key':'node-role.kubernetes.io/control-plane','operator':'Exists','effect':'NoSchedule'}],
        'containers':[{'name':'agent','image':'agent:1','ports':[{'containerPort':9100,'name':'metrics'}],'securityContext':{'privileged':true},
        'volumeMounts':[{'name':'root','mountPath':'/host','mountPropagation':'HostToContainer','readOnly':true}],
        'livenessProbe':{'httpGet':{'host':'127.0.0.1','path':'/','port':9100,'scheme':'HTTPS'},'terminationGracePeriodSeconds':10}}],
        'volumes':[{'name':'root','hostPath':{'path':'/'}}]}}}}
        """)]
    [InlineData("""
        {'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'db'},'spec':{'serviceName':'db','replicas':3,'podManagementPolicy':'Parallel','ordinals':{'start':1},
        'persistentVolumeClaimRetentionPolicy':{'whenDeleted':'Delete','whenScaled':'Retain'},'updateStrategy':{'type':'RollingUpdate','rollingUpdate':{'partition':2}},
        'selector':{'matchLabels':{'app':'db'},'matchExpressions':[{'key':'app','operator':'Exists'}]},
        'template':{'metadata':{'labels':{'app':'db'}},'spec':{'containers':[{'name':'db','image':'db:1','volumeMounts':[{'name':'data','mountPath':'/data'}]}]}},
        'volumeClaimTemplates':[{'metadata':{'name':'data'},'spec':{'accessModes':['ReadWriteOnce'],'storageClassName':'fast','resources':{'requests':{'storage':'10Gi'}}}}]}}
        """)]
    [InlineData("""
        {'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'coredns','labels':{'k8s-app':'kube-dns'}},'spec':{'replicas':2,'progressDeadlineSeconds':600,'paused':false,
        'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':1,'maxSurge':'25%'}},'selector':{'matchLabels':{'k8s-app':'kube-dns'}},
        'template':{'metadata':{'labels':{'k8s-app':'kube-dns'}},'spec':{'serviceAccountName':'coredns','dnsPolicy':'Default',
        'containers':[{'name':'coredns','image':'coredns:1.12','args':['-conf','/etc/coredns/Corefile'],'imagePullPolicy':'IfNotPresent',
        'ports':[{'containerPort':53,'name':'dns','protocol':'UDP'},{'containerPort':53,'name':'dns-tcp','protocol':'TCP'}],
        'volumeMounts':[{'name':'config-volume','mountPath':'/etc/coredns','readOnly':true}]}],
        'volumes':[{'name':'config-volume','configMap':{'name':'coredns','items':[{'key':'Corefile','path':'Corefile'}]}}]}}}}
        """)]
    [InlineData("""
        {'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'one'},'spec':{'strategy':{'type':'Recreate'},'selector':{'matchLabels':{'a':'b'}},
        'template':{'metadata':{'labels':{'a':'b','c':''}},'spec':{'containers':[{'name':'c','image':'i','env':[{'name':'a.b-c','value':''}]}]}}}}
        """)]
    [InlineData("""
        {'apiVersion':'batch/v1','kind':'Job','metadata':{'name':'work'},'spec':{'completionMode':'Indexed','completions':10,'parallelism':3,'backoffLimitPerIndex':1,'maxFailedIndexes':5,
        'ttlSecondsAfterFinished':100,'activeDeadlineSeconds':600,'suspend':true,'podReplacementPolicy':'Failed',
        'successPolicy':{'rules':[{'succeededIndexes':'0,2-4','succeededCount':2}]},
        'podFailurePolicy':{'rules':[{'action':'FailIndex','onExitCodes':{'containerName':'c','operator':'In','values':[1,42]}},{'action':'Ignore','onPodConditions':[{'type':'DisruptionTarget'}]}]},
        'template':{'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'i'}]}}}}
        """)]
    [InlineData("""
        {'apiVersion':'batch/v1','kind':'CronJob','metadata':{'name':'nightly'},'spec':{'schedule':'@daily','timeZone':'Etc/UTC','concurrencyPolicy':'Forbid','startingDeadlineSeconds':60,
        'successfulJobsHistoryLimit':0,'failedJobsHistoryLimit':2,'suspend':false,
        'jobTemplate':{'metadata':{'labels':{'a':'b'}},'spec':{'backoffLimit':2,'template':{'spec':{'restartPolicy':'OnFailure','containers':[{'name':'c','image':'i'}]}}}}}}
        """)]
    [InlineData("{'apiVersion':'v1','kind':'Service','metadata':{'name':'headless'},'spec':{'clusterIP':'None','selector':{'a':'b'},'publishNotReadyAddresses':true,'ports':[{'name':'http','port':80,'targetPort':'http','appProtocol':'kubernetes.io/h2c'}]}}")]
    [InlineData("{'apiVersion':'v1','kind':'Service','metadata':{'name':'away'},'spec':{'type':'ExternalName','externalName':'db.example.com'}}")]
    [InlineData("""
        {'apiVersion':'v1','kind':'Service','metadata':{'name':'front'},'spec':{'type':'LoadBalancer','externalTrafficPolicy':'Local','loadBalancerSourceRanges':['10.0.0.0/8'],'allocateLoadBalancerNodePorts':false,
        'loadBalancerClass':'example.com/lb','sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':60}},'externalIPs':['192.0.2.1'],'selector':{'a':'b'},
        'ipFamilyPolicy':'SingleStack','ports':[{'name':'dns','port':53,'protocol':'UDP'},{'name':'dns-tcp','port':53}]}}
        """)]
    [InlineData("{'apiVersion':'v1','kind':'Service','metadata':{'name':'bare'},'spec':{'ports':[{'port':443}],'trafficDistribution':'PreferClose','internalTrafficPolicy':'Local'}}")]
    [InlineData("{'apiVersion':'v1','kind':'Secret','metadata':{'name':'token','annotations':{'kubernetes.io/service-account.name':'sa'}},'type':'kubernetes.io/service-account-token'}")]
    [InlineData("{'apiVersion':'v1','kind':'Secret','metadata':{'name':'login'},'type':'kubernetes.io/basic-auth','stringData':{'username':'u','password':'p'}}")]
    [InlineData("{'apiVersion':'v1','kind':'Secret','metadata':{'name':'bootstrap-token-abcdef'},'type':'bootstrap.kubernetes.io/token','stringData':{'token-id':'abcdef'}}")]
    [InlineData("{'apiVersion':'v1','kind':'Secret','metadata':{'name':'sh.helm.release.v1.web.v1','labels':{'owner':'helm'}},'type':'helm.sh/release.v1','data':{'release':'SDRzSQ=='}}")]
    [InlineData("{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c'},'data':{'Corefile':'.:53','a.b_c-D':''},'binaryData':{'bin':'AAE='},'immutable':true}")]
    [InlineData("{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'kube-root-ca.crt'},'data':{'ca.crt':'x'}}")]
    [InlineData("{'apiVersion':'v1','kind':'ServiceAccount','metadata':{'name':'sa'},'imagePullSecrets':[{'name':'x'}],'secrets':[{'name':'y'}],'automountServiceAccountToken':false}")]
    [InlineData("{'apiVersion':'v1','kind':'LimitRange','metadata':{'name':'l'},'spec':{'limits':[{'type':'Container','default':{'cpu':'500m'},'defaultRequest':{'cpu':'100m'}},{'type':'PersistentVolumeClaim','max':{'storage':'2Gi'},'min':{'storage':'1Gi'}},{'type':'Pod','max':{'memory':'1Gi'}}]}}")]
    [InlineData("{'apiVersion':'v1','kind':'ResourceQuota','metadata':{'name':'q'},'spec':{'hard':{'cpu':'10','requests.memory':'1Gi','limits.cpu':'20','pods':'10','count/deployments.apps':'5','services.nodeports':'0','requests.example.com/gpu':'4','persistentvolumeclaims':'3','fast.storageclass.storage.k8s.io/requests.storage':'5Gi'}}}")]
    [InlineData("{'apiVersion':'v1','kind':'ResourceQuota','metadata':{'name':'q'},'spec':{'hard':{'pods':'10'},'scopeSelector':{'matchExpressions':[{'scopeName':'PriorityClass','operator':'In','values':['high']}]}}}")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolume','metadata':{'name':'pv'},'spec':{'capacity':{'storage':'5Gi'},'accessModes':['ReadWriteMany'],'storageClassName':'slow','mountOptions':['hard'],'nfs':{'path':'/x','server':'10.0.0.9'}}}")]
    [InlineData("""
        {'apiVersion':'v1','kind':'PersistentVolume','metadata':{'name':'local'},'spec':{'capacity':{'storage':'5Gi'},'accessModes':['ReadWriteOnce'],'persistentVolumeReclaimPolicy':'Delete','storageClassName':'local','local':{'path':'/mnt/ssd'},
        'nodeAffinity':{'required':{'nodeSelectorTerms':[{'matchExpressions':[{'key':'kubernetes.io/hostname','operator':'In','values':['n']}]}]}}}}
        """)]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolume','metadata':{'name':'pvc-0f'},'spec':{'capacity':{'storage':'5Gi'},'accessModes':['ReadWriteOncePod'],'volumeMode':'Block','claimRef':{'apiVersion':'v1','kind':'PersistentVolumeClaim','namespace':'ns','name':'c','uid':'u'},'csi':{'driver':'csi.example.com','volumeHandle':'h','fsType':'ext4'}}}")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolumeClaim','metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteOnce'],'volumeMode':'Filesystem','storageClassName':'','volumeName':'pv','resources':{'requests':{'storage':'5Gi'},'limits':{'storage':'6Gi'}},'selector':{'matchLabels':{'a':'b'}}}}")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolumeClaim','metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'5Gi'}},'dataSource':{'apiGroup':'snapshot.storage.k8s.io','kind':'VolumeSnapshot','name':'s'}}}")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'StorageClass','metadata':{'name':'fast','annotations':{'storageclass.kubernetes.io/is-default-class':'true'}},'provisioner':'csi.example.com','parameters':{'type':'ssd'},'allowVolumeExpansion':true,'volumeBindingMode':'WaitForFirstConsumer','allowedTopologies':[{'matchLabelExpressions':[{'key':'zone','values':['a','b']}]}]}")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'CSIDriver','metadata':{'name':'csi.example.com'},'spec':{'attachRequired':false,'podInfoOnMount':true,'fsGroupPolicy':'File','volumeLifecycleModes':['Persistent','Ephemeral'],'tokenRequests':[{'audience':'x','expirationSeconds':3600}]}}")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'CSINode','metadata':{'name':'n'},'spec':{'drivers':[{'name':'csi.example.com','nodeID':'i-1','topologyKeys':['zone'],'allocatable':{'count':16}}]}}")]
    [InlineData("""
        {'apiVersion':'networking.k8s.io/v1','kind':'Ingress','metadata':{'name':'i','annotations':{'nginx.ingress.kubernetes.io/rewrite-target':'/$1'}},'spec':{'ingressClassName':'nginx','defaultBackend':{'service':{'name':'d','port':{'name':'http'}}},
        'tls':[{'hosts':['a.example','*.b.example'],'secretName':'tls'}],'rules':[{'host':'*.b.example','http':{'paths':[{'path':'/x(/|$)(.*)','pathType':'ImplementationSpecific','backend':{'service':{'name':'s','port':{'number':80}}}},
        {'path':'/','pathType':'Prefix','backend':{'resource':{'apiGroup':'k8s.example.com','kind':'Bucket','name':'static'}}}]}},{'http':{'paths':[{'path':'/y','pathType':'Exact','backend':{'service':{'name':'s','port':{'number':80}}}}]}}]}}
        """)]
    [InlineData("""
        {'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','metadata':{'name':'p'},'spec':{'podSelector':{'matchLabels':{'role':'db'}},'policyTypes':['Ingress','Egress'],
        'ingress':[{'from':[{'ipBlock':{'cidr':'172.17.0.0/16','except':['172.17.1.0/24']}},{'namespaceSelector':{'matchLabels':{'p':'q'}},'podSelector':{'matchLabels':{'r':'f'}}}],'ports':[{'protocol':'TCP','port':6379},{'port':'http'}]},{}],
        'egress':[{'to':[{'ipBlock':{'cidr':'10.0.0.0/24'}}],'ports':[{'protocol':'TCP','port':32000,'endPort':32768}]}]}}
        """)]
    [InlineData("{'apiVersion':'policy/v1','kind':'PodDisruptionBudget','metadata':{'name':'p'},'spec':{'maxUnavailable':'30%','unhealthyPodEvictionPolicy':'AlwaysAllow','selector':{}}}")]
    [InlineData("""
        {'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler','metadata':{'name':'h'},'spec':{'scaleTargetRef':{'apiVersion':'apps/v1','kind':'Deployment','name':'web'},'minReplicas':2,'maxReplicas':10,
        'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':50}}},{'type':'Pods','pods':{'metric':{'name':'packets'},'target':{'type':'AverageValue','averageValue':'1k'}}},
        {'type':'Object','object':{'metric':{'name':'rps'},'describedObject':{'apiVersion':'networking.k8s.io/v1','kind':'Ingress','name':'main'},'target':{'type':'Value','value':'10k'}}},
        {'type':'ContainerResource','containerResource':{'name':'cpu','container':'web','target':{'type':'Utilization','averageUtilization':60}}},
        {'type':'External','external':{'metric':{'name':'queue','selector':{'matchLabels':{'q':'w'}}},'target':{'type':'AverageValue','averageValue':'30'}}}],
        'behavior':{'scaleDown':{'stabilizationWindowSeconds':300,'policies':[{'type':'Percent','value':100,'periodSeconds':15}]},'scaleUp':{'selectPolicy':'Max','policies':[{'type':'Pods','value':4,'periodSeconds':15}]}}}}
        """)]
    [InlineData("{'apiVersion':'autoscaling/v1','kind':'HorizontalPodAutoscaler','metadata':{'name':'h'},'spec':{'scaleTargetRef':{'apiVersion':'apps/v1','kind':'Deployment','name':'web'},'maxReplicas':10,'targetCPUUtilizationPercentage':80}}")]
    [InlineData("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRole','metadata':{'name':'system:aggregate-to-view','labels':{'rbac.authorization.k8s.io/aggregate-to-view':'true'}},'rules':[{'apiGroups':['','apps'],'resources':['pods','pods/log','*'],'verbs':['get','list','watch'],'resourceNames':['x']},{'nonResourceURLs':['/healthz','/api/*','*'],'verbs':['*']}],'aggregationRule':{'clusterRoleSelectors':[{'matchLabels':{'a':'b'}}]}}")]
    [InlineData("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRoleBinding','metadata':{'name':'system:basic-user'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'system:basic-user'},'subjects':[{'kind':'Group','name':'system:authenticated'},{'kind':'ServiceAccount','name':'default','namespace':'kube-system'}]}")]
    [InlineData("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'RoleBinding','metadata':{'name':'system::leader-locking'},'roleRef':{'kind':'Role','name':'system::leader'}}")]
    [InlineData("{'apiVersion':'scheduling.k8s.io/v1','kind':'PriorityClass','metadata':{'name':'system-cluster-critical'},'value':2000000000,'description':'x'}")]
    [InlineData("{'apiVersion':'node.k8s.io/v1','kind':'RuntimeClass','metadata':{'name':'kata'},'handler':'kata-qemu','overhead':{'podFixed':{'memory':'120Mi','cpu':'250m'}},'scheduling':{'nodeSelector':{'kata':'true'},'tolerations':[{'key':'kata','operator':'Exists'}]}}")]
    // What a cluster's own parts write.
    [InlineData("{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':'node-1','ownerReferences':[{'apiVersion':'v1','kind':'Node','name':'node-1','uid':'u'}]},'spec':{'holderIdentity':'node-1','leaseDurationSeconds':40,'renewTime':'2026-03-04T12:00:00.123456Z'}}")]
    [InlineData("{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':{'name':'kube-controller-manager'},'spec':{'holderIdentity':'m_1','leaseDurationSeconds':15,'acquireTime':'2026-03-04T12:00:00.000000Z','renewTime':'2026-03-04T12:00:00.000000Z','leaseTransitions':0}}")]
    [InlineData("{'apiVersion':'v1','kind':'Event','metadata':{'name':'p.17f3a','namespace':'ns'},'involvedObject':{'apiVersion':'v1','kind':'Pod','name':'p','namespace':'ns','uid':'u','fieldPath':'spec.containers{c}'},'reason':'Pulled','message':'m','type':'Normal','source':{'component':'kubelet','host':'n'},'count':1,'firstTimestamp':'2026-03-04T12:00:00Z','lastTimestamp':'2026-03-04T12:00:00Z'}")]
    [InlineData("{'apiVersion':'events.k8s.io/v1','kind':'Event','metadata':{'name':'p.17f3a','namespace':'ns'},'eventTime':'2026-03-04T12:00:00.000001Z','reportingController':'default-scheduler','reportingInstance':'s-1','action':'Binding','reason':'Scheduled','note':'m','type':'Normal','regarding':{'apiVersion':'v1','kind':'Pod','name':'p','namespace':'ns'}}")]
    [InlineData("""
        {'apiVersion':'v1','kind':'Node','metadata':{'name':'node-1','labels':{'kubernetes.io/hostname':'node-1','node-role.kubernetes.io/worker':''}},'spec':{'podCIDR':'10.244.1.0/24','podCIDRs':['10.244.1.0/24'],'taints':[{'key':'node.kubernetes.io/not-ready','effect':'NoSchedule'},{'key':'node.kubernetes.io/not-ready','effect':'NoExecute','timeAdded':'2026-03-04T12:00:00Z'}],'unschedulable':true},
        'status':{'capacity':{'cpu':'4','memory':'8Gi','pods':'110','ephemeral-storage':'10Gi','hugepages-2Mi':'0'},'allocatable':{'cpu':'4','memory':'8Gi','pods':'110'},'addresses':[{'type':'InternalIP','address':'10.0.0.1'},{'type':'Hostname','address':'node-1'}],
        'conditions':[{'type':'Ready','status':'True','reason':'KubeletReady','message':'m','lastHeartbeatTime':'2026-03-04T12:00:00Z','lastTransitionTime':'2026-03-04T12:00:00Z'}],'daemonEndpoints':{'kubeletEndpoint':{'Port':10250}}}}
        """)]
    [InlineData("{'apiVersion':'v1','kind':'Endpoints','metadata':{'name':'kubernetes','labels':{'endpointslice.kubernetes.io/skip-mirror':'true'}},'subsets':[{'addresses':[{'ip':'192.0.2.10'}],'notReadyAddresses':[{'ip':'192.0.2.11','nodeName':'n','targetRef':{'kind':'Pod','name':'p','namespace':'ns'}}],'ports':[{'name':'https','port':6443,'protocol':'TCP'}]}]}")]
    [InlineData("{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','metadata':{'generateName':'web-','labels':{'kubernetes.io/service-name':'web','endpointslice.kubernetes.io/managed-by':'endpointslice-controller.k8s.io'}},'addressType':'IPv4','endpoints':[{'addresses':['10.244.1.2'],'conditions':{'ready':true,'serving':true,'terminating':false},'nodeName':'n','zone':'z','hints':{'forZones':[{'name':'z'}]},'targetRef':{'kind':'Pod','namespace':'ns','name':'p','uid':'u'}}],'ports':[{'name':'','port':80,'protocol':'TCP'},{'name':'m','port':81,'appProtocol':'http'}]}")]
    [InlineData("{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','metadata':{'name':'web-none'},'addressType':'IPv4','endpoints':[],'ports':[]}")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ControllerRevision','metadata':{'name':'db-5d4f'},'data':{'spec':{'template':{'$patch':'replace'}}},'revision':1}")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'team-1','labels':{'pod-security.kubernetes.io/enforce':'baseline'}}}")]
    [InlineData("{'apiVersion':'v1','kind':'ReplicationController','metadata':{'name':'rc'},'spec':{'replicas':2,'selector':{'a':'b'},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}}")]
    [InlineData("{'apiVersion':'v1','kind':'PodTemplate','metadata':{'name':'t'},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}")]
    public void What_people_and_controllers_write_is_taken(string manifest) =>
        Assert.Equal("", Written(manifest.Replace('\'', '"').Replace('`', '\'')));

    [Fact]
    public void The_clusters_own_roles_are_taken()
    {
        List<IKubernetesObject> all =
            [.. BootstrapPolicy.ClusterRoles(), .. BootstrapPolicy.ClusterRoleBindings(), .. BootstrapPolicy.Roles(), .. BootstrapPolicy.RoleBindings()];

        Assert.NotEmpty(all);
        Assert.All(all, item => Assert.Equal("", Written(item)));
    }

    private static string Written(string manifest)
    {
        var node = JsonNode.Parse(manifest)!;
        return Written(KubernetesJson.Deserialize(KindOf(node), Encoding.UTF8.GetBytes(node.ToJsonString())));
    }

    /// <summary>What is wrong with it as a new object, and, when it is taken, as an update that changes nothing.</summary>
    private static string Written(IKubernetesObject created)
    {
        var kind = created.GroupVersionKind;
        var resource = ResourceTable.Served.ForKind(kind)!;
        Complete(created, resource);
        Defaults.Apply(created);
        var strategy = Strategy.For(resource);
        strategy.PrepareForCreate(created, _now);
        if (Validator.ValidateCreate(created) is { Count: > 0 } faults)
            return Examples.Text(faults);

        created.Metadata.ResourceVersion = "1";
        var updated = KubernetesJson.Deserialize(kind, KubernetesJson.Serialize(created));
        Defaults.Apply(updated);
        strategy.PrepareForUpdate(updated, created);
        return Examples.Text(Validator.ValidateUpdate(updated, created).Concat(Validator.ValidateStatusUpdate(updated, created)));
    }

    /// <summary>What the API server itself writes in.</summary>
    private static void Complete(IKubernetesObject created, ResourceDescription resource)
    {
        if (resource.IsNamespaced)
            created.Metadata.Namespace ??= "ns";
        created.Metadata.Name ??= created.Metadata.GenerateName + "x2x7q";
        created.Metadata.Uid = "0f9c1c1e-0000-4000-8000-000000000001";
    }

    private static GroupVersionKind KindOf(JsonNode node) => GroupVersionKind.Parse((string?)node["apiVersion"], (string?)node["kind"]);
}
