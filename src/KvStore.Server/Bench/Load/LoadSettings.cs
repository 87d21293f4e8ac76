using System.Net;

namespace KvStore.Server.Bench.Load;

/// <summary>
/// What every workload shares. A run ends with its count or its time, whichever comes first; both are always set.
/// </summary>
public sealed record LoadSettings
{
    /// <summary>Connections go to them in turn.</summary>
    public required IReadOnlyList<IPEndPoint> Endpoints { get; init; }

    public int Connections { get; init; } = 1;

    /// <summary>Calls that are open at once on each connection; times <see cref="Connections"/>, the number of clients.</summary>
    public int StreamsPerConnection { get; init; } = 1;

    public long RequestLimit { get; init; } = 100_000;

    public TimeSpan DurationLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Requests before the measured ones, on the same connections.</summary>
    public long WarmUpRequests { get; init; }

    /// <summary>
    /// Requests a second, over all clients; null: each client sends its next request when its last is answered.
    /// </summary>
    /// <remarks>
    /// With a rate, latency counts from the moment at which a request was due, whether or not a client was free then.
    /// </remarks>
    public double? RatePerSecond { get; init; }

    public KeySpace Keys { get; init; } = new();

    public int ValueBytes { get; init; } = 256;

    /// <summary>With no answer at all for so long, the run is given up.</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromSeconds(30);

    public int Clients => Connections * StreamsPerConnection;
}
