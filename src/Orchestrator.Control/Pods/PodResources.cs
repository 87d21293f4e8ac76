namespace Orchestrator.Control.Pods;

/// <summary>What a pod needs as a whole: the one sum that scheduler, quotas, limits and nodes go by.</summary>
/// <remarks>
/// Containers and sidecars (init containers that restart) run side by side and add up. An ordinary init container runs alone,
/// with the sidecars begun before it: the pod needs the greatest of these sums. What is said for the pod as a whole stands for
/// its containers' sum, and the runtime's overhead comes on top.
/// </remarks>
public static class PodResources
{
    /// <param name="missing">What a container counts with that does not say what it asks for of these resources.</param>
    public static Dictionary<string, Quantity> Requests(PodSpec spec, bool withOverhead = true, Dictionary<string, Quantity>? missing = null)
    {
        var total = Sum(spec, container => Fill((container.Resources?.Requests).OrEmpty(), missing));
        TakeOwn(total, spec.Resources?.Requests);
        if (withOverhead)
            Add(total, spec.Overhead.OrEmpty());
        return total;
    }

    /// <summary>As for requests; but overhead adds to what is limited only: without a limit, there is none with it.</summary>
    public static Dictionary<string, Quantity> Limits(PodSpec spec, bool withOverhead = true)
    {
        var total = Sum(spec, container => (container.Resources?.Limits).OrEmpty());
        TakeOwn(total, spec.Resources?.Limits);
        if (withOverhead)
            Add(total, spec.Overhead.OrEmpty().Where(amount => total.ContainsKey(amount.Key)));
        return total;
    }

    private static Dictionary<string, Quantity> Sum(PodSpec spec, Func<Container, Dictionary<string, Quantity>> amounts)
    {
        var together = new Dictionary<string, Quantity>();
        foreach (var container in spec.Containers.OrEmpty())
            Add(together, amounts(container));
        if (spec.InitContainers is not { Count: > 0 } initContainers)
            return together;
        var sidecars = new Dictionary<string, Quantity>();
        var greatest = new Dictionary<string, Quantity>();
        foreach (var container in initContainers)
        {
            var own = amounts(container);
            if (container.RestartPolicy == "Always")
            {
                Add(together, own);
                Add(sidecars, own);
                TakeGreater(greatest, sidecars);
                continue;
            }
            var step = new Dictionary<string, Quantity>(sidecars);
            Add(step, own);
            TakeGreater(greatest, step);
        }
        TakeGreater(together, greatest);
        return together;
    }

    private static Dictionary<string, Quantity> Fill(Dictionary<string, Quantity> amounts, Dictionary<string, Quantity>? missing)
    {
        if (missing is null)
            return amounts;
        var filled = new Dictionary<string, Quantity>(missing);
        foreach (var (name, amount) in amounts)
            filled[name] = amount;
        return filled;
    }

    private static void TakeOwn(Dictionary<string, Quantity> total, Dictionary<string, Quantity>? own)
    {
        foreach (var (name, amount) in own.OrEmpty())
        {
            if (name is "cpu" or "memory" || name.StartsWith("hugepages-", StringComparison.Ordinal))
                total[name] = amount;
        }
    }

    private static void Add(Dictionary<string, Quantity> total, IEnumerable<KeyValuePair<string, Quantity>> more)
    {
        foreach (var (name, amount) in more)
            total[name] = total.TryGetValue(name, out var sum) ? sum + amount : amount;
    }

    private static void TakeGreater(Dictionary<string, Quantity> total, Dictionary<string, Quantity> other)
    {
        foreach (var (name, amount) in other)
            total[name] = total.TryGetValue(name, out var sum) ? Quantity.Max(sum, amount) : amount;
    }
}
