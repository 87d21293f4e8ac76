using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Validation;

/// <summary>Where pods want to be: affinity, spreading, tolerations, and the taints on the other side.</summary>
internal static class AffinityRules
{
    private const string NotEmpty = "can not be empty";
    private const string WeightRange = "must be in the range 1-100";
    private const string Positive = "must be greater than zero";
    private static readonly string[] _effects = ["NoExecute", "NoSchedule", "PreferNoSchedule"];

    public static void Check(Field field, Affinity? affinity)
    {
        if (affinity?.NodeAffinity is { } node)
        {
            if (node.RequiredDuringSchedulingIgnoredDuringExecution is { } required)
                CheckNodeSelector(field["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"], required);
            CheckPreferredNodes(field["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"],
                node.PreferredDuringSchedulingIgnoredDuringExecution);
        }
        if (affinity?.PodAffinity is { } pods)
            CheckPods(field["podAffinity"], pods.RequiredDuringSchedulingIgnoredDuringExecution,
                pods.PreferredDuringSchedulingIgnoredDuringExecution);
        if (affinity?.PodAntiAffinity is { } others)
            CheckPods(field["podAntiAffinity"], others.RequiredDuringSchedulingIgnoredDuringExecution,
                others.PreferredDuringSchedulingIgnoredDuringExecution);
    }

    public static void CheckNodeSelector(Field field, NodeSelector selector)
    {
        if (selector.NodeSelectorTerms is not { Count: > 0 })
            field["nodeSelectorTerms"].Required("must have at least one node selector term");
        foreach (var (index, term) in selector.NodeSelectorTerms.OrEmpty().Index())
            CheckTerm(field["nodeSelectorTerms"][index], term, checksValues: true);
    }

    private static void CheckTerm(Field field, NodeSelectorTerm term, bool checksValues)
    {
        foreach (var (index, requirement) in term.MatchExpressions.OrEmpty().Index())
            CheckExpression(field["matchExpressions"][index], requirement, checksValues);
        foreach (var (index, requirement) in term.MatchFields.OrEmpty().Index())
            CheckMatchField(field["matchFields"][index], requirement);
    }

