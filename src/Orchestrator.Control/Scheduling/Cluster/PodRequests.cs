namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>What a pod needs of a node, out of its containers' requests.</summary>
internal static class PodRequests
{
    /// <summary>What a container without a CPU request counts for when nodes are compared.</summary>
    public const long DefaultMilliCpu = 100;

    /// <summary>What a container without a memory request counts for when nodes are compared.</summary>
    public const long DefaultMemory = 200L * 1024 * 1024;

    /// <param name="fillsIn">Containers without a request for CPU or memory count with the defaults.</param>
    /// <remarks>
    /// Containers and sidecars (init containers that restart) run side by side and add up. An ordinary init container runs
    /// alone, with the sidecars begun before it: the pod needs the greatest of these sums. The runtime's overhead comes on top.
    /// </remarks>
    public static Amounts Of(PodSpec spec, bool fillsIn)
    {
        var together = new Amounts();
        foreach (var container in spec.Containers.OrEmpty())
            together.Add(Of(container, fillsIn));

        var sidecars = new Amounts();
        var greatest = new Amounts();
        foreach (var container in spec.InitContainers.OrEmpty())
        {
            var own = Of(container, fillsIn);
            if (container.RestartPolicy == "Always")
            {
                together.Add(own);
                sidecars.Add(own);
                own = sidecars;
            }
            else
            {
                own.Add(sidecars);
            }
            greatest.TakeGreater(own);
        }
        together.TakeGreater(greatest);

        // What is said for the pod as a whole stands for its containers' sum.
        foreach (var (name, quantity) in (spec.Resources?.Requests).OrEmpty())
            together.Set(name, name == "cpu" ? quantity.MilliValue : quantity.Value);
        if (spec.Overhead is { Count: > 0 } overhead)
            together.Add(Amounts.Of(overhead));
        return together;
    }

    private static Amounts Of(Container container, bool fillsIn)
    {
        var requests = container.Resources?.Requests;
        var amounts = Amounts.Of(requests);
        if (fillsIn)
        {
            if (requests is null || !requests.ContainsKey("cpu"))
                amounts.MilliCpu = DefaultMilliCpu;
            if (requests is null || !requests.ContainsKey("memory"))
                amounts.Memory = DefaultMemory;
        }
        return amounts;
    }
}
