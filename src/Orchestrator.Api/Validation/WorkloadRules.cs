using System.Text.Json;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Selectors;

namespace Orchestrator.Api.Validation;

/// <summary>The kinds that keep a number of pods running.</summary>
internal static class WorkloadRules
{
    private const string NoMatch = "`selector` does not match template `labels`";
    private const string MoreThanAll = "cannot be greater than status.replicas";

    public static void Check(Field root, Deployment deployment)
    {
        var field = root["spec"];
        var spec = deployment.Spec;
        field["replicas"].NotNegative(spec.Replicas);
        CheckSelector(field["selector"], spec.Selector, "empty selector is invalid for deployment");
        CheckTemplate(field["template"], spec.Template, spec.Selector, "ReplicaSet");
        CheckStrategy(field["strategy"], spec.Strategy ?? new DeploymentStrategy());
        field["minReadySeconds"].NotNegative(spec.MinReadySeconds);
        field["revisionHistoryLimit"].NotNegative(spec.RevisionHistoryLimit);
        if (spec.ProgressDeadlineSeconds is { } deadline)
        {
            field["progressDeadlineSeconds"].NotNegative(deadline);
            if (deadline <= (spec.MinReadySeconds ?? 0))
                field["progressDeadlineSeconds"].Invalid(deadline, "must be greater than minReadySeconds");
        }
    }

    public static void CheckUpdate(Field root, Deployment deployment, Deployment old) =>
        CheckSelectorKept(root["spec"]["selector"], deployment.Spec.Selector, old.Spec.Selector);

    public static void CheckStatusUpdate(Field root, Deployment deployment, Deployment old)
    {
        var (field, status) = (root["status"], deployment.Status);
        field["observedGeneration"].NotNegative(status.ObservedGeneration);
        CheckCounts(field, status.Replicas, [("updatedReplicas", status.UpdatedReplicas), ("readyReplicas", status.ReadyReplicas),
            ("availableReplicas", status.AvailableReplicas)]);
        field["unavailableReplicas"].NotNegative(status.UnavailableReplicas);
        if (status.AvailableReplicas > (status.ReadyReplicas ?? 0))
            field["availableReplicas"].Invalid(status.AvailableReplicas, "cannot be greater than readyReplicas");
        CheckCollisions(field["collisionCount"], status.CollisionCount, old.Status.CollisionCount);
    }

    public static void Check(Field root, ReplicaSet set)
    {
        var field = root["spec"];
        field["replicas"].NotNegative(set.Spec.Replicas);
        field["minReadySeconds"].NotNegative(set.Spec.MinReadySeconds);
        CheckSelector(field["selector"], set.Spec.Selector, "empty selector is invalid for deployment");
        CheckTemplate(field["template"], set.Spec.Template, set.Spec.Selector, "ReplicaSet");
    }

    public static void CheckUpdate(Field root, ReplicaSet set, ReplicaSet old) =>
        CheckSelectorKept(root["spec"]["selector"], set.Spec.Selector, old.Spec.Selector);

    public static void CheckStatusUpdate(Field root, ReplicaSet set, ReplicaSet old)
    {
        var (field, status) = (root["status"], set.Status);
        field["observedGeneration"].NotNegative(status.ObservedGeneration);
        CheckCounts(field, status.Replicas, [("fullyLabeledReplicas", status.FullyLabeledReplicas),
            ("readyReplicas", status.ReadyReplicas), ("availableReplicas", status.AvailableReplicas)]);
        if (status.AvailableReplicas > (status.ReadyReplicas ?? 0))
            field["availableReplicas"].Invalid(status.AvailableReplicas, "cannot be greater than readyReplicas");
    }

    public static void Check(Field root, ReplicationController controller)
    {
        var field = root["spec"];
        var spec = controller.Spec;
        field["minReadySeconds"].NotNegative(spec.MinReadySeconds);
        if (spec.Selector is not { Count: > 0 })
            field["selector"].Required();
        field["replicas"].NotNegative(spec.Replicas);
        var selector = new LabelSelector { MatchLabels = spec.Selector };
        CheckTemplate(field["template"], spec.Template, selector, "ReplicationController");
    }

    public static void CheckStatusUpdate(Field root, ReplicationController controller, ReplicationController old)
    {
        var (field, status) = (root["status"], controller.Status);
        field["observedGeneration"].NotNegative(status.ObservedGeneration);
        CheckCounts(field, status.Replicas, [("fullyLabeledReplicas", status.FullyLabeledReplicas),
            ("readyReplicas", status.ReadyReplicas), ("availableReplicas", status.AvailableReplicas)]);
    }

