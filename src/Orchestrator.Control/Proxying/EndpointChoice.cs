namespace Orchestrator.Control.Proxying;

/// <summary>Which endpoints of a port this node leads to.</summary>
/// <param name="Cluster">For traffic that may go to any node.</param>
/// <param name="Local">For traffic that stays on this node.</param>
/// <param name="HasAny">Whether there is one anywhere in the cluster.</param>
internal sealed record EndpointChoice(
    IReadOnlyList<ServiceEndpoint> Cluster, IReadOnlyList<ServiceEndpoint> Local, bool HasAny)
{
    /// <remarks>Where nobody is ready, those who are ending but still serve are better than nobody: apart for both lists.</remarks>
    public static EndpointChoice Of(IReadOnlyList<ServiceEndpoint> all, bool usesCluster, bool usesLocal, ProxySettings settings)
    {
        var cluster = usesCluster ? OrServing(all, InTopology(all, settings)) : [];
        IReadOnlyList<ServiceEndpoint> local = [];
        if (usesLocal)
        {
            List<ServiceEndpoint> here = [.. all.Where(endpoint => endpoint.NodeName == settings.NodeName)];
            local = OrServing(here, [.. here.Where(endpoint => endpoint.IsReady)]);
        }
        bool hasAny = cluster.Count > 0 || (usesLocal && all.Any(endpoint => endpoint.IsReady || IsServingItsEnd(endpoint)));
        return new EndpointChoice(cluster, local, hasAny);
    }

    private static IReadOnlyList<ServiceEndpoint> OrServing(
        IReadOnlyList<ServiceEndpoint> all, IReadOnlyList<ServiceEndpoint> ready) =>
        ready.Count > 0 ? ready : [.. all.Where(IsServingItsEnd)];

    private static bool IsServingItsEnd(ServiceEndpoint endpoint) => endpoint.IsServing && endpoint.IsTerminating;

    /// <summary>The ready ones that are meant for this node or its zone. Hints count only where all have some and one of them
    /// names us: else nobody knows whether the others have room for our traffic.</summary>
    private static List<ServiceEndpoint> InTopology(IReadOnlyList<ServiceEndpoint> all, ProxySettings settings)
    {
        List<ServiceEndpoint> ready = [.. all.Where(endpoint => endpoint.IsReady)];
        return Hinted(ready, endpoint => endpoint.NodeHints, settings.NodeName)
            ?? Hinted(ready, endpoint => endpoint.ZoneHints, settings.Zone)
            ?? ready;
    }

    private static List<ServiceEndpoint>? Hinted(
        List<ServiceEndpoint> ready, Func<ServiceEndpoint, IReadOnlyList<string>> hints, string name)
    {
        if (name.Length == 0 || ready.Any(endpoint => hints(endpoint).Count == 0))
            return null;
        List<ServiceEndpoint> meant = [.. ready.Where(endpoint => hints(endpoint).Contains(name))];
        return meant.Count > 0 ? meant : null;
    }
}
