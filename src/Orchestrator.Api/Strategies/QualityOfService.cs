using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Strategies;

/// <summary>A pod's class of service, by what its containers ask for of CPU and memory.</summary>
public static class QualityOfService
{
    private static readonly string[] _counted = ["cpu", "memory"];

    /// <summary><c>Guaranteed</c> (every limit set and requested in full), <c>BestEffort</c> (nothing asked), else <c>Burstable</c>.</summary>
    public static string ClassOf(PodSpec spec)
    {
        var needs = spec.Resources is { } own && (own.Limits is { Count: > 0 } || own.Requests is { Count: > 0 })
            ? [own]
            : spec.InitContainers.OrEmpty().Concat(spec.Containers.OrEmpty())
                .Select(container => container.Resources ?? new ResourceRequirements()).ToList();
        bool isEmpty = true;
        bool isGuaranteed = true;
        foreach (var resources in needs)
        {
            foreach (string name in _counted)
            {
                bool isRequested = TryGetPositive(resources.Requests, name, out var request);
                bool isLimited = TryGetPositive(resources.Limits, name, out var limit);
                isEmpty &= !isRequested && !isLimited;
                isGuaranteed &= isLimited && (!isRequested || request.CompareTo(limit) == 0);
            }
        }
        if (isEmpty)
            return "BestEffort";
        return isGuaranteed ? "Guaranteed" : "Burstable";
    }

    private static bool TryGetPositive(Dictionary<string, Quantity>? amounts, string name, out Quantity amount)
    {
        amount = default;
        return amounts is not null && amounts.TryGetValue(name, out amount) && amount.CompareTo(Quantity.FromInt64(0)) > 0;
    }
}
