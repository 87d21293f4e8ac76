namespace Orchestrator.Runtime.Client;

/// <summary>How a client behaves towards the server it talks to.</summary>
public sealed record ApiClientOptions
{
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Requests a second over time; null: no limit. Watches count when they are opened.</summary>
    public double? QueriesPerSecond { get; init; }

    /// <summary>Requests at once, beyond <see cref="QueriesPerSecond"/>.</summary>
    public int Burst { get; init; } = 10;

    /// <summary>How often a request is sent again that the server refused with Retry-After (429, 503).</summary>
    public int RetryLimit { get; init; } = 10;

    /// <summary>Who our writes belong to in managed fields; null: the server takes it from the user agent.</summary>
    public string? FieldManager { get; init; }
}
