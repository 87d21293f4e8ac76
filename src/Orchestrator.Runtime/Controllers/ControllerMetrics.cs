using System.Diagnostics.Metrics;
using Orchestrator.Api;
using Orchestrator.Runtime.WorkQueues;

namespace Orchestrator.Runtime.Controllers;

/// <summary>How a controller's queue fares, under the names that are known for it.</summary>
internal sealed class ControllerMetrics : IDisposable
{
    public const string MeterName = "Orchestrator.Controllers";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _adds;
    private readonly Counter<long> _retries;
    private readonly Histogram<double> _duration;
    private readonly KeyValuePair<string, object?> _name;

    public ControllerMetrics(string controller, RateLimitingQueue<NamespacedName> queue)
    {
        _name = new KeyValuePair<string, object?>("name", controller);
        _adds = _meter.CreateCounter<long>("workqueue_adds_total", description: "Keys put into the queue");
        _retries = _meter.CreateCounter<long>("workqueue_retries_total", description: "Keys put back after a failure");
        _duration = _meter.CreateHistogram<double>("workqueue_work_duration_seconds", "s", "How long a key was looked at");
        _meter.CreateObservableGauge(
            "workqueue_depth", () => new Measurement<int>(queue.Count, _name), description: "Keys that are due");
    }

    public void Added() => _adds.Add(1, _name);

    public void Failed() => _retries.Add(1, _name);

    public void Processed(TimeSpan duration) => _duration.Record(duration.TotalSeconds, _name);

    public void Dispose() => _meter.Dispose();
}
