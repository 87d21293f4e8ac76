using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Runtime.Kubelet.StaticPods;

/// <summary>What stands for a static pod in the API, so that users see it. It is a picture: nothing that is done to it does anything to the pod.</summary>
internal static class MirrorPods
{
    /// <summary>Its value is the static pod's hash, and so its uid.</summary>
    public const string Annotation = "kubernetes.io/config.mirror";

    public static bool IsMirror(Pod pod) => pod.Annotations.ContainsKey(Annotation);

    public static bool IsMirrorOf(Pod mirror, Pod pod) => mirror.Annotations.GetValueOrDefault(Annotation) == pod.Uid;

    /// <summary>It goes with the node's object.</summary>
    public static Pod Of(Pod pod, Node node) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = pod.Name,
            Namespace = pod.Namespace,
            Labels = pod.Metadata.Labels is { } labels ? new Dictionary<string, string>(labels) : null,
            Annotations = new Dictionary<string, string>(pod.Annotations) { [Annotation] = pod.Uid },
            OwnerReferences = [new OwnerReference { ApiVersion = "v1", Kind = "Node", Name = node.Name, Uid = node.Uid, Controller = true }],
        },
        Spec = pod.Spec.DeepClone(),
    };

    /// <summary>The static pod with what its mirror shows of it: times and counts go on from there when a kubelet starts anew.</summary>
    /// <remarks>The phase is left out: somebody else may have written an end, and that must not end the pod.</remarks>
    public static Pod WithStatusOf(Pod pod, Pod mirror)
    {
        Pod shown = pod.DeepClone();
        shown.Status = mirror.Status.DeepClone();
        shown.Status.Phase = null;
        shown.Metadata.Generation = mirror.Metadata.Generation;
        return shown;
    }
}
