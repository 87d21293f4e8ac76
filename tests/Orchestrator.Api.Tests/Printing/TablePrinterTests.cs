using Orchestrator.Api.Printing;

namespace Orchestrator.Api.Tests.Printing;

public sealed class TablePrinterTests
{
    private const string Meta = "'metadata':{'name':'x','namespace':'n','creationTimestamp':'2026-01-02T11:54:30Z'}";
    private const string Template = "'selector':{'matchLabels':{'app':'web'}},'template':{'spec':{'containers':[{'name':'a','image':'i:1'},{'name':'b','image':'j'}]}}";

    [Theory]
    [InlineData("v1", "Pod", "Name, Ready, Status, Restarts, Age, IP*, Node*, Nominated Node*, Readiness Gates*")]
    [InlineData("v1", "Node", "Name, Status, Roles, Age, Version, Internal-IP*, External-IP*, OS-Image*, Kernel-Version*, Container-Runtime*")]
    [InlineData("v1", "Service", "Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector*")]
    [InlineData("v1", "Event", "Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*, Name*")]
    [InlineData("events.k8s.io/v1", "Event", "Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*, Name*")]
    [InlineData("v1", "Namespace", "Name, Status, Age")]
    [InlineData("v1", "Secret", "Name, Type, Data, Age")]
    [InlineData("v1", "ConfigMap", "Name, Data, Age")]
    [InlineData("v1", "ServiceAccount", "Name, Secrets, Age")]
    [InlineData("v1", "PersistentVolume", "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age, VolumeMode*")]
    [InlineData("v1", "PersistentVolumeClaim", "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode*")]
    [InlineData("v1", "Endpoints", "Name, Endpoints, Age")]
    [InlineData("v1", "ReplicationController", "Name, Desired, Current, Ready, Age, Containers*, Images*, Selector*")]
    [InlineData("v1", "PodTemplate", "Name, Containers, Images, Pod Labels")]
    [InlineData("v1", "ResourceQuota", "Name, Request, Limit, Age")]
    [InlineData("v1", "LimitRange", "Name, Created At")]
    [InlineData("v1", "ComponentStatus", "Name, Status, Message, Error")]
    [InlineData("apps/v1", "Deployment", "Name, Ready, Up-to-date, Available, Age, Containers*, Images*, Selector*")]
    [InlineData("apps/v1", "ReplicaSet", "Name, Desired, Current, Ready, Age, Containers*, Images*, Selector*")]
    [InlineData("apps/v1", "StatefulSet", "Name, Ready, Age, Containers*, Images*")]
    [InlineData("apps/v1", "DaemonSet", "Name, Desired, Current, Ready, Up-to-date, Available, Node Selector, Age, Containers*, Images*, Selector*")]
    [InlineData("apps/v1", "ControllerRevision", "Name, Controller, Revision, Age")]
    [InlineData("batch/v1", "Job", "Name, Status, Completions, Duration, Age, Containers*, Images*, Selector*")]
    [InlineData("batch/v1", "CronJob", "Name, Schedule, Timezone, Suspend, Active, Last Schedule, Age, Containers*, Images*, Selector*")]
    [InlineData("autoscaling/v2", "HorizontalPodAutoscaler", "Name, Reference, Targets, MinPods, MaxPods, Replicas, Age")]
    [InlineData("networking.k8s.io/v1", "Ingress", "Name, Class, Hosts, Address, Ports, Age")]
    [InlineData("networking.k8s.io/v1", "IngressClass", "Name, Controller, Parameters, Age")]
    [InlineData("networking.k8s.io/v1", "NetworkPolicy", "Name, Pod-Selector, Age")]
    [InlineData("discovery.k8s.io/v1", "EndpointSlice", "Name, AddressType, Ports, Endpoints, Age")]
    [InlineData("coordination.k8s.io/v1", "Lease", "Name, Holder, Age")]
    [InlineData("policy/v1", "PodDisruptionBudget", "Name, Min Available, Max Unavailable, Allowed Disruptions, Age")]
    [InlineData("rbac.authorization.k8s.io/v1", "RoleBinding", "Name, Role, Age, Users*, Groups*, ServiceAccounts*")]
    [InlineData("rbac.authorization.k8s.io/v1", "ClusterRole", "Name, Created At")]
    [InlineData("certificates.k8s.io/v1", "CertificateSigningRequest", "Name, Age, SignerName, Requestor, RequestedDuration, Condition")]
    [InlineData("scheduling.k8s.io/v1", "PriorityClass", "Name, Value, Global-Default, Age, PreemptionPolicy")]
    [InlineData("node.k8s.io/v1", "RuntimeClass", "Name, Handler, Age")]
    [InlineData("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "Name, PriorityLevel, MatchingPrecedence, DistinguisherMethod, Age, MissingPL")]
    [InlineData("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", "Name, Type, NominalConcurrencyShares, Queues, HandSize, QueueLengthLimit, Age")]
    [InlineData("storage.k8s.io/v1", "StorageClass", "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age")]
    [InlineData("storage.k8s.io/v1", "VolumeAttachment", "Name, Attacher, PV, Node, Attached, Age")]
    [InlineData("storage.k8s.io/v1", "CSIDriver", "Name, AttachRequired, PodInfoOnMount, StorageCapacity, TokenRequests, RequiresRepublish, Modes, Age")]
    public void A_kind_has_the_columns_that_kubectl_users_know(string apiVersion, string kind, string expected)
    {
        var printer = TablePrinter.For(GroupVersionKind.Parse(apiVersion, kind));

        Assert.Equal(expected, string.Join(", ", printer.Columns.Select(column => column.Name + (column.Priority > 0 ? "*" : ""))));
        Assert.Contains(printer.Columns, column => column is { Name: "Name", Format: "name" });
        Assert.All(printer.Columns, column => Assert.NotEmpty(column.Description));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_empty_object_of_every_kind_has_a_cell_in_each_column(string apiVersion, string kind)
    {
        var gvk = GroupVersionKind.Parse(apiVersion, kind);
        var printer = TablePrinter.For(gvk);

        var cells = printer.Cells(KubernetesJson.Create(gvk)!, Documents.Now);

        Assert.Equal(printer.Columns.Count, cells.Count);
        Assert.All(cells, cell => Assert.True(cell is string or long or bool, $"{cell} is {cell?.GetType()}"));
    }

    public static TheoryData<string, string> Kinds() => Defaulting.DefaultsTests.Kinds();

    [Theory]
    [InlineData("{'apiVersion':'v1','kind':'Pod'," + Meta + ",'spec':{'nodeName':'node1','readinessGates':[{'conditionType':'g'},{'conditionType':'h'}],'containers':[{'name':'a'}]},'status':{'phase':'Running','podIP':'10.0.0.1','podIPs':[{'ip':'10.0.0.1'}],'conditions':[{'type':'g','status':'True'}],'containerStatuses':[{'name':'a','ready':true,'state':{'running':{}}}]}}",
        "x|1/1|Running|0|5m30s|10.0.0.1|node1|<none>|1/2")]
    [InlineData("{'apiVersion':'v1','kind':'Node','metadata':{'name':'x','creationTimestamp':'2026-01-02T11:54:30Z','labels':{'node-role.kubernetes.io/worker':'','node-role.kubernetes.io/control-plane':'','kubernetes.io/role':'edge'}},'spec':{'unschedulable':true},'status':{'conditions':[{'type':'Ready','status':'True'}],'addresses':[{'type':'InternalIP','address':'1.2.3.4'}],'nodeInfo':{'kubeletVersion':'v1.33.1','osImage':'Linux','kernelVersion':'6.1','containerRuntimeVersion':'containerd://1'}}}",
        "x|Ready,SchedulingDisabled|control-plane,edge,worker|5m30s|v1.33.1|1.2.3.4|<none>|Linux|6.1|containerd://1")]
    [InlineData("{'apiVersion':'v1','kind':'Node'," + Meta + ",'status':{'conditions':[{'type':'Ready','status':'Unknown'}]}}",
        "x|NotReady|<none>|5m30s||<none>|<none>|<unknown>|<unknown>|<unknown>")]
    [InlineData("{'apiVersion':'v1','kind':'Node'," + Meta + "}", "x|Unknown|<none>|5m30s||<none>|<none>|<unknown>|<unknown>|<unknown>")]
    [InlineData("{'apiVersion':'v1','kind':'Service'," + Meta + ",'spec':{'type':'ClusterIP','clusterIP':'10.96.0.1','clusterIPs':['10.96.0.1'],'ports':[{'port':443,'protocol':'TCP'}],'selector':{'b':'2','a':'1'}}}",
        "x|ClusterIP|10.96.0.1|<none>|443/TCP|5m30s|a=1,b=2")]
    [InlineData("{'apiVersion':'v1','kind':'Service'," + Meta + ",'spec':{'type':'NodePort','clusterIP':'10.96.0.1','clusterIPs':['10.96.0.1'],'externalIPs':['9.9.9.9'],'ports':[{'port':80,'nodePort':30080,'protocol':'TCP'},{'port':53,'protocol':'UDP'}]}}",
        "x|NodePort|10.96.0.1|9.9.9.9|80:30080/TCP,53/UDP|5m30s|<none>")]
    [InlineData("{'apiVersion':'v1','kind':'Service'," + Meta + ",'spec':{'type':'LoadBalancer','clusterIPs':['10.96.0.1'],'ports':[{'port':80,'protocol':'TCP'}]}}",
        "x|LoadBalancer|10.96.0.1|<pending>|80/TCP|5m30s|<none>")]
    [InlineData("{'apiVersion':'v1','kind':'Service'," + Meta + ",'spec':{'type':'LoadBalancer','clusterIPs':['10.96.0.1'],'externalIPs':['9.9.9.9']},'status':{'loadBalancer':{'ingress':[{'ip':'2.2.2.2'},{'hostname':'lb.example'},{'ip':'1.1.1.1'}]}}}",
        "x|LoadBalancer|10.96.0.1|1.1.1.1,2.2.2.2,lb.example,9.9.9.9|<none>|5m30s|<none>")]
    [InlineData("{'apiVersion':'v1','kind':'Service'," + Meta + ",'spec':{'type':'ExternalName','externalName':'db.example'}}",
        "x|ExternalName|<none>|db.example|<none>|5m30s|<none>")]
    [InlineData("{'apiVersion':'v1','kind':'Service'," + Meta + ",'spec':{'type':'ClusterIP','clusterIP':'None','clusterIPs':['None']}}", "x|ClusterIP|None|<none>|<none>|5m30s|<none>")]
    [InlineData("{'apiVersion':'v1','kind':'Endpoints'," + Meta + ",'subsets':[{'addresses':[{'ip':'1.1.1.1'},{'ip':'2.2.2.2'},{'ip':'::1'},{'ip':'4.4.4.4'},{'ip':'5.5.5.5'}],'ports':[{'port':80}]}]}",
        "x|1.1.1.1:80,2.2.2.2:80,[::1]:80 + 2 more...|5m30s")]
    [InlineData("{'apiVersion':'v1','kind':'Endpoints'," + Meta + "}", "x|<none>|5m30s")]
    [InlineData("{'apiVersion':'v1','kind':'Endpoints'," + Meta + ",'subsets':[{'addresses':[{'ip':'1.1.1.1'}]}]}", "x|1.1.1.1|5m30s")]
    [InlineData("{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice'," + Meta + ",'addressType':'IPv4','ports':[{'name':'','port':80}],'endpoints':[{'addresses':['a']},{'addresses':['b']},{'addresses':['c']},{'addresses':['d']}]}",
        "x|IPv4|80|a,b,c + 1 more...|5m30s")]
    [InlineData("{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice'," + Meta + ",'addressType':'IPv4'}", "x|IPv4|<unset>|<unset>|5m30s")]
    [InlineData("{'apiVersion':'v1','kind':'Event'," + Meta + ",'type':'Normal','reason':'Pulled','message':' done \\n','involvedObject':{'kind':'Pod','name':'p','fieldPath':'spec.containers{a}'},'source':{'component':'kubelet','host':'n1'},'firstTimestamp':'2026-01-02T11:00:00Z','lastTimestamp':'2026-01-02T11:59:00Z','count':4}",
        "60s|Normal|Pulled|pod/p|spec.containers{a}|kubelet, n1|done|60m|4|x")]
    [InlineData("{'apiVersion':'v1','kind':'Event'," + Meta + ",'type':'Normal','reason':'Scheduled','message':'m','involvedObject':{'kind':'Pod','name':'p'},'reportingComponent':'default-scheduler','eventTime':'2026-01-02T11:58:00.000000Z'}",
        "2m|Normal|Scheduled|pod/p||default-scheduler|m|2m|1|x")]
    [InlineData("{'apiVersion':'events.k8s.io/v1','kind':'Event'," + Meta + ",'type':'Warning','reason':'R','note':'m','regarding':{'kind':'Pod','name':'p'},'reportingController':'c','eventTime':'2026-01-02T11:58:00.000000Z','series':{'count':9,'lastObservedTime':'2026-01-02T11:59:50.000000Z'}}",
        "10s|Warning|R|pod/p||c|m|2m|9|x")]
    [InlineData("{'apiVersion':'v1','kind':'Secret'," + Meta + ",'type':'Opaque','data':{'a':'eA==','b':'eA=='}}", "x|Opaque|2|5m30s")]
    [InlineData("{'apiVersion':'v1','kind':'ConfigMap'," + Meta + ",'data':{'a':'x'},'binaryData':{'b':'eA=='}}", "x|2|5m30s")]
    [InlineData("{'apiVersion':'v1','kind':'ServiceAccount'," + Meta + "}", "x|0|5m30s")]
    [InlineData("{'apiVersion':'v1','kind':'Namespace'," + Meta + ",'status':{'phase':'Terminating'}}", "x|Terminating|5m30s")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolume'," + Meta + ",'spec':{'capacity':{'storage':'5Gi'},'accessModes':['ReadWriteMany','ReadWriteOnce'],'persistentVolumeReclaimPolicy':'Retain','claimRef':{'namespace':'n','name':'c'},'storageClassName':'fast','volumeMode':'Filesystem'},'status':{'phase':'Bound'}}",
        "x|5Gi|RWO,RWX|Retain|Bound|n/c|fast|<unset>||5m30s|Filesystem")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolumeClaim'," + Meta + ",'spec':{'volumeName':'pv','accessModes':['ReadWriteOnce'],'storageClassName':'fast','volumeMode':'Filesystem'},'status':{'phase':'Bound','capacity':{'storage':'5Gi'},'accessModes':['ReadWriteOnce']}}",
        "x|Bound|pv|5Gi|RWO|fast|<unset>|5m30s|Filesystem")]
    [InlineData("{'apiVersion':'v1','kind':'PersistentVolumeClaim'," + Meta + ",'spec':{'accessModes':['ReadWriteOnce']},'status':{'phase':'Pending'}}", "x|Pending|||||<unset>|5m30s|<unset>")]
    [InlineData("{'apiVersion':'v1','kind':'ResourceQuota'," + Meta + ",'status':{'hard':{'requests.cpu':'4','limits.cpu':'8','pods':'10'},'used':{'requests.cpu':'500m','limits.cpu':'1','pods':'2'}}}",
        "x|pods: 2/10, requests.cpu: 500m/4|limits.cpu: 1/8|5m30s")]
    [InlineData("{'apiVersion':'v1','kind':'ComponentStatus'," + Meta + ",'conditions':[{'type':'Healthy','status':'True','message':'ok'}]}", "x|Healthy|ok|")]
    [InlineData("{'apiVersion':'v1','kind':'LimitRange'," + Meta + "}", "x|2026-01-02T11:54:30Z")]
    [InlineData("{'apiVersion':'apps/v1','kind':'Deployment'," + Meta + ",'spec':{'replicas':3," + Template + "},'status':{'readyReplicas':2,'updatedReplicas':3,'availableReplicas':1}}", "x|2/3|3|1|5m30s|a,b|i:1,j|app=web")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ReplicaSet'," + Meta + ",'spec':{'replicas':3," + Template + "},'status':{'replicas':2,'readyReplicas':1}}", "x|3|2|1|5m30s|a,b|i:1,j|app=web")]
    [InlineData("{'apiVersion':'apps/v1','kind':'StatefulSet'," + Meta + ",'spec':{'replicas':3," + Template + "},'status':{'readyReplicas':1}}", "x|1/3|5m30s|a,b|i:1,j")]
    [InlineData("{'apiVersion':'apps/v1','kind':'DaemonSet'," + Meta + ",'spec':{'selector':{'matchExpressions':[{'key':'t','operator':'In','values':['b','a']},{'key':'q','operator':'Exists'},{'key':'r','operator':'DoesNotExist'}]},'template':{'spec':{'nodeSelector':{'disk':'ssd'}}}},'status':{'desiredNumberScheduled':5,'currentNumberScheduled':4,'numberReady':3,'updatedNumberScheduled':2,'numberAvailable':1}}",
        "x|5|4|3|2|1|disk=ssd|5m30s|||q,!r,t in (a,b)")]
    [InlineData("{'apiVersion':'apps/v1','kind':'ControllerRevision','metadata':{'name':'x','creationTimestamp':'2026-01-02T11:54:30Z','ownerReferences':[{'apiVersion':'apps/v1','kind':'StatefulSet','name':'s','controller':true,'uid':'u'}]},'revision':3}", "x|statefulset.apps/s|3|5m30s")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job'," + Meta + ",'spec':{'completions':3,'parallelism':1," + Template + "},'status':{'succeeded':1,'startTime':'2026-01-02T11:54:30Z'}}", "x|Running|1/3|5m30s|5m30s|a,b|i:1,j|app=web")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job'," + Meta + ",'spec':{'parallelism':4},'status':{'succeeded':1,'startTime':'2026-01-02T11:54:30Z','completionTime':'2026-01-02T11:54:40Z','conditions':[{'type':'Complete','status':'True'}]}}", "x|Complete|1/1 of 4|10s|5m30s|||<none>")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job'," + Meta + ",'spec':{'completions':1},'status':{'conditions':[{'type':'Suspended','status':'True'}]}}", "x|Suspended|0/1||5m30s|||<none>")]
    [InlineData("{'apiVersion':'batch/v1','kind':'Job'," + Meta + ",'spec':{'completions':1},'status':{'conditions':[{'type':'Failed','status':'True'}]}}", "x|Failed|0/1||5m30s|||<none>")]
    [InlineData("{'apiVersion':'batch/v1','kind':'CronJob'," + Meta + ",'spec':{'schedule':'*/5 * * * *','suspend':false,'jobTemplate':{'spec':{" + Template + "}}},'status':{'active':[{'name':'j'}],'lastScheduleTime':'2026-01-02T11:59:00Z'}}", "x|*/5 * * * *|<none>|False|1|60s|5m30s|a,b|i:1,j|app=web")]
    [InlineData("{'apiVersion':'batch/v1','kind':'CronJob'," + Meta + ",'spec':{'schedule':'@daily','timeZone':'Europe/Berlin','suspend':true,'jobTemplate':{'spec':{}}}}", "x|@daily|Europe/Berlin|True|0|<none>|5m30s|||<none>")]
    [InlineData("{'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler'," + Meta + ",'spec':{'scaleTargetRef':{'kind':'Deployment','name':'web'},'minReplicas':1,'maxReplicas':5,'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':80}}},{'type':'Resource','resource':{'name':'memory','target':{'type':'AverageValue','averageValue':'1Gi'}}},{'type':'Pods','pods':{'metric':{'name':'q'},'target':{'type':'AverageValue','averageValue':'10'}}}]},'status':{'currentReplicas':2,'currentMetrics':[{'type':'Resource','resource':{'name':'cpu','current':{'averageUtilization':12}}}]}}",
        "x|Deployment/web|cpu: 12%/80%, memory: <unknown>/1Gi + 1 more...|1|5|2|5m30s")]
    [InlineData("{'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler'," + Meta + ",'spec':{'scaleTargetRef':{'kind':'Deployment','name':'web'},'maxReplicas':5,'metrics':[{'type':'External','external':{'metric':{'name':'q'},'target':{'type':'AverageValue','averageValue':'30'}}},{'type':'Object','object':{'metric':{'name':'q'},'target':{'type':'Value','value':'2k'}}}]},'status':{'currentMetrics':[{'type':'External','external':{'current':{'averageValue':'7'}}},{'type':'Object','object':{'current':{'value':'1k'}}}]}}",
        "x|Deployment/web|7/30 (avg), 1k/2k|<unset>|5|0|5m30s")]
    [InlineData("{'apiVersion':'autoscaling/v1','kind':'HorizontalPodAutoscaler'," + Meta + ",'spec':{'scaleTargetRef':{'kind':'Deployment','name':'web'},'minReplicas':2,'maxReplicas':5,'targetCPUUtilizationPercentage':80}}", "x|Deployment/web|cpu: <unknown>/80%|2|5|0|5m30s")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'Ingress'," + Meta + ",'spec':{'ingressClassName':'nginx','tls':[{'hosts':['a']}],'rules':[{'host':'a'},{'host':'b'},{'host':'c'},{'host':'d'},{'host':'e'}]},'status':{'loadBalancer':{'ingress':[{'ip':'1.1.1.1'}]}}}", "x|nginx|a,b,c + 2 more...|1.1.1.1|80, 443|5m30s")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'Ingress'," + Meta + ",'spec':{'rules':[{}]}}", "x|<none>|*||80|5m30s")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'IngressClass'," + Meta + ",'spec':{'controller':'a/b','parameters':{'apiGroup':'g','kind':'K','name':'p'}}}", "x|a/b|K.g/p|5m30s")]
    [InlineData("{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy'," + Meta + ",'spec':{'podSelector':{}}}", "x|<none>|5m30s")]
    [InlineData("{'apiVersion':'coordination.k8s.io/v1','kind':'Lease'," + Meta + ",'spec':{'holderIdentity':'me'}}", "x|me|5m30s")]
    [InlineData("{'apiVersion':'policy/v1','kind':'PodDisruptionBudget'," + Meta + ",'spec':{'maxUnavailable':'30%'},'status':{'disruptionsAllowed':1}}", "x|N/A|30%|1|5m30s")]
    [InlineData("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'RoleBinding'," + Meta + ",'roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'User','name':'u'},{'kind':'User','name':'v'},{'kind':'Group','name':'g'},{'kind':'ServiceAccount','name':'s','namespace':'n'}]}", "x|Role/r|5m30s|u, v|g|n/s")]
    [InlineData("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRole'," + Meta + "}", "x|2026-01-02T11:54:30Z")]
    [InlineData("{'apiVersion':'certificates.k8s.io/v1','kind':'CertificateSigningRequest'," + Meta + ",'spec':{'request':'eA==','signerName':'a/b','username':'u','expirationSeconds':3600},'status':{'conditions':[{'type':'Approved','status':'True'}],'certificate':'eA=='}}", "x|5m30s|a/b|u|60m|Approved,Issued")]
    [InlineData("{'apiVersion':'certificates.k8s.io/v1','kind':'CertificateSigningRequest'," + Meta + ",'spec':{'request':'eA==','signerName':'a/b'}}", "x|5m30s|a/b||<none>|Pending")]
    [InlineData("{'apiVersion':'certificates.k8s.io/v1','kind':'CertificateSigningRequest'," + Meta + ",'spec':{'request':'eA==','signerName':'a/b'},'status':{'conditions':[{'type':'Denied','status':'True'},{'type':'Failed','status':'True'}]}}", "x|5m30s|a/b||<none>|Denied,Failed")]
    [InlineData("{'apiVersion':'scheduling.k8s.io/v1','kind':'PriorityClass'," + Meta + ",'value':1000,'globalDefault':true,'preemptionPolicy':'Never'}", "x|1000|True|5m30s|Never")]
    [InlineData("{'apiVersion':'flowcontrol.apiserver.k8s.io/v1','kind':'FlowSchema'," + Meta + ",'spec':{'matchingPrecedence':500,'priorityLevelConfiguration':{'name':'system'},'distinguisherMethod':{'type':'ByUser'}}}", "x|system|500|ByUser|5m30s|?")]
    [InlineData("{'apiVersion':'flowcontrol.apiserver.k8s.io/v1','kind':'PriorityLevelConfiguration'," + Meta + ",'spec':{'type':'Limited','limited':{'nominalConcurrencyShares':5,'limitResponse':{'type':'Reject'}}}}", "x|Limited|5|<none>|<none>|<none>|5m30s")]
    [InlineData("{'apiVersion':'node.k8s.io/v1','kind':'RuntimeClass'," + Meta + ",'handler':'runc'}", "x|runc|5m30s")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'StorageClass','metadata':{'name':'x','creationTimestamp':'2026-01-02T11:54:30Z','annotations':{'storageclass.kubernetes.io/is-default-class':'true'}},'provisioner':'p'}", "x (default)|p|Delete|Immediate|False|5m30s")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'VolumeAttachment'," + Meta + ",'spec':{'attacher':'a','nodeName':'n1','source':{'persistentVolumeName':'pv'}},'status':{'attached':true}}", "x|a|pv|n1|True|5m30s")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'CSIDriver'," + Meta + ",'spec':{'volumeLifecycleModes':['Persistent','Ephemeral'],'tokenRequests':[{'audience':'a'}]}}", "x|True|False|False|a|False|Persistent,Ephemeral|5m30s")]
    [InlineData("{'apiVersion':'storage.k8s.io/v1','kind':'CSINode'," + Meta + ",'spec':{'drivers':[{'name':'d','nodeID':'i'}]}}", "x|1|5m30s")]
    public void A_row_shows_the_object_as_kubectl_users_know_it(string json, string expected)
    {
        var printed = Documents.Read(json);

        var cells = TablePrinter.For(printed.GroupVersionKind).Cells(printed, Documents.Now);

        Assert.Equal(expected, string.Join('|', cells));
    }

    [Fact]
    public void An_object_from_the_future_has_no_valid_age()
    {
        var printed = Documents.Read("{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'x','creationTimestamp':'2026-01-02T12:00:10Z'}}");

        var cells = TablePrinter.For(printed.GroupVersionKind).Cells(printed, Documents.Now);

        Assert.Equal("<invalid>", cells[2]);
    }
}
