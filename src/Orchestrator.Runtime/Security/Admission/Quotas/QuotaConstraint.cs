using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Security.Admission.Quotas;

/// <summary>Where a quota limits processors or memory, every container must say how much it wants of them.</summary>
internal static class QuotaConstraint
{
    private static readonly HashSet<string> Limitable = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

    /// <summary>Each container must say what it asks for of what is limited; null when it does.</summary>
    public static string? Refusal(Pod pod, IEnumerable<string> limited)
    {
        var required = limited.Where(Limitable.Contains).ToList();
        var missing = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (var container in pod.Spec.Containers.OrEmpty().Concat(pod.Spec.InitContainers.OrEmpty()))
        {
            foreach (string name in required.Where(name => !Says(container, name)))
            {
                if (!missing.TryGetValue(name, out var containers))
                    missing[name] = containers = new(StringComparer.Ordinal);
                containers.Add(container.Name ?? "");
            }
        }
        return missing.Count == 0 ? null
            : $"must specify {string.Join("; ", missing.Select(pair => $"{pair.Key} for: {string.Join(',', pair.Value)}"))}";
    }

    private static bool Says(Container container, string name)
    {
        const string limits = "limits.", requests = "requests.";
        if (name.StartsWith(limits, StringComparison.Ordinal))
            return (container.Resources?.Limits).OrEmpty().ContainsKey(name[limits.Length..]);
        string plain = name.StartsWith(requests, StringComparison.Ordinal) ? name[requests.Length..] : name;
        return (container.Resources?.Requests).OrEmpty().ContainsKey(plain);
    }
}
