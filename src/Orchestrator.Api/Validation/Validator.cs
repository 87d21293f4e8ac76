namespace Orchestrator.Api.Validation;

/// <summary>Says what is wrong with an object, with Kubernetes' field paths and texts. Nothing found means that it may be stored.</summary>
/// <remarks>
/// Asked after defaults, strategy and admission: a fault may lie in what they added. Objects are only read. All faults are found, not the
/// first alone; those of a map come in the order of its keys.
/// </remarks>
public static class Validator
{
    public static IReadOnlyList<FieldError> ValidateCreate(IKubernetesObject created)
    {
        var faults = new List<FieldError>();
        var root = new Field(faults, FieldPath.Root);
        var rules = RuleTable.For(created.GroupVersionKind);
        MetadataRules.Check(root["metadata"], created.Metadata, IsNamespaced(created), rules.Name);
        rules.CheckCreate(root, created);
        return faults;
    }

    public static IReadOnlyList<FieldError> ValidateUpdate(IKubernetesObject updated, IKubernetesObject old)
    {
        var (faults, root) = BeginUpdate(updated, old);
        RuleTable.For(updated.GroupVersionKind).CheckUpdate(root, updated, old);
        return faults;
    }

    public static IReadOnlyList<FieldError> ValidateStatusUpdate(IKubernetesObject updated, IKubernetesObject old)
    {
        var (faults, root) = BeginUpdate(updated, old);
        RuleTable.For(updated.GroupVersionKind).CheckStatusUpdate(root, updated, old);
        return faults;
    }

    /// <summary>A write to <c>status</c>, <c>finalize</c>, <c>ephemeralcontainers</c>, <c>resize</c> or <c>approval</c>; what has no
    /// rules of its own is an ordinary update.</summary>
    public static IReadOnlyList<FieldError> ValidateSubresourceUpdate(
        string subresource, IKubernetesObject updated, IKubernetesObject old)
    {
        if (subresource == "status")
            return ValidateStatusUpdate(updated, old);
        var (faults, root) = BeginUpdate(updated, old);
        var rules = RuleTable.For(updated.GroupVersionKind);
        if (!rules.CheckSubresource(subresource, root, updated, old))
            rules.CheckUpdate(root, updated, old);
        return faults;
    }

    private static (List<FieldError> Faults, Field Root) BeginUpdate(IKubernetesObject updated, IKubernetesObject old)
    {
        var faults = new List<FieldError>();
        var root = new Field(faults, FieldPath.Root);
        MetadataRules.CheckUpdate(root["metadata"], updated.Metadata, old.Metadata);
        return (faults, root);
    }

    // Kinds that are no resource of their own (Scale, Binding) lie where their resource lies; the path says so.
    private static bool IsNamespaced(IKubernetesObject created) =>
        ResourceTable.Served.ForKind(created.GroupVersionKind)?.IsNamespaced ?? created.Namespace.Length > 0;
}
