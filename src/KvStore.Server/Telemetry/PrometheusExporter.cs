using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace KvStore.Server.Telemetry;

/// <summary>Brings OpenTelemetry's metrics into the text of Prometheus when it is asked to.</summary>
[ExportModes(ExportModes.Pull)]
internal sealed class PrometheusExporter : BaseExporter<Metric>, IPullMetricExporter
{
    private const int CollectTimeoutMs = 10_000;

    private readonly SemaphoreSlim _scraping = new(1);
    private readonly PrometheusText _text = new();
    private readonly StringBuilder _labels = new();
    private readonly List<KeyValuePair<string, object?>> _tags = [];

    /// <summary>Set by the reader that this exporter is given to.</summary>
    public Func<int, bool>? Collect { get; set; }

    /// <summary>All metrics as they are now. One scrape runs at a time; others wait their turn.</summary>
    public async Task<byte[]> ScrapeAsync(CancellationToken cancellation)
    {
        Func<int, bool> collect = Collect ?? throw new InvalidOperationException("The exporter belongs to no reader.");
        await _scraping.WaitAsync(cancellation);
        try
        {
            _text.Clear();
            if (!collect(CollectTimeoutMs))
                throw new IOException("Metrics could not be collected.");
            // A copy, so that a slow scraper holds up no other.
            return _text.Written.ToArray();
        }
        finally
        {
            _scraping.Release();
        }
    }

    public override ExportResult Export(in Batch<Metric> batch)
    {
        foreach (Metric metric in batch)
            Write(metric);
        return ExportResult.Success;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _scraping.Dispose();
        base.Dispose(disposing);
    }

    private void Write(Metric metric)
    {
        if (TypeOf(metric.MetricType) is not { } type)
            return;
        string name = NameOf(metric, type);
        _text.WriteHead(name, metric.Description, type);
        foreach (ref readonly MetricPoint point in metric.GetMetricPoints())
            Write(metric.MetricType, name, point);
    }

    private static string? TypeOf(MetricType type) => type switch
    {
        MetricType.LongSum or MetricType.DoubleSum => "counter",
        MetricType.LongGauge or MetricType.DoubleGauge => "gauge",
        MetricType.LongSumNonMonotonic or MetricType.DoubleSumNonMonotonic => "gauge",
        MetricType.Histogram => "histogram",
        // The text format has no exponential histograms.
        _ => null,
    };

    /// <summary>Our names are Prometheus' already; the runtime's, such as dotnet.gc.collections, are made so.</summary>
    private static string NameOf(Metric metric, string type)
    {
        if (!metric.Name.Contains('.'))
            return metric.Name;
        string unit = metric.Unit switch { "By" => "_bytes", "s" => "_seconds", _ => "" };
        return PrometheusText.Name(metric.Name) + unit + (type == "counter" ? "_total" : "");
    }

    private void Write(MetricType type, string name, in MetricPoint point)
    {
        string labels = LabelsOf(point);
        switch (type)
        {
            case MetricType.LongSum or MetricType.LongSumNonMonotonic:
                _text.WriteSample(name, Braces(labels), point.GetSumLong());
                break;
            case MetricType.LongGauge: _text.WriteSample(name, Braces(labels), point.GetGaugeLastValueLong()); break;
            case MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic:
                _text.WriteSample(name, "", Braces(labels), point.GetSumDouble());
                break;
            case MetricType.DoubleGauge: _text.WriteSample(name, "", Braces(labels), point.GetGaugeLastValueDouble()); break;
            case MetricType.Histogram: WriteHistogram(name, labels, point); break;
        }
    }

    private void WriteHistogram(string name, string labels, in MetricPoint point)
    {
        long upToHere = 0;
        string separator = labels.Length == 0 ? "" : ",";
        foreach (HistogramBucket bucket in point.GetHistogramBuckets())
        {
            upToHere += bucket.BucketCount;
            string bound = PrometheusText.Number(bucket.ExplicitBound);
            _text.WriteSample(name, "_bucket", $"{{{labels}{separator}le=\"{bound}\"}}", upToHere);
        }
        _text.WriteSample(name, "_sum", Braces(labels), point.GetHistogramSum());
        _text.WriteSample(name, "_count", Braces(labels), point.GetHistogramCount());
    }

    private string LabelsOf(in MetricPoint point)
    {
        _labels.Clear();
        _tags.Clear();
        foreach (KeyValuePair<string, object?> tag in point.Tags)
            _tags.Add(tag);
        // By name, as Prometheus' own clients do: the SDK keeps the order in which a series came first.
        _tags.Sort(static (a, b) => string.CompareOrdinal(a.Key, b.Key));
        foreach (KeyValuePair<string, object?> tag in _tags)
            PrometheusText.AppendLabel(_labels, tag.Key, tag.Value?.ToString() ?? "");
        return _labels.ToString();
    }

    private static string Braces(string labels) => labels.Length == 0 ? "" : $"{{{labels}}}";
}
