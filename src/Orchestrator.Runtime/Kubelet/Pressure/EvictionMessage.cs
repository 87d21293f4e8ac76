using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Pods;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>Why a pod was evicted, in the words that people and programs search for.</summary>
internal static class EvictionMessage
{
    public const string Reason = "Evicted";

    /// <summary>For the node's sake.</summary>
    /// <param name="use">Null where nothing is known of it.</param>
    public static string OfPressure(EvictionThreshold threshold, NodeSignals signals, Pod pod, PodUse? use)
    {
        string resource = EvictionSignals.ResourceOf(threshold.Signal);
        SignalValue value = signals.Values[threshold.Signal];
        QuantityFormat format = resource is EvictionSignals.Memory or EvictionSignals.Storage ? QuantityFormat.BinarySI : QuantityFormat.DecimalSI;
        Quantity least = threshold.Amount ?? Quantity.FromInt64(threshold.In(value.Capacity), QuantityFormat.BinarySI);
        var text = new StringBuilder($"The node was low on resource: {resource}. ")
            .Append($"Threshold quantity: {least}, available: {Quantity.FromInt64(value.Available, format)}. ");
        foreach (ContainerUse container in use?.Containers ?? [])
            AddContainer(text, resource, pod, container);
        return text.ToString();
    }

    /// <summary>For what the pod itself may not exceed, beside the limits of its volumes.</summary>
    /// <returns>Null while it keeps to it.</returns>
    /// <param name="hasImageDisk">Then a container's limit is not for what it writes to its root.</param>
    public static string? OfLimits(Pod pod, PodUse use, bool hasImageDisk)
    {
        if (PodResources.Limits(pod.Spec).TryGetValue(EvictionSignals.Storage, out Quantity all) && use.StorageBytes > all.Value)
            return $"Pod ephemeral local storage usage exceeds the total limit of containers {all}. ";
        foreach (ContainerUse container in use.Containers)
        {
            Quantity limit = (pod.Spec.Containers.OrEmpty().Find(spec => spec.Name == container.Name)?.Resources?.Limits)
                .OrEmpty().GetValueOrDefault(EvictionSignals.Storage);
            if (!limit.IsZero && container.Logs.Bytes + (hasImageDisk ? 0 : container.Layer.Bytes) > limit.Value)
                return $"Container {container.Name} exceeded its local ephemeral storage limit \"{limit}\". ";
        }
        return null;
    }

    public static bool HasLimits(Pod pod) => PodResources.Limits(pod.Spec).ContainsKey(EvictionSignals.Storage);

    private static void AddContainer(StringBuilder text, string resource, Pod pod, ContainerUse container)
    {
        long? used = resource switch
        {
            EvictionSignals.Memory => container.MemoryBytes,
            EvictionSignals.Storage => container.Layer.Bytes + container.Logs.Bytes,
            _ => null,
        };
        Container? spec = pod.Spec.Containers.OrEmpty().Concat(pod.Spec.InitContainers.OrEmpty()).FirstOrDefault(spec => spec.Name == container.Name);
        if (used is not { } bytes || spec is null)
            return;
        Quantity request = (spec.Resources?.Requests).OrEmpty().GetValueOrDefault(resource);
        if (bytes > request.Value)
            text.Append($"Container {container.Name} was using {Quantity.FromInt64(bytes, QuantityFormat.BinarySI)}, request is {request}, has larger consumption of {resource}. ");
    }
}
