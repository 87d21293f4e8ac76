using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Storage;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>What the cluster under simulation is asked to run; the label <c>app</c> is the name everywhere.</summary>
internal static class SimulatedObjects
{
    public static Deployment Deployment(string name, int replicas, string ns = "default")
    {
        var deployment = new Deployment { Metadata = Meta(name, ns) };
        deployment.Spec.Replicas = replicas;
        deployment.Spec.Selector = Selector(name);
        deployment.Spec.Template = Template(name);
        return deployment;
    }

    public static StatefulSet StatefulSet(string name, int replicas)
    {
        var set = new StatefulSet { Metadata = Meta(name) };
        set.Spec.Replicas = replicas;
        set.Spec.ServiceName = name;
        set.Spec.Selector = Selector(name);
        set.Spec.Template = Template(name);
        return set;
    }

    /// <summary>Each pod of the set has a claim of its own.</summary>
    public static StatefulSet Claiming(this StatefulSet set, string storageClass)
    {
        set.Spec.VolumeClaimTemplates =
        [
            new PersistentVolumeClaim
            {
                Metadata = new ObjectMeta { Name = "data" },
                Spec = new PersistentVolumeClaimSpec
                {
                    AccessModes = ["ReadWriteOnce"],
                    StorageClassName = storageClass,
                    Resources = new VolumeResourceRequirements { Requests = new() { ["storage"] = Quantity.Parse("1Gi") } },
                },
            },
        ];
        return set;
    }

    public static StorageClass StorageClass(string name, string provisioner) => new()
    {
        Metadata = new ObjectMeta { Name = name },
        Provisioner = provisioner,
        ReclaimPolicy = "Delete",
        VolumeBindingMode = StorageNames.WaitForFirstConsumer,
    };

    /// <summary>A disk of a node that somebody has made known.</summary>
    public static PersistentVolume Volume(string name, string storageClass, string node) => new()
    {
        Metadata = new ObjectMeta { Name = name },
        Spec = new PersistentVolumeSpec
        {
            AccessModes = ["ReadWriteOnce"],
            Capacity = new() { ["storage"] = Quantity.Parse("1Gi") },
            StorageClassName = storageClass,
            PersistentVolumeReclaimPolicy = "Retain",
            Local = new LocalVolumeSource { Path = "/disks/" + name },
            NodeAffinity = new VolumeNodeAffinity
            {
                Required = new NodeSelector
                {
                    NodeSelectorTerms =
                    [
                        new NodeSelectorTerm
                        {
                            MatchExpressions = [new NodeSelectorRequirement { Key = "kubernetes.io/hostname", Operator = "In", Values = [node] }],
                        },
                    ],
                },
            },
        },
    };

    public static DaemonSet DaemonSet(string name)
    {
        var set = new DaemonSet { Metadata = Meta(name) };
        set.Spec.Selector = Selector(name);
        set.Spec.Template = Template(name);
        return set;
    }

    public static Job Job(string name, int completions, int parallelism)
    {
        var job = new Job { Metadata = Meta(name) };
        job.Spec.Completions = completions;
        job.Spec.Parallelism = parallelism;
        // The real API server would generate one.
        job.Spec.ManualSelector = true;
        job.Spec.Selector = Selector(name);
        job.Spec.Template = Template(name);
        job.Spec.Template.Spec.RestartPolicy = "Never";
        return job;
    }

    /// <summary>A job each minute.</summary>
    public static CronJob CronJob(string name, string concurrencyPolicy)
    {
        var cron = new CronJob { Metadata = Meta(name) };
        cron.Spec.Schedule = "* * * * *";
        cron.Spec.ConcurrencyPolicy = concurrencyPolicy;
        cron.Spec.JobTemplate = new JobTemplateSpec { Spec = Job(name, 1, 1).Spec };
        return cron;
    }

    public static Service Service(string name)
    {
        var service = new Service { Metadata = Meta(name) };
        service.Spec.Selector = new() { ["app"] = name };
        service.Spec.ClusterIP = "10.96.0.10";
        service.Spec.Ports = [new ServicePort { Port = 80 }];
        return service;
    }

    public static Namespace Namespace(string name)
    {
        var ns = new Namespace { Metadata = new ObjectMeta { Name = name } };
        ns.Spec.Finalizers = ["kubernetes"];
        ns.Status.Phase = "Active";
        return ns;
    }

    /// <summary>A thing without an owner, or with those given; nobody but the garbage collector has business with it.</summary>
    public static ConfigMap ConfigMap(string name, params OwnerReference[] owners) =>
        new() { Metadata = new ObjectMeta { Namespace = "default", Name = name, OwnerReferences = owners.Length == 0 ? null : [.. owners] } };

    public static OwnerReference OwnedBy(IKubernetesObject owner) => new()
    {
        ApiVersion = owner.ApiVersion, Kind = owner.Kind, Name = owner.Name, Uid = owner.Uid,
    };

    public static Node Node(string name, DateTimeOffset now)
    {
        var node = new Node { Metadata = new ObjectMeta { Name = name, Labels = new() { ["kubernetes.io/hostname"] = name } } };
        node.Status.Allocatable = new()
        {
            ["cpu"] = Quantity.Parse("4"), ["memory"] = Quantity.Parse("8Gi"), ["pods"] = Quantity.Parse("110"),
        };
        node.Status.Capacity = node.Status.Allocatable;
        node.Status.Conditions = [Ready(now)];
        return node;
    }

    public static NodeCondition Ready(DateTimeOffset now) => new()
    {
        Type = "Ready", Status = "True", Reason = "KubeletReady", LastHeartbeatTime = now, LastTransitionTime = now,
    };

    /// <summary>Makes room tight: each pod asks for so much.</summary>
    public static T Asking<T>(this T target, PodTemplateSpec template, string cpu)
    {
        template.Spec.Containers![0].Resources = new ResourceRequirements { Requests = new() { ["cpu"] = Quantity.Parse(cpu) } };
        return target;
    }

    private static ObjectMeta Meta(string name, string ns = "default") =>
        new() { Namespace = ns, Name = name, Labels = new() { ["app"] = name } };

    private static LabelSelector Selector(string app) => new() { MatchLabels = new() { ["app"] = app } };

    private static PodTemplateSpec Template(string app)
    {
        var template = new PodTemplateSpec { Metadata = new ObjectMeta { Labels = new() { ["app"] = app } } };
        template.Spec.Containers = [new Container { Name = "c", Image = "image:1" }];
        return template;
    }
}