    private static void CheckExpression(Field field, NodeSelectorRequirement requirement, bool checksValues)
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
            case "Gt" or "Lt":
                if (values.Count != 1)
                    field["values"].Required("must be specified single value when `operator` is 'Lt' or 'Gt'");
                break;
            default:
                field["operator"].Invalid(requirement.Operator ?? "", "not a valid selector operator");
                break;
        }
        MetadataRules.CheckLabelKey(field["key"], requirement.Key);
        if (!checksValues)
            return;
        foreach (var (index, value) in values.Index())
            field["values"][index].Invalid(value, NameRules.LabelValue(value));
    }

    private static void CheckMatchField(Field field, NodeSelectorRequirement requirement)
    {
        if (requirement.Operator is not ("In" or "NotIn"))
            field["operator"].Invalid(requirement.Operator ?? "", "not a valid selector operator");
        else if (requirement.Values.OrEmpty().Count != 1)
            field["values"].Required("must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
        if (requirement.Key != "metadata.name")
        {
            field["key"].Invalid(requirement.Key ?? "", "not a valid field selector key");
            return;
        }
        foreach (var (index, value) in requirement.Values.OrEmpty().Index())
            field["values"][index].Invalid(value, NameRules.DnsSubdomain(value));
    }

    private static void CheckPreferredNodes(Field field, List<PreferredSchedulingTerm>? terms)
    {
        foreach (var (index, term) in terms.OrEmpty().Index())
        {
            if (term.Weight is null or <= 0 or > 100)
                field[index]["weight"].Invalid(term.Weight ?? 0, WeightRange);
            // A wish that cannot be met does no harm, so its values are not looked at.
            CheckTerm(field[index]["preference"], term.Preference ?? new NodeSelectorTerm(), checksValues: false);
        }
    }

    private static void CheckPods(Field field, List<PodAffinityTerm>? required, List<WeightedPodAffinityTerm>? preferred)
    {
        foreach (var (index, term) in required.OrEmpty().Index())
            CheckPodTerm(field["requiredDuringSchedulingIgnoredDuringExecution"][index], term);
        foreach (var (index, weighted) in preferred.OrEmpty().Index())
        {
            var place = field["preferredDuringSchedulingIgnoredDuringExecution"][index];
            if (weighted.Weight is null or <= 0 or > 100)
                place["weight"].Invalid(weighted.Weight ?? 0, WeightRange);
            CheckPodTerm(place["podAffinityTerm"], weighted.PodAffinityTerm ?? new PodAffinityTerm());
        }
    }

    private static void CheckPodTerm(Field field, PodAffinityTerm term)
    {
        MetadataRules.CheckSelector(field["labelSelector"], term.LabelSelector);
        MetadataRules.CheckSelector(field["namespaceSelector"], term.NamespaceSelector);
        foreach (string ns in term.Namespaces.OrEmpty())
            field["namespace"].Invalid(ns, NameRules.DnsLabel(ns));
        CheckLabelKeys(field["matchLabelKeys"], term.MatchLabelKeys, term.LabelSelector);
        CheckLabelKeys(field["mismatchLabelKeys"], term.MismatchLabelKeys, term.LabelSelector);
        foreach (var (index, key) in term.MatchLabelKeys.OrEmpty().Index())
        {
            if (term.MismatchLabelKeys.OrEmpty().Contains(key))
                field["matchLabelKeys"][index].Invalid(key, "exists in both matchLabelKeys and mismatchLabelKeys");
        }
        if (string.IsNullOrEmpty(term.TopologyKey))
            field["topologyKey"].Required(NotEmpty);
        MetadataRules.CheckLabelKey(field["topologyKey"], term.TopologyKey);
    }

    private static void CheckLabelKeys(Field field, List<string>? keys, LabelSelector? selector)
    {
        if (keys is not { Count: > 0 })
            return;
        if (selector is null)
        {
            field.Forbidden("must not be specified when labelSelector is not set");
            return;
        }
        foreach (var (index, key) in keys.Index())
            MetadataRules.CheckLabelKey(field[index], key);
    }

    public static void CheckSpread(Field field, List<TopologySpreadConstraint>? constraints)
    {
        foreach (var (index, constraint) in constraints.OrEmpty().Index())
        {
            var place = field[index];
            if (constraint.MaxSkew is null or <= 0)
                place["maxSkew"].Invalid(constraint.MaxSkew ?? 0, Positive);
            if (string.IsNullOrEmpty(constraint.TopologyKey))
                place["topologyKey"].Required(NotEmpty);
            if (constraint.WhenUnsatisfiable is not ("DoNotSchedule" or "ScheduleAnyway"))
                place["whenUnsatisfiable"].NotSupported(constraint.WhenUnsatisfiable ?? "", "DoNotSchedule", "ScheduleAnyway");
            if (constraints!.Skip(index + 1).Any(other => other.TopologyKey == constraint.TopologyKey
                    && other.WhenUnsatisfiable == constraint.WhenUnsatisfiable))
                place["{topologyKey, whenUnsatisfiable}"].Duplicate($"{{{constraint.TopologyKey}, {constraint.WhenUnsatisfiable}}}");
            CheckMinDomains(place["minDomains"], constraint);
            place["nodeAffinityPolicy"].OneOfOrAbsent(constraint.NodeAffinityPolicy, "Honor", "Ignore");
            place["nodeTaintsPolicy"].OneOfOrAbsent(constraint.NodeTaintsPolicy, "Honor", "Ignore");
            CheckSpreadKeys(place["matchLabelKeys"], constraint);
            MetadataRules.CheckSelector(place["labelSelector"], constraint.LabelSelector);
        }
    }

    private static void CheckMinDomains(Field field, TopologySpreadConstraint constraint)
    {
        if (constraint.MinDomains is not { } domains)
            return;
        if (domains <= 0)
            field.Invalid(domains, Positive);
        if (constraint.WhenUnsatisfiable != "DoNotSchedule")
            field.Invalid(domains, $"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {constraint.WhenUnsatisfiable}");
    }

    private static void CheckSpreadKeys(Field field, TopologySpreadConstraint constraint)
    {
        var keys = constraint.MatchLabelKeys.OrEmpty();
        if (keys.Count > 0 && constraint.LabelSelector is null)
            field.Forbidden("must not be specified when labelSelector is not set");
        var selected = (constraint.LabelSelector?.MatchLabels).OrEmpty().Keys
            .Concat((constraint.LabelSelector?.MatchExpressions).OrEmpty().Select(requirement => requirement.Key ?? "")).ToHashSet();
        foreach (var (index, key) in keys.Index())
        {
            MetadataRules.CheckLabelKey(field[index], key);
            if (selected.Contains(key))
                field[index].Invalid(key, "exists in both matchLabelKeys and labelSelector");
        }
    }

    public static void CheckTolerations(Field field, List<Toleration>? tolerations)
    {
        foreach (var (index, toleration) in tolerations.OrEmpty().Index())
            CheckToleration(field[index], toleration);
    }

    private static void CheckToleration(Field field, Toleration toleration)
    {
        if (!string.IsNullOrEmpty(toleration.Key))
            MetadataRules.CheckLabelKey(field["key"], toleration.Key);
        else if (toleration.Operator != "Exists")
            field["operator"].Invalid(toleration.Operator ?? "",
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
        if (toleration.TolerationSeconds is not null && toleration.Effect != "NoExecute")
            field["effect"].Invalid(toleration.Effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set");
        string value = toleration.Value ?? "";
        switch (toleration.Operator)
        {
            case null or "" or "Equal":
                if (NameRules.LabelValue(value) is { Count: > 0 } faults)
                    field["operator"].Invalid(value, string.Join(';', faults));
                break;
            case "Exists":
                if (value.Length > 0)
                    field["operator"].Invalid(value, "value must be empty when `operator` is 'Exists'");
                break;
            default:
                field["operator"].NotSupported(toleration.Operator, "Equal", "Exists");
                break;
        }
        if (!string.IsNullOrEmpty(toleration.Effect))
            field["effect"].OneOf(toleration.Effect, _effects);
    }

    public static void CheckTaints(Field field, List<Taint>? taints)
    {
        var seen = new HashSet<(string?, string?)>();
        foreach (var (index, taint) in taints.OrEmpty().Index())
        {
            var place = field[index];
            MetadataRules.CheckLabelKey(place["key"], taint.Key);
            if (NameRules.LabelValue(taint.Value ?? "") is { Count: > 0 } faults)
                place["value"].Invalid(taint.Value ?? "", string.Join(';', faults));
            place["effect"].OneOf(taint.Effect, _effects);
            if (!seen.Add((taint.Key, taint.Effect)))
                place.Add(FieldError.Duplicate(place.Path, taint) with { Detail = "taints must be unique by key and effect pair" });
        }
    }
}
