using System.Globalization;
using Orchestrator.Api.FlowControl;
using Orchestrator.Api.FlowcontrolV1;

namespace Orchestrator.Api.Validation;

/// <summary>Which requests wait for which.</summary>
internal static class FlowControlRules
{
    private const int HighestPrecedence = 10_000;
    private const int MostQueues = 10_000_000;
    private const int MostEntropyBits = 60;
    private const string Every = "*";
    private const string NamespaceIntroduction = "each member of this list must be '*' or a DNS-1123 label; ";

    private static readonly string[] _verbs =
        ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

    private static readonly Dictionary<string, FlowSchema> _mandatorySchemas = BootstrapFlowControl.FlowSchemas()
        .Where(schema => schema.Name is BootstrapFlowControl.Exempt or BootstrapFlowControl.CatchAll)
        .ToDictionary(schema => schema.Name, StringComparer.Ordinal);

    private static readonly PriorityLevelConfiguration _catchAll =
        BootstrapFlowControl.PriorityLevels().Single(level => level.Name == BootstrapFlowControl.CatchAll);

    public static void Check(Field root, FlowSchema schema)
    {
        var field = root["spec"];
        CheckPrecedence(field["matchingPrecedence"], schema);
        if (schema.Spec.DistinguisherMethod is { } method && method.Type is not ("ByNamespace" or "ByUser"))
            field["distinguisherMethod"]["type"].NotSupported(method.Type ?? "", "ByNamespace", "ByUser");
        var level = field["priorityLevelConfiguration"]["name"];
        if (string.IsNullOrEmpty(schema.Spec.PriorityLevelConfiguration?.Name))
            level.Required("must reference a priority level");
        else
            level.Named(schema.Spec.PriorityLevelConfiguration.Name, NameRules.DnsSubdomain);
        foreach (var (index, rule) in schema.Spec.Rules.OrEmpty().Index())
            CheckRule(field["rules"][index], rule);
        if (_mandatorySchemas.TryGetValue(schema.Name, out var fixedSchema) && !schema.Spec.DeepEquals(fixedSchema.Spec))
            field.Invalid(schema.Spec, $"spec of '{schema.Name}' must equal the fixed value");
        CheckStatus(root, schema);
    }

    public static void CheckStatus(Field root, FlowSchema schema) =>
        CheckConditions(root["status"]["conditions"], schema.Status.Conditions.OrEmpty().Select(condition => condition.Type));

    public static void Check(Field root, PriorityLevelConfiguration level)
    {
        var field = root["spec"];
        var spec = level.Spec;
        if ((level.Name == BootstrapFlowControl.Exempt) != (spec.Type == "Exempt"))
            field["type"].Invalid(spec.Type ?? "", "type must be 'Exempt' if and only if name is 'exempt'");
        switch (spec.Type)
        {
            case "Exempt":
                if (spec.Limited is not null)
                    field["limited"].Forbidden("must be nil if the type is not Limited");
                if (spec.Exempt is { } exempt)
                    CheckShares(field["exempt"], exempt.NominalConcurrencyShares, exempt.LendablePercent);
                break;
            case "Limited":
                if (spec.Exempt is not null)
                    field["exempt"].Forbidden("must be nil if the type is Limited");
                if (spec.Limited is null)
                    field["limited"].Required("must not be empty when type is Limited");
                else
                    CheckLimited(field["limited"], spec.Limited);
                break;
            default:
                field["type"].NotSupported(spec.Type ?? "", "Exempt", "Limited");
                break;
        }
        // What is exempt may get other shares: its name and type are what is fixed of it.
        if (level.Name == BootstrapFlowControl.CatchAll && !spec.DeepEquals(_catchAll.Spec))
            field.Invalid(spec, $"spec of '{level.Name}' must equal the fixed value");
        CheckStatus(root, level);
    }

    public static void CheckStatus(Field root, PriorityLevelConfiguration level) =>
        CheckConditions(root["status"]["conditions"], level.Status.Conditions.OrEmpty().Select(condition => condition.Type));

