namespace Orchestrator.Control.Tests.Fixtures;

/// <summary>Objects as the API server stores them, defaults filled in.</summary>
public static class Make
{
    public const string Ns = "default";

    public static readonly DateTimeOffset Start = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    public static PodTemplateSpec Template(string image = "nginx:1", string app = "web") => new()
    {
        Metadata = new ObjectMeta { Labels = new() { ["app"] = app } },
        Spec = new PodSpec
        {
            Containers = [new Container { Name = "main", Image = image }],
            RestartPolicy = "Always",
        },
    };

    public static LabelSelector Select(string app = "web") => new() { MatchLabels = new() { ["app"] = app } };

    public static ReplicaSet ReplicaSet(string name = "web", int replicas = 3) => new()
    {
        Metadata = new ObjectMeta { Namespace = Ns, Name = name, Uid = $"rs-{name}" },
        Spec = new ReplicaSetSpec { Replicas = replicas, Selector = Select(), Template = Template() },
    };

    public static Deployment Deployment(string name = "web", int replicas = 3, string image = "nginx:1") => new()
    {
        Metadata = new ObjectMeta { Namespace = Ns, Name = name, Uid = $"deployment-{name}" },
        Spec = new DeploymentSpec
        {
            Replicas = replicas,
            Selector = Select(),
            Template = Template(image),
            RevisionHistoryLimit = 10,
            ProgressDeadlineSeconds = 600,
            Strategy = new DeploymentStrategy
            {
                Type = "RollingUpdate",
                RollingUpdate = new RollingUpdateDeployment { MaxSurge = "25%", MaxUnavailable = "25%" },
            },
        },
    };

    public static Pod Pod(string name, IKubernetesObject? owner = null, string app = "web", string? node = "node-1") => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = Ns,
            Name = name,
            Uid = $"pod-{name}",
            Labels = new() { ["app"] = app },
            OwnerReferences = owner is null ? null : [References.Controller(owner)],
            CreationTimestamp = Start,
        },
        Spec = new PodSpec { NodeName = node, Containers = [new Container { Name = "main" }] },
        Status = new PodStatus { Phase = "Running" },
    };

    public static Pod Ready(this Pod pod, DateTimeOffset? since = null)
    {
        pod.Status.Phase = "Running";
        pod.Status.Conditions =
        [
            .. pod.Status.Conditions.OrEmpty().Where(condition => condition.Type != "Ready"),
            new PodCondition { Type = "Ready", Status = "True", LastTransitionTime = since ?? Start },
        ];
        return pod;
    }

    public static Pod NotReady(this Pod pod)
    {
        pod.Status.Conditions = [new PodCondition { Type = "Ready", Status = "False", LastTransitionTime = Start }];
        return pod;
    }

    public static Pod Phase(this Pod pod, string phase)
    {
        pod.Status.Phase = phase;
        if (phase is "Succeeded" or "Failed")
            pod.Status.Conditions = null;
        return pod;
    }

    public static Pod With(this Pod pod, Action<Pod> change)
    {
        change(pod);
        return pod;
    }

    public static Node Node(string name, string ready = "True", params Taint[] taints) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = name,
            Uid = $"node-{name}",
            Labels = new() { ["kubernetes.io/hostname"] = name, ["topology.kubernetes.io/zone"] = "zone-a" },
            CreationTimestamp = Start,
        },
        Spec = new NodeSpec { Taints = taints.Length == 0 ? null : [.. taints] },
        Status = new NodeStatus
        {
            Conditions = [new NodeCondition { Type = "Ready", Status = ready, LastHeartbeatTime = Start, LastTransitionTime = Start }],
        },
    };

    public static Status Refused(string reason, string message, int code = 403) =>
        new() { StatusValue = "Failure", Reason = reason, Message = message, Code = code };
}
