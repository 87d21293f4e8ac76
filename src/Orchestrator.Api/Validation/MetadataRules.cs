using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Validation;

/// <summary>What holds for the metadata of every object.</summary>
internal static class MetadataRules
{
    private const int AnnotationsLimit = 256 * 1024;
    private const string OrphanFinalizer = "orphan";
    private const string ForegroundFinalizer = "foregroundDeletion";

    // Finalizers without a domain are of the first years; no more are added.
    private static readonly HashSet<string> _plainFinalizers = ["kubernetes", OrphanFinalizer, ForegroundFinalizer];

    public static void Check(Field field, ObjectMeta metadata, bool isNamespaced, NameRule rule)
    {
        if (!string.IsNullOrEmpty(metadata.GenerateName))
            field["generateName"].Invalid(metadata.GenerateName, rule.Faults(metadata.GenerateName, isPrefix: true));
        if (string.IsNullOrEmpty(metadata.Name))
            field["name"].Required("name or generateName is required");
        else
            field["name"].Invalid(metadata.Name, rule.Faults(metadata.Name, isPrefix: false));
        CheckNamespace(field["namespace"], metadata.Namespace, isNamespaced);
        field["generation"].NotNegative(metadata.Generation);
        CheckCommon(field, metadata);
    }

    public static void CheckUpdate(Field field, ObjectMeta metadata, ObjectMeta old)
    {
        if (old.DeletionTimestamp is not null)
        {
            string[] added = [.. metadata.Finalizers.OrEmpty().Except(old.Finalizers.OrEmpty()).Order(StringComparer.Ordinal)];
            if (added.Length > 0)
                field["finalizers"].Forbidden("no new finalizers can be added if the object is being deleted, found new finalizers "
                    + GoLiteral.Of(added));
        }
        if (string.IsNullOrEmpty(metadata.ResourceVersion))
            field["resourceVersion"].Invalid("", "must be specified for an update");
        if ((metadata.Generation ?? 0) < (old.Generation ?? 0))
            field["generation"].Invalid(metadata.Generation ?? 0, "must not be decremented");
        field["name"].Unchanged(metadata.Name ?? "", old.Name ?? "");
        field["namespace"].Unchanged(metadata.Namespace ?? "", old.Namespace ?? "");
        field["uid"].Unchanged(metadata.Uid ?? "", old.Uid ?? "");
        CheckUnchangedTime(field["creationTimestamp"], metadata.CreationTimestamp, old.CreationTimestamp);
        CheckUnchangedTime(field["deletionTimestamp"], metadata.DeletionTimestamp, old.DeletionTimestamp);
        field["deletionGracePeriodSeconds"].Unchanged(metadata.DeletionGracePeriodSeconds, old.DeletionGracePeriodSeconds);
        CheckCommon(field, metadata);
    }

    /// <summary>Labels, wherever they are: <c>metadata.labels</c>, a template's, a node selector.</summary>
    public static void CheckLabels(Field field, IReadOnlyDictionary<string, string>? labels)
    {
        if (labels is null)
            return;
        foreach (var (key, value) in labels.OrderBy(label => label.Key, StringComparer.Ordinal))
        {
            CheckLabelKey(field, key);
            field.Invalid(value, NameRules.LabelValue(value));
        }
    }

    public static void CheckLabelKey(Field field, string? key) => field.Invalid(key ?? "", NameRules.QualifiedName(key ?? ""));

    public static void CheckAnnotations(Field field, IReadOnlyDictionary<string, string>? annotations)
    {
        if (annotations is null)
            return;
        long size = 0;
        foreach (var (key, value) in annotations.OrderBy(annotation => annotation.Key, StringComparer.Ordinal))
        {
            field.Invalid(key, NameRules.QualifiedName(key.ToLowerInvariant()));
            size += System.Text.Encoding.UTF8.GetByteCount(key) + System.Text.Encoding.UTF8.GetByteCount(value);
        }
        if (size > AnnotationsLimit)
            field.TooLong(AnnotationsLimit);
    }

    /// <summary>A selector by labels; an absent one has no faults.</summary>
    public static void CheckSelector(Field field, LabelSelector? selector)
    {
        if (selector is null)
            return;
        CheckLabels(field["matchLabels"], selector.MatchLabels);
        foreach (var (index, requirement) in selector.MatchExpressions.OrEmpty().Index())
            CheckRequirement(field["matchExpressions"][index], requirement);
    }

