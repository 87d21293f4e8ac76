using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Api.Defaulting;
using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

/// <summary>A sound object of each kind, and changes to it: <c>spec.replicas=-1; spec.selector=-; spec.containers[0].image='x'</c>.</summary>
internal static class Examples
{
    private const string PodSpec = "{'containers':[{'name':'c','image':'nginx','ports':[{'containerPort':80,'name':'http'}]}]}";
    private const string Template = "{'metadata':{'labels':{'app':'web'}},'spec':" + PodSpec + "}";
    private const string JobTemplate = "{'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'busybox'}]}}";
    private const string Selector = "'selector':{'matchLabels':{'app':'web'}}";

    private static readonly Dictionary<string, string> _sound = new()
    {
        ["Pod"] = "{'apiVersion':'v1','kind':'Pod','spec':" + PodSpec + "}",
        ["Service"] = "{'apiVersion':'v1','kind':'Service','spec':{'ports':[{'port':80}],'selector':{'app':'web'}}}",
        ["ConfigMap"] = "{'apiVersion':'v1','kind':'ConfigMap','data':{'a':'b'}}",
        ["Secret"] = "{'apiVersion':'v1','kind':'Secret','data':{'a':'Yg=='}}",
        ["Namespace"] = "{'apiVersion':'v1','kind':'Namespace'}",
        ["Node"] = "{'apiVersion':'v1','kind':'Node'}",
        ["ServiceAccount"] = "{'apiVersion':'v1','kind':'ServiceAccount'}",
        ["Endpoints"] = "{'apiVersion':'v1','kind':'Endpoints','subsets':[{'addresses':[{'ip':'10.0.0.1'}],'ports':[{'port':80}]}]}",
        ["ResourceQuota"] = "{'apiVersion':'v1','kind':'ResourceQuota','spec':{'hard':{'pods':'10','requests.cpu':'2'}}}",
        ["LimitRange"] = "{'apiVersion':'v1','kind':'LimitRange','spec':{'limits':[{'type':'Container','max':{'cpu':'2'},'min':{'cpu':'1'}}]}}",
        ["ReplicationController"] = "{'apiVersion':'v1','kind':'ReplicationController','spec':{'template':" + Template + "}}",
        ["PersistentVolume"] = "{'apiVersion':'v1','kind':'PersistentVolume','spec':{'accessModes':['ReadWriteOnce'],'capacity':{'storage':'1Gi'},'hostPath':{'path':'/x'}}}",
        ["PersistentVolumeClaim"] = "{'apiVersion':'v1','kind':'PersistentVolumeClaim','spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}",
        ["Event"] = "{'apiVersion':'v1','kind':'Event','involvedObject':{'kind':'Pod','namespace':'ns','name':'p'}}",
        ["Binding"] = "{'apiVersion':'v1','kind':'Binding','target':{'kind':'Node','name':'n'}}",
        ["Deployment"] = "{'apiVersion':'apps/v1','kind':'Deployment','spec':{" + Selector + ",'template':" + Template + "}}",
        ["ReplicaSet"] = "{'apiVersion':'apps/v1','kind':'ReplicaSet','spec':{" + Selector + ",'template':" + Template + "}}",
        ["StatefulSet"] = "{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{'serviceName':'s'," + Selector + ",'template':" + Template + "}}",
        ["DaemonSet"] = "{'apiVersion':'apps/v1','kind':'DaemonSet','spec':{" + Selector + ",'template':" + Template + "}}",
        ["ControllerRevision"] = "{'apiVersion':'apps/v1','kind':'ControllerRevision','data':{'a':1},'revision':1}",
        ["Job"] = "{'apiVersion':'batch/v1','kind':'Job','spec':{'template':" + JobTemplate + "}}",
        ["CronJob"] = "{'apiVersion':'batch/v1','kind':'CronJob','spec':{'schedule':'*/5 * * * *','jobTemplate':{'spec':{'template':" + JobTemplate + "}}}}",
        ["HorizontalPodAutoscaler"] = "{'apiVersion':'autoscaling/v2','kind':'HorizontalPodAutoscaler','spec':{'scaleTargetRef':{'kind':'Deployment','name':'web'},'maxReplicas':3}}",
        ["EndpointSlice"] = "{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','addressType':'IPv4','endpoints':[{'addresses':['10.0.0.1']}],'ports':[{'port':80}]}",
        ["Ingress"] = "{'apiVersion':'networking.k8s.io/v1','kind':'Ingress','spec':{'rules':[{'host':'a.example','http':{'paths':[{'path':'/','pathType':'Prefix','backend':{'service':{'name':'web','port':{'number':80}}}}]}}]}}",
        ["IngressClass"] = "{'apiVersion':'networking.k8s.io/v1','kind':'IngressClass','spec':{'controller':'example.com/c'}}",
        ["NetworkPolicy"] = "{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','spec':{'podSelector':{},'ingress':[{'ports':[{'port':80}],'from':[{'podSelector':{}}]}]}}",
        ["PodDisruptionBudget"] = "{'apiVersion':'policy/v1','kind':'PodDisruptionBudget','spec':{'minAvailable':1," + Selector + "}}",
        ["Role"] = "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'Role','rules':[{'apiGroups':[''],'resources':['pods'],'verbs':['get']}]}",
        ["ClusterRole"] = "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRole','rules':[{'nonResourceURLs':['/x'],'verbs':['get']}]}",
        ["RoleBinding"] = "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'RoleBinding','roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'User','name':'u'}]}",
        ["ClusterRoleBinding"] = "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRoleBinding','roleRef':{'kind':'ClusterRole','name':'r'},'subjects':[{'kind':'ServiceAccount','name':'u','namespace':'n'}]}",
        ["FlowSchema"] = "{'apiVersion':'flowcontrol.apiserver.k8s.io/v1','kind':'FlowSchema','spec':{'matchingPrecedence':500,'priorityLevelConfiguration':{'name':'system'},"
            + "'rules':[{'subjects':[{'kind':'User','user':{'name':'u'}}],'nonResourceRules':[{'verbs':['*'],'nonResourceURLs':['*']}]}]}}",
        ["PriorityLevelConfiguration"] = "{'apiVersion':'flowcontrol.apiserver.k8s.io/v1','kind':'PriorityLevelConfiguration','spec':{'type':'Limited',"
            + "'limited':{'nominalConcurrencyShares':2,'limitResponse':{'type':'Queue','queuing':{'queues':64,'handSize':6,'queueLengthLimit':50}}}}}",
        ["PriorityClass"] = "{'apiVersion':'scheduling.k8s.io/v1','kind':'PriorityClass','value':5}",
        ["RuntimeClass"] = "{'apiVersion':'node.k8s.io/v1','kind':'RuntimeClass','handler':'runc'}",
        ["Lease"] = "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','spec':{'leaseDurationSeconds':40}}",
        ["CertificateSigningRequest"] = "{'apiVersion':'certificates.k8s.io/v1','kind':'CertificateSigningRequest','spec':{'request':'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K','signerName':'example.com/s','usages':['client auth']}}",
        ["StorageClass"] = "{'apiVersion':'storage.k8s.io/v1','kind':'StorageClass','provisioner':'example.com/p'}",
        ["VolumeAttachment"] = "{'apiVersion':'storage.k8s.io/v1','kind':'VolumeAttachment','spec':{'attacher':'a','nodeName':'n','source':{'persistentVolumeName':'p'}}}",
        ["CSIDriver"] = "{'apiVersion':'storage.k8s.io/v1','kind':'CSIDriver','spec':{}}",
    };

