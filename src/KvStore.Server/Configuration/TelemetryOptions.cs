namespace KvStore.Server.Configuration;

public sealed record TelemetryOptions
{
    /// <summary>Histograms of the time that each RPC takes.</summary>
    public required bool IsExtensive { get; init; }

    /// <summary>Collector of traces (OTLP over gRPC); null is off.</summary>
    public required Uri? TracesEndpoint { get; init; }

    /// <summary>Requests traced out of a million.</summary>
    public required int SamplingRatePerMillion { get; init; }

    public required string ServiceName { get; init; }

    /// <summary>Empty for none.</summary>
    public required string InstanceId { get; init; }

    /// <summary>Collector of metrics (OTLP over gRPC); null is off.</summary>
    public required Uri? MetricsEndpoint { get; init; }

    public required TimeSpan MetricsInterval { get; init; }
}
