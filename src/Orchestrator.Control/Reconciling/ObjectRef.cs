namespace Orchestrator.Control.Reconciling;

/// <summary>Names one object. <see cref="Uid"/> and <see cref="ResourceVersion"/>, where given, are preconditions of what is
/// done to it: another object of the same name, or a newer state, is left alone.</summary>
public readonly record struct ObjectRef(
    GroupVersionKind Kind, string Namespace, string Name, string Uid = "", string ResourceVersion = "")
{
    public NamespacedName Key => new(Namespace, Name);

    /// <summary>The object as it is known: its uid binds, its resourceVersion does not.</summary>
    public static ObjectRef To(IKubernetesObject target) =>
        new(target.GroupVersionKind, target.Namespace, target.Name, target.Uid);

    /// <summary>The object in the very state that is known.</summary>
    public static ObjectRef ToVersion(IKubernetesObject target) =>
        To(target) with { ResourceVersion = target.ResourceVersion };

    public override string ToString() => $"{Kind.Kind} {(Namespace.Length == 0 ? Name : $"{Namespace}/{Name}")}";
}