    public static void Check(Field root, DaemonSet set)
    {
        var field = root["spec"];
        var spec = set.Spec;
        CheckSelector(field["selector"], spec.Selector, "empty selector is invalid for daemonset");
        CheckTemplate(field["template"], spec.Template, spec.Selector, "DaemonSet");
        field["minReadySeconds"].NotNegative(spec.MinReadySeconds);
        CheckStrategy(field["updateStrategy"], spec.UpdateStrategy ?? new DaemonSetUpdateStrategy());
        field["revisionHistoryLimit"].NotNegative(spec.RevisionHistoryLimit);
    }

    public static void CheckUpdate(Field root, DaemonSet set, DaemonSet old) =>
        CheckSelectorKept(root["spec"]["selector"], set.Spec.Selector, old.Spec.Selector);

    public static void CheckStatusUpdate(Field root, DaemonSet set, DaemonSet old)
    {
        var (field, status) = (root["status"], set.Status);
        field["currentNumberScheduled"].NotNegative(status.CurrentNumberScheduled);
        field["numberMisscheduled"].NotNegative(status.NumberMisscheduled);
        field["desiredNumberScheduled"].NotNegative(status.DesiredNumberScheduled);
        field["numberReady"].NotNegative(status.NumberReady);
        field["observedGeneration"].NotNegative(status.ObservedGeneration);
        field["updatedNumberScheduled"].NotNegative(status.UpdatedNumberScheduled);
        field["numberAvailable"].NotNegative(status.NumberAvailable);
        field["numberUnavailable"].NotNegative(status.NumberUnavailable);
        CheckCollisions(field["collisionCount"], status.CollisionCount, old.Status.CollisionCount);
    }

    public static void Check(Field root, StatefulSet set)
    {
        var field = root["spec"];
        var spec = set.Spec;
        if (string.IsNullOrEmpty(spec.PodManagementPolicy))
            field["podManagementPolicy"].Required();
        else if (spec.PodManagementPolicy is not ("OrderedReady" or "Parallel"))
            field["podManagementPolicy"].Invalid(spec.PodManagementPolicy, "must be 'OrderedReady' or 'Parallel'");
        CheckStrategy(field["updateStrategy"], spec.UpdateStrategy ?? new StatefulSetUpdateStrategy());
        if (spec.PersistentVolumeClaimRetentionPolicy is { } retention)
        {
            field["persistentVolumeClaimRetentionPolicy"]["whenDeleted"].OneOf(retention.WhenDeleted, "Delete", "Retain");
            field["persistentVolumeClaimRetentionPolicy"]["whenScaled"].OneOf(retention.WhenScaled, "Delete", "Retain");
        }
        field["replicas"].NotNegative(spec.Replicas);
        field["minReadySeconds"].NotNegative(spec.MinReadySeconds);
        if (spec.Ordinals is { } ordinals)
            field["ordinals"]["start"].NotNegative(ordinals.Start);
        CheckSelector(field["selector"], spec.Selector, "empty selector is invalid for statefulset");
        CheckTemplateOfStatefulSet(field["template"], spec);
        field["serviceName"].NamedOrAbsent(spec.ServiceName, NameRules.DnsSubdomain);
        field["revisionHistoryLimit"].NotNegative(spec.RevisionHistoryLimit);
    }

