namespace Orchestrator.Control.Pods;

/// <summary>Pods made from templates.</summary>
public static class PodTemplates
{
    /// <summary>A pod of <paramref name="owner"/> with a name that the API server makes up after "owner-".</summary>
    public static Pod CreatePod(PodTemplateSpec template, IKubernetesObject owner) => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = owner.Namespace,
            GenerateName = owner.Name + "-",
            Labels = Copy(template.Metadata.Labels),
            Annotations = Copy(template.Metadata.Annotations),
            Finalizers = template.Metadata.Finalizers is { } finalizers ? [.. finalizers] : null,
            OwnerReferences = [References.Controller(owner)],
        },
        Spec = template.Spec.DeepClone(),
    };

    private static Dictionary<string, string>? Copy(Dictionary<string, string>? map) => map is null ? null : new(map);
}