    private static void CheckRequirement(Field field, LabelSelectorRequirement requirement)
    {
        var values = requirement.Values.OrEmpty();
        switch (requirement.Operator)
        {
            case "In" or "NotIn":
                if (values.Count == 0)
                    field["values"].Required("must be specified when `operator` is 'In' or 'NotIn'");
                break;
            case "Exists" or "DoesNotExist":
                if (values.Count > 0)
                    field["values"].Forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                break;
            default:
                field["operator"].Invalid(requirement.Operator ?? "", "not a valid selector operator");
                break;
        }
        CheckLabelKey(field["key"], requirement.Key);
        foreach (var (index, value) in values.Index())
            field["values"][index].Invalid(value, NameRules.LabelValue(value));
    }

    private static void CheckNamespace(Field field, string? ns, bool isNamespaced)
    {
        if (isNamespaced)
            field.Named(ns, NameRules.DnsLabel);
        else if (!string.IsNullOrEmpty(ns))
            field.Forbidden("not allowed on this type");
    }

    private static void CheckCommon(Field field, ObjectMeta metadata)
    {
        CheckLabels(field["labels"], metadata.Labels);
        CheckAnnotations(field["annotations"], metadata.Annotations);
        CheckOwners(field["ownerReferences"], metadata.OwnerReferences);
        CheckFinalizers(field["finalizers"], metadata.Finalizers);
    }

    private static void CheckUnchangedTime(Field field, DateTimeOffset? time, DateTimeOffset? old)
    {
        if (time != old)
            field.Invalid(time is { } value ? value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'",
                System.Globalization.CultureInfo.InvariantCulture) : null, Field.Immutable);
    }

    private static void CheckOwners(Field field, List<OwnerReference>? owners)
    {
        string? controller = null;
        foreach (var owner in owners.OrEmpty())
        {
            CheckOwner(field, owner);
            if (owner.Controller != true)
                continue;
            string name = $"{owner.Kind}/{owner.Name}";
            if (controller is null)
                controller = name;
            else
                field.Invalid(Json(owners!), "Only one reference can have Controller set to true. "
                    + $"Found \"true\" in references for {controller} and {name}");
        }
    }

    private static void CheckOwner(Field field, OwnerReference owner)
    {
        string apiVersion = owner.ApiVersion ?? "";
        if (apiVersion.Length == 0 || apiVersion.EndsWith('/'))
            field["apiVersion"].Invalid(apiVersion, "version must not be empty");
        if (string.IsNullOrEmpty(owner.Kind))
            field["kind"].Invalid("", "must not be empty");
        if (string.IsNullOrEmpty(owner.Name))
            field["name"].Invalid("", "must not be empty");
        if (string.IsNullOrEmpty(owner.Uid))
            field["uid"].Invalid("", "must not be empty");
        if (owner is { ApiVersion: "v1", Kind: "Event" })
            field.Invalid(owner, "/v1, Kind=Event is disallowed from being an owner");
    }

    private static GoLiteral Json(List<OwnerReference> owners) => GoLiteral.Raw(
        $"[{string.Join(',', owners.Select(owner => System.Text.Encoding.UTF8.GetString(KubernetesJson.Serialize(owner))))}]");

    private static void CheckFinalizers(Field field, List<string>? finalizers)
    {
        foreach (var (index, finalizer) in finalizers.OrEmpty().Index())
        {
            field.Invalid(finalizer, NameRules.QualifiedName(finalizer));
            CheckPlainFinalizer(field[index], finalizer);
        }
        if (finalizers.OrEmpty().Contains(OrphanFinalizer) && finalizers.OrEmpty().Contains(ForegroundFinalizer))
            field.Invalid(GoLiteral.Of(finalizers), $"finalizer {OrphanFinalizer} and {ForegroundFinalizer} cannot be both set");
    }

    public static void CheckPlainFinalizer(Field field, string finalizer)
    {
        if (!finalizer.Contains('/') && !_plainFinalizers.Contains(finalizer))
            field.Invalid(finalizer, "name is neither a standard finalizer name nor is it fully qualified");
    }
}
