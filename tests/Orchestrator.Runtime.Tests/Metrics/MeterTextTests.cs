using System.Diagnostics.Metrics;
using System.Text;
using Orchestrator.Runtime.Metrics;

namespace Orchestrator.Runtime.Tests.Metrics;

/// <summary>Meters in the form that Prometheus reads.</summary>
public sealed class MeterTextTests
{
    [Fact]
    public void Counters_gauges_and_histograms_are_written_with_their_tags()
    {
        string name = $"Tests.{Guid.NewGuid()}";
        using var text = new MeterText(name);
        using var meter = new Meter(name);
        using var other = new Meter(name + ".Other");
        int rules = 3;
        Counter<long> failures = meter.CreateCounter<long>("failures_total", description: "Failures");
        Histogram<double> durations = meter.CreateHistogram<double>("durations_seconds", "s", "How long");
        meter.CreateObservableGauge("rules", () => rules, description: "Rules");
        meter.CreateCounter<long>("never_total");

        failures.Add(1, new KeyValuePair<string, object?>("name", "a \"b\""), new KeyValuePair<string, object?>("code", 7));
        failures.Add(2, new KeyValuePair<string, object?>("code", 7), new KeyValuePair<string, object?>("name", "a \"b\""));
        other.CreateCounter<long>("failures_total").Add(100);
        durations.Record(0.003);
        durations.Record(100);
        _ = Written(text);
        rules = 5;

        string written = Written(text);
        Assert.StartsWith("""
            # HELP durations_seconds How long
            # TYPE durations_seconds histogram
            durations_seconds_bucket{le="0.001"} 0
            durations_seconds_bucket{le="0.002"} 0
            durations_seconds_bucket{le="0.004"} 1
            """, written);
        Assert.EndsWith("""
            durations_seconds_bucket{le="16.384"} 1
            durations_seconds_bucket{le="+Inf"} 2
            durations_seconds_sum 100.003
            durations_seconds_count 2
            # HELP failures_total Failures
            # TYPE failures_total counter
            failures_total{code="7",name="a \"b\""} 3
            # HELP rules Rules
            # TYPE rules gauge
            rules 5

            """, written);
    }

    private static string Written(MeterText text)
    {
        var builder = new StringBuilder();
        text.Write(builder);
        return builder.ToString();
    }
}