    public static IEnumerable<string> Kinds => _sound.Keys;

    /// <summary>The sound object, changed, with its defaults, as the server has it before validation.</summary>
    public static IKubernetesObject Of(string kind, string changes = "")
    {
        var node = JsonNode.Parse(_sound[kind].Replace('\'', '"'))!;
        var type = GroupVersionKind.Parse((string?)node["apiVersion"], (string?)node["kind"]);
        var metadata = new JsonObject { ["name"] = "x", ["uid"] = "u-1", ["resourceVersion"] = "7" };
        if (ResourceTable.Served.ForKind(type)?.IsNamespaced != false)
            metadata["namespace"] = "ns";
        node["metadata"] = metadata;
        if (kind == "Job")
        {
            Set(node, "spec.selector.matchLabels", "{'batch.kubernetes.io/controller-uid':'u-1'}");
            Set(node, "spec.template.metadata.labels", "{'controller-uid':'u-1','job-name':'x','batch.kubernetes.io/controller-uid':'u-1','batch.kubernetes.io/job-name':'x'}");
        }
        foreach (string change in changes.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = change.IndexOf('=');
            Set(node, change[..equals], change[(equals + 1)..]);
        }
        var read = KubernetesJson.Deserialize(type, System.Text.Encoding.UTF8.GetBytes(node.ToJsonString()));
        Defaults.Apply(read);
        return read;
    }

    /// <summary>What is wrong with it as a new object, one fault a line.</summary>
    public static string Faults(string kind, string changes = "") => Text(Validator.ValidateCreate(Of(kind, changes)));

    public static string Text(IEnumerable<FieldError> faults) => string.Join('\n', faults);

    private static void Set(JsonNode root, string path, string json)
    {
        var steps = path.Split('.').SelectMany(Steps).ToList();
        var node = root;
        for (int i = 0; i < steps.Count - 1; i++)
            node = Child(node, steps[i], steps[i + 1] is int);
        var value = json == "-" ? null : JsonNode.Parse(json.Replace('\'', '"'));
        if (steps[^1] is int index)
        {
            var list = node.AsArray();
            while (list.Count <= index)
                list.Add(new JsonObject());
            list[index] = value;
        }
        else if (json == "-")
            node.AsObject().Remove((string)steps[^1]);
        else
            node.AsObject()[(string)steps[^1]] = value;
    }

    private static IEnumerable<object> Steps(string step)
    {
        string[] parts = step.Split('[', ']');
        yield return parts[0].Replace('|', '.');
        for (int i = 1; i < parts.Length; i += 2)
            yield return int.Parse(parts[i], CultureInfo.InvariantCulture);
    }

    private static JsonNode Child(JsonNode node, object step, bool isList)
    {
        if (step is int index)
        {
            var list = node.AsArray();
            while (list.Count <= index)
                list.Add(new JsonObject());
            return list[index]!;
        }
        var map = node.AsObject();
        return map[(string)step] ??= isList ? new JsonArray() : new JsonObject();
    }
}
