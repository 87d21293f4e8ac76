using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Networking;

/// <summary>Where a service's pods can be reached.</summary>
internal static class PodAddresses
{
    public const string ServiceNameLabel = "kubernetes.io/service-name";
    public const string HeadlessLabel = "service.kubernetes.io/headless";
    public const string ZoneLabel = "topology.kubernetes.io/zone";

    public static bool IsHeadless(Service service) => service.Spec.ClusterIP == "None";

    /// <summary>Whether the control plane finds the pods of a service by itself.</summary>
    public static bool HasSelector(Service service) =>
        service.Spec.Selector is { Count: > 0 } && service.Spec.Type != "ExternalName";

    private const string ByLabel = "label";

    /// <summary>Pods by each of their labels: a service need not look through all pods of its namespace.</summary>
    public static ObjectIndex PodsByLabel => ObjectIndex.Of<Pod>(ByLabel, static pod =>
        pod.Labels.Select(label => $"{pod.Namespace}/{label.Key}={label.Value}"));

    /// <summary>The pods of a service; wants <see cref="PodsByLabel"/>.</summary>
    public static IEnumerable<Pod> Selected(Service service, IObjectCache cache)
    {
        var (key, value) = service.Spec.Selector!.MinBy(pair => pair.Key, StringComparer.Ordinal);
        var selector = Selector.Of(service.Spec.Selector!);
        return cache.ByIndex<Pod>(ByLabel, $"{service.Namespace}/{key}={value}").Where(pod => selector.Matches(pod.Labels));
    }

    public static IEnumerable<string> IPs(Pod pod) => pod.Status.PodIPs is { Count: > 0 } several
        ? several.Select(ip => ip.Ip ?? "")
        : string.IsNullOrEmpty(pod.Status.PodIP) ? [] : [pod.Status.PodIP];

    public static bool IsV6(string address) => address.Contains(':', StringComparison.Ordinal);

    /// <summary>The port of the pod that a service's port leads to; null if it has no port of that name.</summary>
    public static int? TargetPort(Pod pod, ServicePort port)
    {
        if (port.TargetPort is not { } target)
            return port.Port;
        if (target.IsInt)
            return target.IntValue;
        foreach (var container in pod.Spec.Containers.OrEmpty())
        {
            if (PortNamed(container, target.StringValue!, port.Protocol) is { } number)
                return number;
        }
        foreach (var container in pod.Spec.InitContainers.OrEmpty())
        {
            if (container.RestartPolicy == "Always" && PortNamed(container, target.StringValue!, port.Protocol) is { } number)
                return number;
        }
        return null;
    }

    private static int? PortNamed(Container container, string name, string? protocol) => container.Ports.OrEmpty()
        .FirstOrDefault(port => port.Name == name && (port.Protocol ?? "TCP") == (protocol ?? "TCP"))?.ContainerPortValue;

    /// <summary>The host name under which a headless service knows the pod; null for none.</summary>
    public static string? Hostname(Pod pod, Service service) =>
        !string.IsNullOrEmpty(pod.Spec.Hostname) && pod.Spec.Subdomain == service.Name ? pod.Spec.Hostname : null;

    public static ObjectReference TargetRef(Pod pod) => new()
    {
        Kind = "Pod",
        Namespace = pod.Namespace,
        Name = pod.Name,
        Uid = pod.Uid,
    };

    /// <summary>The services that a changed pod concerns: those that select it now or selected it before, unless the change is
    /// none that an address shows.</summary>
    public static IEnumerable<NamespacedName> ServiceKeys(Pod? before, Pod? after, IObjectCache cache)
    {
        bool areSameLabels = before is not null && after is not null && SameMap(before.Metadata.Labels, after.Metadata.Labels);
        if (areSameLabels && before != after && !HasChanged(before!, after!))
            yield break;
        var pod = (after ?? before)!;
        foreach (var service in cache.List<Service>(pod.Namespace))
        {
            if (!HasSelector(service))
                continue;
            var selector = Selector.Of(service.Spec.Selector!);
            if (selector.Matches(pod.Labels) || (!areSameLabels && before is not null && selector.Matches(before.Labels)))
                yield return service.Key;
        }
    }

    private static bool HasChanged(Pod before, Pod after) =>
        before.Spec.NodeName != after.Spec.NodeName || before.IsReady() != after.IsReady()
        || before.IsBeingDeleted != after.IsBeingDeleted || before.IsTerminal() != after.IsTerminal()
        || before.Uid != after.Uid || !IPs(before).SequenceEqual(IPs(after));

    private static bool SameMap(Dictionary<string, string>? x, Dictionary<string, string>? y)
    {
        if ((x?.Count ?? 0) != (y?.Count ?? 0))
            return false;
        foreach (var (key, value) in x.OrEmpty())
        {
            if (!y!.TryGetValue(key, out string? other) || other != value)
                return false;
        }
        return true;
    }
}
