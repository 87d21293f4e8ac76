using System.Diagnostics.Metrics;

namespace Orchestrator.Runtime.Proxy;

/// <summary>How the rules are kept, under the names that are known for it.</summary>
internal sealed class ProxyMetrics : IDisposable
{
    public const string MeterName = "Orchestrator.Proxy";

    private readonly Meter _meter = new(MeterName);
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _failures;

    /// <param name="ruleCount">Asked at each look.</param>
    public ProxyMetrics(Func<int> ruleCount)
    {
        _duration = _meter.CreateHistogram<double>("kubeproxy_sync_proxy_rules_duration_seconds", "s", "How long a change took to be in the kernel");
        _failures = _meter.CreateCounter<long>("kubeproxy_sync_proxy_rules_nftables_sync_failures_total", description: "Transactions that were refused");
        _meter.CreateObservableGauge("kubeproxy_sync_proxy_rules_nftables_rules_total", ruleCount, description: "Rules in the kernel");
    }

    public void Synced(TimeSpan duration) => _duration.Record(duration.TotalSeconds);

    public void Failed() => _failures.Add(1);

    public void Dispose() => _meter.Dispose();
}
