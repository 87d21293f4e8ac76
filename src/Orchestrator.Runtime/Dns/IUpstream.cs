using Orchestrator.Control.Dns;

namespace Orchestrator.Runtime.Dns;

/// <summary>A server that knows other names: over the network, or pretended in tests.</summary>
internal interface IUpstream
{
    /// <returns>Its answer, whatever it says; null if none came.</returns>
    Task<DnsMessage?> AskAsync(DnsQuery query, TimeSpan timeout, CancellationToken ct);
}
