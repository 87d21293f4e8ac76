using System.Collections.Frozen;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Validation;

/// <summary>Names and amounts of what is requested and limited.</summary>
internal static class ResourceRules
{
    private const string HugePages = "hugepages-";
    private const string Requests = "requests.";

    private static readonly FrozenSet<string> _ofContainers = FrozenSet.Create("cpu", "memory", "ephemeral-storage");

    private static readonly FrozenSet<string> _counted = FrozenSet.Create(
        "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims",
        "services.nodeports", "services.loadbalancers");

    private static readonly FrozenSet<string> _ofQuotas = _counted.Concat(
        [
            "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage",
            "limits.cpu", "limits.memory", "limits.ephemeral-storage",
        ]).ToFrozenSet();

    private static readonly FrozenSet<string> _standard = _ofQuotas.Append("storage").ToFrozenSet();

    public static bool IsHugePages(string name) => name.StartsWith(HugePages, StringComparison.Ordinal);

    /// <summary>Of Kubernetes itself: without a domain, or under its own.</summary>
    public static bool IsNative(string name) => !name.Contains('/') || name.Contains("kubernetes.io/", StringComparison.Ordinal);

    public static bool IsExtended(string name) => !IsNative(name) && !name.StartsWith(Requests, StringComparison.Ordinal)
        && NameRules.QualifiedName(Requests + name).Count == 0;

    public static bool IsOvercommitAllowed(string name) => IsNative(name) && !IsHugePages(name);

    public static bool IsOfQuotas(string name) => _ofQuotas.Contains(name) || IsQuotaHugePages(name);

    private static bool IsQuotaHugePages(string name) =>
        IsHugePages(name) || name.StartsWith(Requests + HugePages, StringComparison.Ordinal);

    /// <summary>What a container asks for.</summary>
    public static void Check(Field field, ResourceRequirements? resources, IReadOnlyCollection<string> claimNames,
        Action<Field, string>? nameRule = null)
    {
        if (resources is null)
            return;
        nameRule ??= CheckContainerName;
        var (limits, requests) = (resources.Limits.OrEmpty(), resources.Requests.OrEmpty());
        foreach (var (name, amount) in Sorted(limits))
            CheckAmount(field["limits"].Key(name), name, amount, nameRule);
        foreach (var (name, amount) in Sorted(requests))
        {
            CheckAmount(field["requests"].Key(name), name, amount, nameRule);
            CheckAgainstLimit(field, name, amount, limits);
        }
        bool hasHugePages = limits.Keys.Concat(requests.Keys).Any(IsHugePages);
        if (hasHugePages && !limits.Keys.Concat(requests.Keys).Any(name => name is "cpu" or "memory"))
            field.Forbidden("HugePages require cpu or memory");
        CheckClaims(field["claims"], resources.Claims, claimNames);
    }

    /// <summary>Not negative, and whole where halves make no sense.</summary>
    public static void CheckQuantity(Field field, string name, Quantity amount)
    {
        if (amount.Sign < 0)
            field.Invalid(amount.ToString(), Field.Negative);
        if ((_counted.Contains(name) || IsExtended(name)) && amount.MilliValue % 1000 != 0)
            field.Invalid(amount, "must be an integer");
    }

    public static void CheckContainerName(Field field, string name)
    {
        CheckName(field, name);
        if (!name.Contains('/'))
        {
            if (!_ofContainers.Contains(name) && !IsHugePages(name))
                field.Invalid(name, "must be a standard resource for containers");
        }
        else if (!IsNative(name) && !IsExtended(name))
            field.Invalid(name, "doesn't follow extended resource name standard");
    }

    public static void CheckName(Field field, string name)
    {
        var faults = NameRules.QualifiedName(name);
        field.Invalid(name, faults);
        if (faults.Count == 0 && !name.Contains('/') && !_standard.Contains(name) && !IsQuotaHugePages(name))
            field.Invalid(name, "must be a standard resource type or fully qualified");
    }

    public static void CheckQuotaName(Field field, string name)
    {
        CheckName(field, name);
        if (!name.Contains('/') && !IsOfQuotas(name))
            field.Invalid(name, "must be a standard resource for quota");
    }

    public static IEnumerable<KeyValuePair<string, Quantity>> Sorted(Dictionary<string, Quantity>? amounts) =>
        amounts.OrEmpty().OrderBy(entry => entry.Key, StringComparer.Ordinal);

    private static void CheckAmount(Field field, string name, Quantity amount, Action<Field, string> nameRule)
    {
        nameRule(field, name);
        CheckQuantity(field, name, amount);
        if (IsHugePages(name) && Quantity.TryParse(name[HugePages.Length..], out var page) && page.Value > 0 && amount.Value % page.Value != 0)
            field.Invalid(amount.ToString(), $"{amount} is not positive integer multiple of {name}");
    }

    private static void CheckAgainstLimit(Field field, string name, Quantity amount, Dictionary<string, Quantity> limits)
    {
        bool mayOvercommit = IsOvercommitAllowed(name);
        if (!limits.TryGetValue(name, out var limit))
        {
            if (!mayOvercommit)
                field["limits"].Required("Limit must be set for non overcommitable resources");
            return;
        }
        if (amount != limit && !mayOvercommit)
            field["requests"].Invalid(amount.ToString(), $"must be equal to {name} limit of {limit}");
        else if (amount > limit)
            field["requests"].Invalid(amount.ToString(), $"must be less than or equal to {name} limit of {limit}");
    }

    private static void CheckClaims(Field field, List<ResourceClaim>? claims, IReadOnlyCollection<string> known)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, claim) in claims.OrEmpty().Index())
        {
            string name = claim.Name ?? "";
            if (name.Length == 0)
            {
                field[index].Required();
                continue;
            }
            string key = string.IsNullOrEmpty(claim.Request) ? name : $"{name}/{claim.Request}";
            if (seen.Contains(name) || !seen.Add(key))
                field[index].Duplicate(key);
            field[index]["request"].NamedOrAbsent(claim.Request, NameRules.DnsLabel);
            if (!known.Contains(name))
                field[index].NotFound(name, "must be one of the names in pod.spec.resourceClaims"
                    + (known.Count == 0 ? " which is empty" : ": " + string.Join(", ", known.Order(StringComparer.Ordinal))));
        }
    }
}
