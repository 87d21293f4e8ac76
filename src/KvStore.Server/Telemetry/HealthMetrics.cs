using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace KvStore.Server.Telemetry;

/// <summary>How health was asked for and answered.</summary>
public sealed class HealthMetrics
{
    private readonly ConcurrentDictionary<(string Kind, string Name), bool> _last = new();
    private readonly ConcurrentDictionary<(string Kind, string Name, bool IsHealthy), Tally> _counts = new();
    private readonly Tally _success = new();
    private readonly Tally _failures = new();

    internal HealthMetrics(Meter meter)
    {
        meter.CreateObservableCounter(
            "etcd_server_health_success", () => _success.Value, unit: null, "Answers of /health that were true.");
        meter.CreateObservableCounter(
            "etcd_server_health_failures", () => _failures.Value, unit: null, "Answers of /health that were false.");
        meter.CreateObservableGauge(
            "etcd_server_healthcheck", MeasureLast, unit: null, "Last result of each check, 1 for healthy.");
        meter.CreateObservableCounter("etcd_server_healthchecks_total", MeasureCounts, unit: null, "Results of each check.");
    }

    /// <summary>An answer of /health.</summary>
    public void Count(bool isHealthy) => (isHealthy ? _success : _failures).Increment();

    /// <summary>One check of /livez or /readyz.</summary>
    /// <param name="kind">livez or readyz.</param>
    public void Count(string kind, string name, bool isHealthy)
    {
        _last[(kind, name)] = isHealthy;
        _counts.GetOrAdd((kind, name, isHealthy), _ => new Tally()).Increment();
    }

    private IEnumerable<Measurement<long>> MeasureLast() => _last.Select(pair => new Measurement<long>(
        pair.Value ? 1 : 0, new KeyValuePair<string, object?>("type", pair.Key.Kind), new("name", pair.Key.Name)));

    private IEnumerable<Measurement<long>> MeasureCounts() => _counts.Select(pair => new Measurement<long>(
        pair.Value.Value, new KeyValuePair<string, object?>("type", pair.Key.Kind), new("name", pair.Key.Name),
        new("status", pair.Key.IsHealthy ? "success" : "error")));
}
