using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace KvStore.Server.Telemetry;

/// <summary>etcd_server_client_requests_total: requests by kind and by the API version that the client names.</summary>
public sealed class ClientRequestMetrics
{
    /// <summary>Clients name what they like: beyond this many versions all count as "other".</summary>
    internal const int VersionLimit = 64;

    /// <summary>For clients that name none.</summary>
    private const string Unknown = "unknown";

    private readonly ConcurrentDictionary<string, Tally> _unary = new();
    private readonly ConcurrentDictionary<string, Tally> _stream = new();

    internal ClientRequestMetrics(Meter meter) =>
        meter.CreateObservableCounter(
            "etcd_server_client_requests_total", Measure, unit: null, "Requests by kind and the client's API version.");

    /// <param name="version">The header client-api-version; null for none.</param>
    public void CountUnary(string? version) => Count(_unary, version);

    /// <param name="version">The header client-api-version; null for none.</param>
    public void CountStream(string? version) => Count(_stream, version);

    private static void Count(ConcurrentDictionary<string, Tally> tallies, string? version)
    {
        string key = string.IsNullOrEmpty(version) ? Unknown : version;
        if (!tallies.TryGetValue(key, out Tally? tally))
            tally = tallies.GetOrAdd(tallies.Count < VersionLimit ? key : "other", _ => new Tally());
        tally.Increment();
    }

    private IEnumerable<Measurement<long>> Measure() => Measure(_unary, "unary").Concat(Measure(_stream, "stream"));

    private static IEnumerable<Measurement<long>> Measure(ConcurrentDictionary<string, Tally> tallies, string kind) =>
        tallies.Select(pair => new Measurement<long>(
            pair.Value.Value, new KeyValuePair<string, object?>("type", kind), new("client_api_version", pair.Key)));
}