    private static void CheckPrecedence(Field field, FlowSchema schema)
    {
        int precedence = schema.Spec.MatchingPrecedence ?? 0;
        if (precedence <= 0)
            field.Invalid(precedence, "must be a positive value");
        if (precedence > HighestPrecedence)
            field.Invalid(precedence, $"must not be greater than {HighestPrecedence}");
        if (precedence == 1 && schema.Name != BootstrapFlowControl.Exempt)
            field.Invalid(precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
    }

    private static void CheckRule(Field field, PolicyRulesWithSubjects rule)
    {
        if (rule.Subjects is not { Count: > 0 })
            field["subjects"].Required("subjects must contain at least one value");
        foreach (var (index, subject) in rule.Subjects.OrEmpty().Index())
            CheckSubject(field["subjects"][index], subject);
        if (rule.ResourceRules is not { Count: > 0 } && rule.NonResourceRules is not { Count: > 0 })
            field.Required("at least one of resourceRules and nonResourceRules has to be non-empty");
        foreach (var (index, resources) in rule.ResourceRules.OrEmpty().Index())
            CheckResourceRule(field["resourceRules"][index], resources);
        foreach (var (index, paths) in rule.NonResourceRules.OrEmpty().Index())
            CheckPathRule(field["nonResourceRules"][index], paths);
    }

    private static void CheckSubject(Field field, Subject subject)
    {
        if (subject.Kind is not ("Group" or "ServiceAccount" or "User"))
        {
            field["kind"].NotSupported(subject.Kind ?? "", "Group", "ServiceAccount", "User");
            return;
        }
        CheckMember(field, "serviceAccount", "ServiceAccount", subject.Kind, subject.ServiceAccount, CheckAccount);
        CheckMember(field, "user", "User", subject.Kind, subject.User, static (place, user) => place["name"].Filled(user.Name));
        CheckMember(field, "group", "Group", subject.Kind, subject.Group, static (place, group) => place["name"].Filled(group.Name));
    }

    /// <summary>There for its own kind of subject and for no other.</summary>
    private static void CheckMember<T>(
        Field field, string name, string ownKind, string kind, T? member, Action<Field, T> check)
        where T : class
    {
        if (kind != ownKind)
        {
            if (member is not null)
                field[name].Forbidden($"{name} is forbidden when subject kind is not '{ownKind}'");
        }
        else if (member is null)
            field[name].Required($"{name} is required when subject kind is '{ownKind}'");
        else
            check(field[name], member);
    }

    private static void CheckAccount(Field field, ServiceAccountSubject account)
    {
        if (account.Name != Every)
            field["name"].Named(account.Name, NameRules.DnsSubdomain);
        if (string.IsNullOrEmpty(account.Namespace))
            field["namespace"].Required("must specify namespace for service account");
        else
            field["namespace"].Named(account.Namespace, NameRules.DnsLabel);
    }

    private static void CheckResourceRule(Field field, ResourcePolicyRule rule)
    {
        CheckVerbs(field["verbs"], rule.Verbs);
        CheckWildcard(field["apiGroups"], rule.ApiGroups, "resource rules must supply at least one api group", "api groups");
        CheckWildcard(field["resources"], rule.Resources, "resource rules must supply at least one resource", "resources");
        var namespaces = field["namespaces"];
        if (rule.Namespaces is not { Count: > 0 })
        {
            if (rule.ClusterScope != true)
                namespaces.Required("resource rules that are not cluster scoped must supply at least one namespace");
            return;
        }
        if (!CheckWildcard(namespaces, rule.Namespaces, "", "namespaces"))
        {
            foreach (var (index, name) in rule.Namespaces.Index())
                namespaces[index].Invalid(name, [.. NameRules.DnsLabel(name).Select(fault => NamespaceIntroduction + fault)]);
        }
    }

    private static void CheckPathRule(Field field, NonResourcePolicyRule rule)
    {
        CheckVerbs(field["verbs"], rule.Verbs);
        var paths = field["nonResourceURLs"];
        if (CheckWildcard(paths, rule.NonResourceURLs, "nonResourceURLs must contain at least one value", "non-resource URLs"))
            return;
        foreach (var (index, path) in rule.NonResourceURLs.OrEmpty().Index())
        {
            if (PathFault(path) is { } fault)
                paths[index].Invalid(path, fault);
        }
    }

    private static void CheckVerbs(Field field, List<string>? verbs)
    {
        if (!CheckWildcard(field, verbs, "verbs must contain at least one value", "verbs") && verbs.OrEmpty().Except(_verbs).Any())
            field.NotSupported(verbs, _verbs);
    }

    /// <returns>Whether the list has the wildcard in it.</returns>
    private static bool CheckWildcard(Field field, List<string>? values, string whenEmpty, string what)
    {
        if (values is not { Count: > 0 })
        {
            field.Required(whenEmpty);
            return false;
        }
        bool hasWildcard = values.Contains(Every);
        if (hasWildcard && values.Count > 1)
            field.Invalid(values, $"if '*' is present, must not specify other {what}");
        return hasWildcard;
    }

    private static string? PathFault(string path)
    {
        if (path.Length == 0)
            return "must not be empty";
        if (path == "/")
            return null;
        if (path[0] != '/')
            return "must start with slash";
        if (path.Contains(' ', StringComparison.Ordinal))
            return "must not contain white-space";
        if (path.Contains("//", StringComparison.Ordinal))
            return "must not contain double slash";
        int wildcards = path.Count(letter => letter == '*');
        return wildcards > 1 || (wildcards == 1 && !path.EndsWith("/*", StringComparison.Ordinal))
            ? "wildcard can only do suffix matching"
            : null;
    }

    private static void CheckLimited(Field field, LimitedPriorityLevelConfiguration limited)
    {
        CheckShares(field, limited.NominalConcurrencyShares, limited.LendablePercent);
        if (limited.BorrowingLimitPercent < 0)
            field["borrowingLimitPercent"].Invalid(limited.BorrowingLimitPercent, "if specified, must be a non-negative integer");
        var response = field["limitResponse"];
        switch (limited.LimitResponse?.Type)
        {
            case "Reject":
                if (limited.LimitResponse.Queuing is not null)
                    response["queuing"].Forbidden("must be nil if limited.limitResponse.type is not Limited");
                break;
            case "Queue":
                if (limited.LimitResponse.Queuing is { } queuing)
                    CheckQueuing(response["queuing"], queuing);
                else
                    response["queuing"].Required("must not be empty if limited.limitResponse.type is Limited");
                break;
            default:
                response["type"].NotSupported(limited.LimitResponse?.Type ?? "", "Queue", "Reject");
                break;
        }
    }

    private static void CheckShares(Field field, int? shares, int? lendablePercent)
    {
        if (shares < 0)
            field["nominalConcurrencyShares"].Invalid(shares, "must be a non-negative integer");
        if (lendablePercent is < 0 or > 100)
            field["lendablePercent"].Invalid(lendablePercent, "must be between 0 and 100, inclusive");
    }

    private static void CheckQueuing(Field field, QueuingConfiguration queuing)
    {
        int queues = queuing.Queues ?? 0;
        int hand = queuing.HandSize ?? 0;
        if (queuing.QueueLengthLimit is not > 0)
            field["queueLengthLimit"].Invalid(queuing.QueueLengthLimit ?? 0, "must be positive");
        if (queues <= 0)
            field["queues"].Invalid(queues, "must be positive");
        else if (queues > MostQueues)
            field["queues"].Invalid(queues, $"must not be greater than {MostQueues}");
        if (hand <= 0)
            field["handSize"].Invalid(hand, "must be positive");
        else if (hand > queues)
            field["handSize"].Invalid(hand, string.Create(CultureInfo.InvariantCulture, $"should not be greater than queues ({queues})"));
        else if (EntropyBits(queues, hand) is var bits and > MostEntropyBits)
            field["handSize"].Invalid(hand, string.Create(CultureInfo.InvariantCulture,
                $"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {MostEntropyBits}"));
    }

    /// <summary>How many bits of a flow's hash it takes to deal its hand of queues.</summary>
    private static int EntropyBits(int queues, int hand) => (int)Math.Ceiling(Math.Log2(queues) * hand);

    private static void CheckConditions(Field field, IEnumerable<string?> types)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, type) in types.Index())
        {
            if (!seen.Add(type ?? ""))
                field[index]["type"].Duplicate(type);
            if (string.IsNullOrEmpty(type))
                field[index]["type"].Required("must not be empty");
        }
    }
}
