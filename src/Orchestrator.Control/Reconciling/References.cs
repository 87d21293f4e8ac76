namespace Orchestrator.Control.Reconciling;

/// <summary>References from one object to another.</summary>
public static class References
{
    /// <summary>A reference for events and statuses.</summary>
    public static ObjectReference To(IKubernetesObject target) => new()
    {
        ApiVersion = target.GroupVersionKind.ApiVersion,
        Kind = target.GroupVersionKind.Kind,
        Namespace = target.Namespace.Length == 0 ? null : target.Namespace,
        Name = target.Name,
        Uid = target.Uid.Length == 0 ? null : target.Uid,
        ResourceVersion = target.ResourceVersion.Length == 0 ? null : target.ResourceVersion,
    };

    /// <summary>The reference that makes <paramref name="owner"/> the managing controller of an object.</summary>
    public static OwnerReference Controller(IKubernetesObject owner) => new()
    {
        ApiVersion = owner.GroupVersionKind.ApiVersion,
        Kind = owner.GroupVersionKind.Kind,
        Name = owner.Name,
        Uid = owner.Uid,
        Controller = true,
        BlockOwnerDeletion = true,
    };

    public static bool IsControlledBy(this IKubernetesObject target, IKubernetesObject owner) =>
        target.ControllerOwner is { } reference && reference.Uid == owner.Uid;
}
