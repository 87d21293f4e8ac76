namespace Orchestrator.Api.ManagedFields;

/// <summary>Fields that nobody comes to own.</summary>
internal static class UnmanagedFields
{
    /// <summary>What names an object and what the server itself writes into its metadata.</summary>
    public static FieldSet Always { get; } = Union(
        FieldSet.OfPath("apiVersion"),
        FieldSet.OfPath("kind"),
        FieldSet.OfPath("metadata"),
        FieldSet.OfPath("metadata", "name"),
        FieldSet.OfPath("metadata", "namespace"),
        FieldSet.OfPath("metadata", "creationTimestamp"),
        FieldSet.OfPath("metadata", "selfLink"),
        FieldSet.OfPath("metadata", "uid"),
        FieldSet.OfPath("metadata", "clusterName"),
        FieldSet.OfPath("metadata", "generation"),
        FieldSet.OfPath("metadata", "managedFields"),
        FieldSet.OfPath("metadata", "resourceVersion"));

    private static readonly FieldSet Spec = FieldSet.OfPath("spec");
    private static readonly FieldSet Status = FieldSet.OfPath("status");

    private static readonly FieldSet OfDeploymentStatus = Union(Spec, FieldSet.OfPath("metadata", "labels"));

    private static readonly FieldSet OfPodStatus = Union(
        Spec, FieldSet.OfPath("metadata", "deletionTimestamp"), FieldSet.OfPath("metadata", "ownerReferences"));

    /// <summary>What a request through the subresource cannot change, whatever it says: the object's own path leaves the status alone,
    /// that of the status the spec.</summary>
    public static FieldSet ResetBy(string subresource, Schema schema)
    {
        bool hasStatus = schema.Properties.ContainsKey("status");
        return subresource switch
        {
            "" when hasStatus => Status,
            "status" => schema.Name switch
            {
                "io.k8s.api.apps.v1.Deployment" => OfDeploymentStatus,
                "io.k8s.api.core.v1.Pod" => OfPodStatus,
                _ => Spec,
            },
            _ => FieldSet.Empty,
        };
    }

    private static FieldSet Union(params FieldSet[] sets) => sets.Aggregate((all, set) => all.Union(set));
}
