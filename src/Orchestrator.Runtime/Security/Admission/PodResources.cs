using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>What a pod asks for as a whole: its containers together, or its greediest moment of starting, and the runtime's overhead.</summary>
internal static class PodResources
{
    public static Dictionary<string, Quantity> Requests(Pod pod) => Total(pod, container => container.Resources?.Requests, addOverheadAlways: true);

    public static Dictionary<string, Quantity> Limits(Pod pod) => Total(pod, container => container.Resources?.Limits, addOverheadAlways: false);

    private static Dictionary<string, Quantity> Total(Pod pod, Func<Container, Dictionary<string, Quantity>?> select, bool addOverheadAlways)
    {
        var total = new Dictionary<string, Quantity>();
        foreach (var container in pod.Spec.Containers.OrEmpty())
            Add(total, select(container));
        var sidecars = new Dictionary<string, Quantity>();
        var starting = new Dictionary<string, Quantity>();
        foreach (var container in pod.Spec.InitContainers.OrEmpty())
        {
            // A sidecar stays; another init container runs beside the sidecars that were started before it.
            if (container.RestartPolicy == "Always")
            {
                Add(total, select(container));
                Add(sidecars, select(container));
                Raise(starting, sidecars);
                continue;
            }
            var moment = new Dictionary<string, Quantity>(sidecars);
            Add(moment, select(container));
            Raise(starting, moment);
        }
        Raise(total, starting);
        foreach (var (name, overhead) in pod.Spec.Overhead.OrEmpty())
        {
            if (addOverheadAlways || total.ContainsKey(name))
                total[name] = total.TryGetValue(name, out var sum) ? sum + overhead : overhead;
        }
        return total;
    }

    private static void Add(Dictionary<string, Quantity> total, Dictionary<string, Quantity>? more)
    {
        foreach (var (name, quantity) in more.OrEmpty())
            total[name] = total.TryGetValue(name, out var sum) ? sum + quantity : quantity;
    }

    private static void Raise(Dictionary<string, Quantity> total, Dictionary<string, Quantity> least)
    {
        foreach (var (name, quantity) in least)
        {
            if (!total.TryGetValue(name, out var current) || current.CompareTo(quantity) < 0)
                total[name] = quantity;
        }
    }
}
