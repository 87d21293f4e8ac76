using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Quotas;

namespace Orchestrator.Runtime.Security.Admission.Quotas;

/// <summary>May this be added to what a quota counts already?</summary>
internal static class QuotaCheck
{
    /// <summary>What the quota limits of <paramref name="added"/>: nothing when it does not count this object at all.</summary>
    public static Dictionary<string, Quantity> Charged(ResourceQuota quota, IKubernetesObject value, IReadOnlyDictionary<string, Quantity> added) =>
        QuotaMeasure.Counts(quota, value)
            ? added.Where(pair => quota.Spec.Hard.OrEmpty().ContainsKey(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value)
            : [];

    /// <summary>Null when it fits, else the text with what exceeds its limit.</summary>
    public static string? Refusal(ResourceQuota quota, IReadOnlyDictionary<string, Quantity> charged)
    {
        var exceeded = charged.Where(pair => pair.Value.Sign > 0 && UsedOf(quota, pair.Key) + pair.Value > quota.Status.Hard.OrEmpty()[pair.Key])
            .Select(pair => pair.Key).Order(StringComparer.Ordinal).ToList();
        if (exceeded.Count == 0)
            return null;
        return $"exceeded quota: {quota.Name}, requested: {Text(exceeded, name => charged[name])}, "
            + $"used: {Text(exceeded, name => UsedOf(quota, name))}, limited: {Text(exceeded, name => quota.Status.Hard![name])}";
    }

    /// <summary>Names that the quota limits, but of which nobody has said yet how much is used.</summary>
    public static List<string> Unknown(ResourceQuota quota, IEnumerable<string> names) =>
    [
        .. names.Where(name => !quota.Status.Hard.OrEmpty().ContainsKey(name) || !quota.Status.Used.OrEmpty().ContainsKey(name))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The quota with the usage added.</summary>
    public static ResourceQuota Charge(ResourceQuota quota, IReadOnlyDictionary<string, Quantity> charged)
    {
        var updated = quota.DeepClone();
        foreach (var (name, quantity) in charged)
            updated.Status.Used![name] = Quantity.Max(Quantity.Zero, UsedOf(quota, name) + quantity);
        return updated;
    }

    public static string Text(IEnumerable<string> names, Func<string, Quantity> valueOf) => string.Join(',', names.Select(name => $"{name}={valueOf(name)}"));

    private static Quantity UsedOf(ResourceQuota quota, string name) => quota.Status.Used.OrEmpty().GetValueOrDefault(name);
}
