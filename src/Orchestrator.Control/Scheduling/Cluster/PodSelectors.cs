using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>Selectors of services and of what makes pods: out of these comes how pods that say nothing are spread.</summary>
internal sealed class PodSelectors
{
    private readonly Dictionary<string, Dictionary<string, Dictionary<string, string>>> _services = [];
    private readonly Dictionary<(string Kind, NamespacedName Key), LabelMatcher> _owners = [];

    /// <param name="selector">Null takes the service away.</param>
    public void SetService(NamespacedName key, Dictionary<string, string>? selector)
    {
        if (!_services.TryGetValue(key.Namespace, out var services))
            _services.Add(key.Namespace, services = []);
        if (selector is { Count: > 0 })
            services[key.Name] = selector;
        else
            services.Remove(key.Name);
        if (services.Count == 0)
            _services.Remove(key.Namespace);
    }

    /// <param name="kind">ReplicaSet, StatefulSet or ReplicationController.</param>
    /// <param name="selector">Null takes it away.</param>
    public void SetOwner(string kind, NamespacedName key, LabelMatcher? selector)
    {
        if (selector is null)
            _owners.Remove((kind, key));
        else
            _owners[(kind, key)] = selector;
    }

    /// <summary>What selects the pod's like: the selectors of all services that select the pod, and its maker's. Null: nothing does.</summary>
    public LabelMatcher? For(PodInfo pod)
    {
        Dictionary<string, string>? merged = null;
        if (_services.TryGetValue(pod.Key.Namespace, out var services))
        {
            foreach (var selector in services.Values)
            {
                if (!Selects(selector, pod.Labels))
                    continue;
                merged ??= [];
                foreach (var (key, value) in selector)
                    merged[key] = value;
            }
        }
        var matcher = merged is null ? null : LabelMatcher.OfLabels(merged);
        var owner = pod.Pod.ControllerOwner;
        if (owner?.Name is not null
            && _owners.TryGetValue((owner.Kind ?? "", new NamespacedName(pod.Key.Namespace, owner.Name)), out var own))
        {
            matcher = matcher is null ? own : matcher.And(own);
        }
        return matcher is null || matcher.IsEmpty ? null : matcher;
    }

    private static bool Selects(Dictionary<string, string> selector, Dictionary<string, string>? labels)
    {
        if (labels is null)
            return false;
        foreach (var (key, value) in selector)
        {
            if (!labels.TryGetValue(key, out string? own) || own != value)
                return false;
        }
        return true;
    }
}
