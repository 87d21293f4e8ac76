using System.Globalization;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>With less than this of something, a node is under pressure and pods are evicted.</summary>
/// <param name="Amount">Null where it is a part of what there is in all.</param>
/// <param name="Fraction">That part, from 0 to 1.</param>
public sealed record EvictionThreshold(EvictionSignal Signal, Quantity? Amount, double Fraction = 0)
{
    /// <summary>The least that has to be available of <paramref name="capacity"/>.</summary>
    public long In(long capacity) => Amount?.Value ?? (long)(capacity * Fraction);

    public override string ToString() => EvictionSignals.NameOf(Signal) + "<" + (Amount?.ToString()
        ?? string.Create(CultureInfo.InvariantCulture, $"{Math.Round(Fraction * 100, 4)}%"));
}

/// <summary>Thresholds as kubelets take and name them.</summary>
public static class EvictionThresholds
{
    /// <summary>A kubelet's own on Linux.</summary>
    public static IReadOnlyList<EvictionThreshold> Default { get; } =
        Parse("memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%");

    /// <summary>Reads a kubelet's flag: <c>memory.available&lt;100Mi,nodefs.available&lt;10%</c>. What it does not name is not looked at;
    /// nothing is none, and 0% or 100% takes back a threshold.</summary>
    /// <exception cref="FormatException">It is no such list; the message says which part and why.</exception>
    public static IReadOnlyList<EvictionThreshold> Parse(string text)
    {
        var thresholds = new Dictionary<EvictionSignal, EvictionThreshold?>();
        foreach (string part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (part.Split('<', StringSplitOptions.TrimEntries) is not [{ Length: > 0 } name, { Length: > 0 } value])
                throw new FormatException($"\"{part}\" is no threshold: give SIGNAL<QUANTITY or SIGNAL<PERCENTAGE, like memory.available<100Mi,nodefs.available<10%");
            if (EvictionSignals.Find(name) is not { } signal)
                throw new FormatException($"unsupported eviction signal \"{name}\": there are {string.Join(", ", EvictionSignals.Names)}");
            if (!thresholds.TryAdd(signal, value.EndsWith('%') ? OfPercentage(signal, value) : OfQuantity(signal, value)))
                throw new FormatException($"{name} has two thresholds: give one");
        }
        return [.. thresholds.OrderBy(entry => entry.Key).Select(entry => entry.Value).OfType<EvictionThreshold>()];
    }

    /// <summary>What is to be left free for the node's sake is not for pods to ask for.</summary>
    /// <param name="capacity">Of the node, by resource.</param>
    public static IReadOnlyDictionary<string, Quantity> Reserved(
        IReadOnlyList<EvictionThreshold> thresholds, IReadOnlyDictionary<string, Quantity> capacity)
    {
        var reserved = new Dictionary<string, Quantity>();
        foreach (EvictionThreshold threshold in thresholds)
        {
            string? resource = threshold.Signal switch
            {
                EvictionSignal.MemoryAvailable => EvictionSignals.Memory,
                EvictionSignal.NodeDiskAvailable => EvictionSignals.Storage,
                _ => null,
            };
            if (resource is not null && capacity.TryGetValue(resource, out Quantity all))
                reserved[resource] = Quantity.Min(all, Quantity.FromInt64(threshold.In(all.Value), QuantityFormat.BinarySI));
        }
        return reserved;
    }

    private static EvictionThreshold? OfPercentage(EvictionSignal signal, string value)
    {
        if (!float.TryParse(value[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out float percentage) || !float.IsFinite(percentage))
            throw new FormatException($"\"{value}\" is no percentage");
        if (percentage is < 0 or > 100)
            throw new FormatException($"eviction percentage threshold {EvictionSignals.NameOf(signal)} must be >= 0% and <= 100%: {value}");
        return percentage is 0 or 100 ? null : new EvictionThreshold(signal, null, percentage / 100); // In single precision, as kubelets reckon.
    }

    private static EvictionThreshold OfQuantity(EvictionSignal signal, string value)
    {
        if (!Quantity.TryParse(value, out Quantity amount))
            throw new FormatException($"\"{value}\" is no quantity");
        return amount.Sign > 0 ? new EvictionThreshold(signal, amount)
            : throw new FormatException($"eviction threshold {EvictionSignals.NameOf(signal)} must be positive: {value}");
    }
}
