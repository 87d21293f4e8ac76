using System.Collections.Frozen;
using System.Diagnostics.Metrics;

namespace KvStore.Server.Telemetry;

/// <summary>grpc_server_*: each RPC's starts, ends by code and stream messages; all there from the start, at 0.</summary>
public sealed class GrpcMetrics
{
    private readonly FrozenDictionary<string, GrpcMethodMetrics> _byPath;

    internal GrpcMetrics(Meter meter, IReadOnlyList<GrpcMethod> methods, bool isExtensive)
    {
        Histogram<double>? handling = isExtensive
            ? meter.CreateHistogram(
                "grpc_server_handling_seconds", unit: null, "Time from the start of an RPC to its end.", tags: null,
                new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets.Default })
            : null;
        _byPath = methods.ToFrozenDictionary(method => method.Path, method => new GrpcMethodMetrics(method, handling));
        GrpcMethodMetrics[] all = [.. methods.Select(method => _byPath[method.Path])];
        Register(meter, "grpc_server_started_total", "RPCs started.", all, method => [method.MeasureStarted()]);
        Register(meter, "grpc_server_handled_total", "RPCs ended, by their code.", all, method => method.MeasureHandled());
        Register(meter, "grpc_server_msg_received_total", "Messages received.", all, method => [method.MeasureReceived()]);
        Register(meter, "grpc_server_msg_sent_total", "Messages sent.", all, method => [method.MeasureSent()]);
    }

    /// <summary>To be looked up once per method, not per call; null for a method that the server does not have.</summary>
    public GrpcMethodMetrics? Find(string path) => _byPath.GetValueOrDefault(path);

    private static void Register(
        Meter meter, string name, string description, GrpcMethodMetrics[] all,
        Func<GrpcMethodMetrics, IEnumerable<Measurement<long>>> measure) =>
        meter.CreateObservableCounter(name, () => all.SelectMany(measure), unit: null, description);
}
