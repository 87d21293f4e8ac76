namespace Orchestrator.Control.Tests.Scheduling;

/// <summary>Builders of nodes and pods, a line each.</summary>
internal static class Make
{
    private static int s_uid;

    public static Node Node(string name, string cpu = "4", string memory = "8Gi", int pods = 110, string? zone = null)
    {
        var node = new Node { Metadata = new ObjectMeta { Name = name, Labels = new() { ["kubernetes.io/hostname"] = name } } };
        if (zone is not null)
            node.Metadata.Labels["topology.kubernetes.io/zone"] = zone;
        node.Status.Allocatable = new()
        {
            ["cpu"] = Quantity.Parse(cpu),
            ["memory"] = Quantity.Parse(memory),
            ["pods"] = Quantity.Parse($"{pods}"),
        };
        return node;
    }

    public static Node With(this Node node, string label, string value)
    {
        (node.Metadata.Labels ??= [])[label] = value;
        return node;
    }

    public static Node Tainted(this Node node, string key, string value, string effect)
    {
        (node.Spec.Taints ??= []).Add(new Taint { Key = key, Value = value, Effect = effect });
        return node;
    }

    public static Node Allocatable(this Node node, string resource, string amount)
    {
        node.Status.Allocatable![resource] = Quantity.Parse(amount);
        return node;
    }

    public static Pod Pod(string name, string? cpu = null, string? memory = null, string? app = null, string ns = "default", string? node = null)
    {
        var pod = new Pod { Metadata = new ObjectMeta { Name = name, Namespace = ns, Uid = $"uid-{name}-{++s_uid}", Generation = 1 } };
        pod.Metadata.Labels = app is null ? null : new() { ["app"] = app };
        var container = new Container { Name = "c", Image = "image" };
        if (cpu is not null || memory is not null)
        {
            container.Resources = new ResourceRequirements { Requests = [] };
            if (cpu is not null)
                container.Resources.Requests["cpu"] = Quantity.Parse(cpu);
            if (memory is not null)
                container.Resources.Requests["memory"] = Quantity.Parse(memory);
        }
        pod.Spec.Containers = [container];
        pod.Spec.NodeName = node;
        return pod;
    }

    public static Pod Requesting(this Pod pod, string resource, string amount)
    {
        var resources = pod.Spec.Containers![0].Resources ??= new ResourceRequirements();
        (resources.Requests ??= [])[resource] = Quantity.Parse(amount);
        return pod;
    }

    public static Pod Started(this Pod pod, DateTimeOffset at)
    {
        pod.Status.StartTime = at;
        return pod;
    }

    public static Pod On(this Pod pod, string node)
    {
        pod.Spec.NodeName = node;
        return pod;
    }

    public static Pod Priority(this Pod pod, int priority)
    {
        pod.Spec.Priority = priority;
        return pod;
    }

    public static Pod Tolerating(this Pod pod, string? key, string op = "Exists", string? value = null, string? effect = null)
    {
        (pod.Spec.Tolerations ??= []).Add(new Toleration { Key = key, Operator = op, Value = value, Effect = effect });
        return pod;
    }

    public static Pod Spread(
        this Pod pod, string topologyKey, int maxSkew, bool isRequired, string app, int? minDomains = null)
    {
        (pod.Spec.TopologySpreadConstraints ??= []).Add(new TopologySpreadConstraint
        {
            TopologyKey = topologyKey,
            MaxSkew = maxSkew,
            WhenUnsatisfiable = isRequired ? "DoNotSchedule" : "ScheduleAnyway",
            LabelSelector = App(app),
            MinDomains = minDomains,
        });
        return pod;
    }

    public static Pod Near(this Pod pod, string topologyKey, string app)
    {
        ((Affinity(pod).PodAffinity ??= new PodAffinity()).RequiredDuringSchedulingIgnoredDuringExecution ??= [])
            .Add(Term(topologyKey, app));
        return pod;
    }

    public static Pod AwayFrom(this Pod pod, string topologyKey, string app)
    {
        ((Affinity(pod).PodAntiAffinity ??= new PodAntiAffinity()).RequiredDuringSchedulingIgnoredDuringExecution ??= [])
            .Add(Term(topologyKey, app));
        return pod;
    }

    public static Pod RatherNear(this Pod pod, string topologyKey, string app, int weight)
    {
        ((Affinity(pod).PodAffinity ??= new PodAffinity()).PreferredDuringSchedulingIgnoredDuringExecution ??= [])
            .Add(new WeightedPodAffinityTerm { Weight = weight, PodAffinityTerm = Term(topologyKey, app) });
        return pod;
    }

    public static Pod RatherAwayFrom(this Pod pod, string topologyKey, string app, int weight)
    {
        ((Affinity(pod).PodAntiAffinity ??= new PodAntiAffinity()).PreferredDuringSchedulingIgnoredDuringExecution ??= [])
            .Add(new WeightedPodAffinityTerm { Weight = weight, PodAffinityTerm = Term(topologyKey, app) });
        return pod;
    }

    public static Pod OnNodesWith(this Pod pod, string key, string op, params string[] values)
    {
        var required = (Affinity(pod).NodeAffinity ??= new NodeAffinity()).RequiredDuringSchedulingIgnoredDuringExecution
            ??= new NodeSelector { NodeSelectorTerms = [] };
        required.NodeSelectorTerms!.Add(new NodeSelectorTerm
        {
            MatchExpressions = [new NodeSelectorRequirement { Key = key, Operator = op, Values = [.. values] }],
        });
        return pod;
    }

    public static Pod RatherOnNodesWith(this Pod pod, string key, string value, int weight)
    {
        ((Affinity(pod).NodeAffinity ??= new NodeAffinity()).PreferredDuringSchedulingIgnoredDuringExecution ??= [])
            .Add(new PreferredSchedulingTerm
            {
                Weight = weight,
                Preference = new NodeSelectorTerm
                {
                    MatchExpressions = [new NodeSelectorRequirement { Key = key, Operator = "In", Values = [value] }],
                },
            });
        return pod;
    }

    public static Pod OnNodeNamed(this Pod pod, string name)
    {
        (Affinity(pod).NodeAffinity ??= new NodeAffinity()).RequiredDuringSchedulingIgnoredDuringExecution = new NodeSelector
        {
            NodeSelectorTerms =
            [
                new NodeSelectorTerm
                {
                    MatchFields = [new NodeSelectorRequirement { Key = "metadata.name", Operator = "In", Values = [name] }],
                },
            ],
        };
        return pod;
    }

    public static Pod HostPort(this Pod pod, int port, string? address = null)
    {
        (pod.Spec.Containers![0].Ports ??= []).Add(new ContainerPort { ContainerPortValue = port, HostPort = port, HostIP = address });
        return pod;
    }

    public static LabelSelector App(string app) => new() { MatchLabels = new() { ["app"] = app } };

    private static PodAffinityTerm Term(string topologyKey, string app) =>
        new() { TopologyKey = topologyKey, LabelSelector = App(app) };

    private static Affinity Affinity(Pod pod) => pod.Spec.Affinity ??= new Affinity();
}
