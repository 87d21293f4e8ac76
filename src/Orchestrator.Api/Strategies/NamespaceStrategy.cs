using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Defaulting;

namespace Orchestrator.Api.Strategies;

/// <summary>Namespaces: finalizers of the spec are changed through <c>/finalize</c> alone.</summary>
internal static class NamespaceStrategy
{
    private const string Finalizer = "kubernetes";

    public static KindStrategy<Namespace> Create() => new()
    {
        ResetStatus = ns => ns.Status = new NamespaceStatus { Phase = "Active" },
        KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
        KeepSpec = KeepFinalizers,
        OnCreate = OnCreate,
        OnUpdate = (updated, old) =>
        {
            KeepFinalizers(updated, old);
            Label(updated);
        },
        OnSubresource = new Dictionary<string, Action<Namespace, Namespace, DateTimeOffset>>(StringComparer.Ordinal)
        {
            ["finalize"] = (updated, old, _) => updated.Status = old.Status.DeepClone(),
        },
    };

    private static void OnCreate(Namespace ns, DateTimeOffset now)
    {
        var finalizers = ns.Spec.Finalizers ??= [];
        if (!finalizers.Contains(Finalizer))
            finalizers.Add(Finalizer);
        Label(ns);
    }

    private static void KeepFinalizers(Namespace updated, Namespace old) =>
        updated.Spec.Finalizers = old.Spec.Finalizers is { } finalizers ? [.. finalizers] : null;

    private static void Label(Namespace ns)
    {
        if (ns.Name.Length > 0)
            (ns.Metadata.Labels ??= [])[Defaults.NamespaceLabel] = ns.Name;
    }
}
