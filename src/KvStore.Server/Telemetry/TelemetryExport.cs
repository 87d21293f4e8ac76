using System.Diagnostics.Metrics;
using KvStore.Server.Configuration;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace KvStore.Server.Telemetry;

/// <summary>Gets metrics and traces out of the process: /metrics by pull, OTLP by push where the options say so.</summary>
public sealed class TelemetryExport : IDisposable
{
    /// <summary>The runtime's own meter: collector, thread pool, exceptions.</summary>
    private const string RuntimeMeter = "System.Runtime";

    private readonly PrometheusExporter _prometheus = new();
    private readonly MeterProvider _metrics;
    private readonly TracerProvider? _traces;

    /// <summary>To be made before the first measurement, which would be missed else.</summary>
    public TelemetryExport(TelemetryOptions options, string memberName)
    {
        ResourceBuilder resource = ResourceBuilder.CreateEmpty().AddService(
            options.ServiceName, serviceVersion: ServerVersion.Own,
            serviceInstanceId: options.InstanceId.Length > 0 ? options.InstanceId : memberName);
        _metrics = BuildMetrics(options, resource);
        _traces = options.TracesEndpoint is { } endpoint ? BuildTraces(options, endpoint, resource) : null;
    }

    /// <summary>The body of /metrics.</summary>
    public Task<byte[]> ScrapeAsync(CancellationToken cancellation) => _prometheus.ScrapeAsync(cancellation);

    /// <summary>Sends what is left, for a few seconds at most.</summary>
    public void Dispose()
    {
        _traces?.Dispose();
        _metrics.Dispose();
    }

    private MeterProvider BuildMetrics(TelemetryOptions options, ResourceBuilder resource)
    {
        MeterProviderBuilder builder = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(ServerMetrics.MeterName)
            .AddMeter(RuntimeMeter)
            .AddView(Limit)
            .AddReader(new BaseExportingMetricReader(_prometheus));
        if (options.MetricsEndpoint is { } endpoint)
        {
            builder.AddOtlpExporter((exporter, reader) =>
            {
                exporter.Endpoint = endpoint;
                exporter.Protocol = OtlpExportProtocol.Grpc;
                reader.PeriodicExportingMetricReaderOptions = new PeriodicExportingMetricReaderOptions
                {
                    ExportIntervalMilliseconds = (int)Math.Min(options.MetricsInterval.TotalMilliseconds, int.MaxValue),
                };
            });
        }
        return builder.Build();
    }

    private static TracerProvider BuildTraces(TelemetryOptions options, Uri endpoint, ResourceBuilder resource) =>
        Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(RpcTracing.SourceName)
            // A caller that traces decides for its calls; of the others a share is traced.
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.SamplingRatePerMillion / 1e6)))
            .AddOtlpExporter(exporter =>
            {
                exporter.Endpoint = endpoint;
                exporter.Protocol = OtlpExportProtocol.Grpc;
            })
            .Build();

    /// <summary>
    /// The SDK sets aside room for 2000 series for every instrument, about 200 KB each; most have one. What is beyond the limit
    /// is summed up in one series that says so.
    /// </summary>
    private static MetricStreamConfiguration? Limit(Instrument instrument)
    {
        int limit = instrument.Name switch
        {
            "grpc_server_handled_total" => 2000,
            "grpc_server_started_total" or "grpc_server_msg_received_total" or "grpc_server_msg_sent_total" => 200,
            "grpc_server_handling_seconds" => 200,
            "etcd_server_client_requests_total" => 2 * (ClientRequestMetrics.VersionLimit + 1),
            "etcd_server_apply_duration_seconds" => 64,
            _ => 16,
        };
        // A histogram's own bounds count only with a configuration of its kind.
        return instrument is Histogram<double> { Advice.HistogramBucketBoundaries: { } bounds }
            ? new ExplicitBucketHistogramConfiguration
            {
                Boundaries = [.. bounds],
                CardinalityLimit = limit,
                RecordMinMax = false,
            }
            : new MetricStreamConfiguration { CardinalityLimit = limit };
    }
}
