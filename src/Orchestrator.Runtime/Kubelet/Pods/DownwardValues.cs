using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>What a pod's containers may learn of the pod: the texts of its fields and resources.</summary>
internal static class DownwardValues
{
    /// <summary>A field of the pod's metadata; maps as lines of <c>key="value"</c>, in the order of their keys.</summary>
    public static string OfField(Pod pod, string path) => path switch
    {
        "metadata.name" => pod.Name,
        "metadata.namespace" => pod.Namespace,
        "metadata.uid" => pod.Uid,
        "metadata.labels" => Lines(pod.Labels),
        "metadata.annotations" => Lines(pod.Annotations),
        _ => OfMap(pod, path),
    };

    /// <summary>One label or annotation: <c>metadata.labels['KEY']</c>.</summary>
    public static string OfMap(Pod pod, string path)
    {
        foreach (var (prefix, map) in new[] { ("metadata.labels['", pod.Labels), ("metadata.annotations['", pod.Annotations) })
        {
            if (path.StartsWith(prefix, StringComparison.Ordinal) && path.EndsWith("']", StringComparison.Ordinal))
                return map.GetValueOrDefault(path[prefix.Length..^2], "");
        }
        return "";
    }

    /// <summary>A limit or request of a container in units of the divisor, rounded up.</summary>
    /// <param name="allocatable">What a container without a limit may use: all that the node has.</param>
    public static string OfResource(Container container, ResourceFieldSelector field, IReadOnlyDictionary<string, Quantity> allocatable)
    {
        string[] path = (field.Resource ?? "").Split('.', 2);
        bool isLimit = path[0] == "limits";
        var amounts = isLimit ? container.Resources?.Limits : container.Resources?.Requests;
        Quantity amount = amounts.OrEmpty().GetValueOrDefault(path[^1]);
        if (isLimit && amount.IsZero)
            amount = allocatable.GetValueOrDefault(path[^1]);
        long divisor = field.Divisor is { IsZero: false } given ? Math.Max(1, given.MilliValue) : 1000;
        return ((amount.MilliValue + divisor - 1) / divisor).ToString(CultureInfo.InvariantCulture);
    }

    private static string Lines(IReadOnlyDictionary<string, string> map) => string.Join(
        '\n', map.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}={Quoted.Text(entry.Value)}"));
}