    public static void CheckUpdate(Field root, StatefulSet set, StatefulSet old)
    {
        var masked = set.Spec.DeepClone();
        masked.Replicas = old.Spec.Replicas;
        masked.Ordinals = old.Spec.Ordinals;
        masked.Template = old.Spec.Template;
        masked.UpdateStrategy = old.Spec.UpdateStrategy;
        masked.RevisionHistoryLimit = old.Spec.RevisionHistoryLimit;
        masked.PersistentVolumeClaimRetentionPolicy = old.Spec.PersistentVolumeClaimRetentionPolicy;
        masked.MinReadySeconds = old.Spec.MinReadySeconds;
        if (!masked.DeepEquals(old.Spec))
            root["spec"].Forbidden("updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
    }

    public static void CheckStatusUpdate(Field root, StatefulSet set, StatefulSet old)
    {
        var (field, status) = (root["status"], set.Status);
        field["observedGeneration"].NotNegative(status.ObservedGeneration);
        CheckCounts(field, status.Replicas, [("readyReplicas", status.ReadyReplicas), ("currentReplicas", status.CurrentReplicas),
            ("updatedReplicas", status.UpdatedReplicas), ("availableReplicas", status.AvailableReplicas)]);
        if (status.AvailableReplicas > (status.ReadyReplicas ?? 0))
            field["availableReplicas"].Invalid(status.AvailableReplicas, "cannot be greater than status.readyReplicas");
        CheckCollisions(field["collisionCount"], status.CollisionCount, old.Status.CollisionCount);
    }

    public static void Check(Field root, ControllerRevision revision)
    {
        if (revision.Data is null)
            root["data"].Required("data is mandatory");
        root["revision"].NotNegative(revision.Revision);
    }

    public static void CheckUpdate(Field root, ControllerRevision revision, ControllerRevision old)
    {
        // By what it says: a client may have written it with other blanks.
        bool isSame = revision.Data is { } data && old.Data is { } oldData
            ? JsonElement.DeepEquals(data, oldData)
            : revision.Data is null && old.Data is null;
        if (!isSame)
            root["data"].Invalid(GoLiteral.Raw(revision.Data?.GetRawText() ?? "null"), Field.Immutable);
    }

    /// <summary>A count or a percentage, as the rolling of updates and the budgets of disruptions have it.</summary>
    public static void CheckCountOrPercent(Field field, IntOrString? value)
    {
        if (value is not { } amount)
            return;
        if (amount.IsInt)
            field.NotNegative(amount.IntValue);
        else
            field.Invalid(amount.StringValue, NameRules.Percentage(amount.StringValue));
    }

    public static void CheckNotMoreThanAll(Field field, IntOrString? value)
    {
        if (value is { IsInt: false } text && text.TryGetPercentage(out int percentage, out _) && percentage > 100)
            field.Invalid(text, "must not be greater than 100%");
    }

    /// <summary>A selector that is needed, sound, and chooses something.</summary>
    public static void CheckSelector(Field field, LabelSelector? selector, string emptyText)
    {
        if (selector is null)
        {
            field.Required();
            return;
        }
        MetadataRules.CheckSelector(field, selector);
        if (selector.MatchLabels.OrEmpty().Count + selector.MatchExpressions.OrEmpty().Count == 0)
            field.Invalid(GoLiteral.Of(selector), emptyText);
    }

    public static void CheckSelectorKept(Field field, LabelSelector? selector, LabelSelector? old)
    {
        if (selector is null ? old is not null : !selector.DeepEquals(old))
            field.Invalid(GoLiteral.Of(selector), Field.Immutable);
    }

    private static void CheckTemplate(Field field, PodTemplateSpec template, LabelSelector? selector, string kind)
    {
        CheckMatches(field, template, selector);
        PodSpecRules.CheckTemplate(field, template);
        if (template.Spec.RestartPolicy != "Always")
            field["spec"]["restartPolicy"].NotSupported(template.Spec.RestartPolicy ?? "", "Always");
        if (template.Spec.ActiveDeadlineSeconds is not null)
            field["spec"]["activeDeadlineSeconds"].Forbidden($"activeDeadlineSeconds in {kind} is not Supported");
    }

    public static void CheckMatches(Field field, PodTemplateSpec template, LabelSelector? selector)
    {
        // No selector chooses nothing, an empty one everything.
        if (selector is { IsEmpty: true } || (selector is not null && !IsSound(selector)))
            return;
        if (!Selector.Of(selector).Matches(template.Metadata.Labels))
            field["metadata"]["labels"].Invalid(GoLiteral.Of(template.Metadata.Labels), NoMatch);
    }

    /// <summary>Whether the selector can be asked at all; its own faults are reported elsewhere.</summary>
    public static bool IsSound(LabelSelector selector)
    {
        var faults = new List<FieldError>();
        MetadataRules.CheckSelector(new Field(faults, FieldPath.Root), selector);
        return faults.Count == 0;
    }

    // Mounts may be of claims that the set's templates make, so those names count as volumes.
    private static void CheckTemplateOfStatefulSet(Field field, StatefulSetSpec spec)
    {
        CheckMatches(field, spec.Template, spec.Selector);
        var template = spec.Template;
        if (spec.VolumeClaimTemplates is { Count: > 0 } claims)
        {
            template = template.DeepClone();
            (template.Spec.Volumes ??= []).RemoveAll(volume => claims.Exists(claim => claim.Metadata.Name == volume.Name));
            template.Spec.Volumes.AddRange(claims.Where(claim => NameRules.DnsLabel(claim.Name).Count == 0).Select(claim => new Volume
            {
                Name = claim.Name,
                PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = claim.Name },
            }));
        }
        PodSpecRules.CheckTemplate(field, template);
        if (template.Spec.RestartPolicy != "Always")
            field["spec"]["restartPolicy"].NotSupported(template.Spec.RestartPolicy ?? "", "Always");
        if (template.Spec.ActiveDeadlineSeconds is not null)
            field["spec"]["activeDeadlineSeconds"].Forbidden("activeDeadlineSeconds in StatefulSet is not Supported");
    }

