using Orchestrator.Api.DiscoveryV1;

namespace Orchestrator.Api.Strategies;

/// <summary>Rules of kinds whose content is not under a spec.</summary>
internal static class MiscellaneousRules
{
    /// <summary>Whether two versions of a slice say the same of its endpoints; then its generation stays.</summary>
    public static bool SameEndpoints(EndpointSlice left, EndpointSlice right) =>
        left.AddressType == right.AddressType
        && left.Endpoints.OrEmpty().Count == right.Endpoints.OrEmpty().Count
        && left.Ports.OrEmpty().Count == right.Ports.OrEmpty().Count
        && left.Endpoints.OrEmpty().Zip(right.Endpoints.OrEmpty()).All(pair => pair.First.DeepEquals(pair.Second))
        && left.Ports.OrEmpty().Zip(right.Ports.OrEmpty()).All(pair => pair.First.DeepEquals(pair.Second))
        && Copies.Same(left.Metadata.Labels, right.Metadata.Labels);

    /// <summary>deprecatedTopology came with the beta of this kind; it may be kept and dropped but not changed.</summary>
    public static void KeepTopology(EndpointSlice updated, EndpointSlice old)
    {
        foreach (var endpoint in updated.Endpoints.OrEmpty())
        {
            if (endpoint.DeprecatedTopology is not null && !old.Endpoints.OrEmpty().Any(before =>
                    Copies.Same(before.DeprecatedTopology, endpoint.DeprecatedTopology)))
                endpoint.DeprecatedTopology = null;
        }
    }
}