    private static void CheckStrategy(Field field, DeploymentStrategy strategy)
    {
        switch (strategy.Type)
        {
            case "Recreate":
                if (strategy.RollingUpdate is not null)
                    field["rollingUpdate"].Forbidden("may not be specified when strategy `type` is 'Recreate'");
                break;
            case "RollingUpdate":
                var rolling = strategy.RollingUpdate ?? new RollingUpdateDeployment();
                var place = field["rollingUpdate"];
                CheckCountOrPercent(place["maxUnavailable"], rolling.MaxUnavailable);
                CheckCountOrPercent(place["maxSurge"], rolling.MaxSurge);
                if (IsNothing(rolling.MaxUnavailable) && IsNothing(rolling.MaxSurge))
                    place["maxUnavailable"].Invalid(Shown(rolling.MaxUnavailable), "may not be 0 when `maxSurge` is 0");
                CheckNotMoreThanAll(place["maxUnavailable"], rolling.MaxUnavailable);
                break;
            default:
                field.NotSupported(GoLiteral.Raw($"apps.DeploymentStrategy{{Type:{GoText.Quote(strategy.Type ?? "")}, "
                    + "RollingUpdate:(*apps.RollingUpdateDeployment)(nil)}"), "Recreate", "RollingUpdate");
                break;
        }
    }

    private static void CheckStrategy(Field field, DaemonSetUpdateStrategy strategy)
    {
        switch (strategy.Type)
        {
            case "OnDelete": break;
            case "RollingUpdate":
                if (strategy.RollingUpdate is not { } rolling)
                {
                    field["rollingUpdate"].Required();
                    break;
                }
                var place = field["rollingUpdate"];
                CheckCountOrPercent(place["maxUnavailable"], rolling.MaxUnavailable);
                CheckNotMoreThanAll(place["maxUnavailable"], rolling.MaxUnavailable);
                CheckCountOrPercent(place["maxSurge"], rolling.MaxSurge);
                CheckNotMoreThanAll(place["maxSurge"], rolling.MaxSurge);
                if (!IsNothing(rolling.MaxUnavailable) && !IsNothing(rolling.MaxSurge))
                    place["maxSurge"].Invalid(Shown(rolling.MaxSurge), "may not be set when maxUnavailable is non-zero");
                if (IsNothing(rolling.MaxUnavailable) && IsNothing(rolling.MaxSurge))
                    place["maxUnavailable"].Required("cannot be 0 when maxSurge is 0");
                break;
            default:
                field.NotSupported(GoLiteral.Raw($"apps.DaemonSetUpdateStrategy{{Type:{GoText.Quote(strategy.Type ?? "")}, "
                    + "RollingUpdate:(*apps.RollingUpdateDaemonSet)(nil)}"), "OnDelete", "RollingUpdate");
                break;
        }
    }

    private static void CheckStrategy(Field field, StatefulSetUpdateStrategy strategy)
    {
        switch (strategy.Type)
        {
            case null or "":
                field.Required();
                break;
            case "OnDelete":
                if (strategy.RollingUpdate is not null)
                    field["rollingUpdate"].Invalid(strategy.RollingUpdate, "only allowed for updateStrategy 'RollingUpdate'");
                break;
            case "RollingUpdate":
                field["rollingUpdate"]["partition"].NotNegative(strategy.RollingUpdate?.Partition);
                CheckCountOrPercent(field["rollingUpdate"]["maxUnavailable"], strategy.RollingUpdate?.MaxUnavailable);
                break;
            default:
                field.Invalid(strategy, "must be 'RollingUpdate' or 'OnDelete'");
                break;
        }
    }

    private static object Shown(IntOrString? value) => value is { IsInt: false } text
        ? GoLiteral.Raw($"intstr.IntOrString{{Type:1, IntVal:0, StrVal:{GoText.Quote(text.StringValue)}}}")
        : GoLiteral.Raw($"intstr.IntOrString{{Type:0, IntVal:{(value ?? 0).StringValue}, StrVal:\"\"}}");

    private static bool IsNothing(IntOrString? value)
    {
        var amount = value ?? IntOrString.FromInt(0);
        return amount.IsInt ? amount.IntValue == 0 : amount.TryGetPercentage(out int percentage, out _) && percentage == 0;
    }

    private static void CheckCounts(Field field, int? all, (string Name, int? Count)[] counts)
    {
        field["replicas"].NotNegative(all);
        foreach (var (name, count) in counts)
        {
            field[name].NotNegative(count);
            if (count > (all ?? 0))
                field[name].Invalid(count, MoreThanAll);
        }
    }

    private static void CheckCollisions(Field field, int? count, int? old)
    {
        field.NotNegative(count);
        if (old is not null && (count ?? 0) < old)
            field.Invalid(count ?? 0, "cannot be decremented");
    }
}
