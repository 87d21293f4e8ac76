using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Orchestrator.Runtime.Metrics;

/// <summary>Adds up what the meters of one name measure in this process, and writes it in Prometheus' text form.</summary>
/// <remarks>It knows what was measured since it was made. A name that ends with <c>_seconds</c> needs no unit. Series of one
/// instrument are told apart by their tags; there are as many as there are tags' values, so tags have few.</remarks>
public sealed class MeterText : IDisposable
{
    private static readonly double[] Bounds = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];

    private readonly Lock _gate = new();

    /// <summary>Taken before <see cref="_gate"/>.</summary>
    private readonly Lock _writing = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener;

    public MeterText(string meterName)
    {
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == meterName)
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public void Write(StringBuilder text)
    {
        lock (_writing)
        {
            lock (_gate)
            {
                foreach (Family family in _families.Values)
                    family.Clear();
            }
            _listener.RecordObservableInstruments();
            lock (_gate)
            {
                foreach (var (name, family) in _families)
                    family.Write(text, name);
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = Labels(tags);
        lock (_gate)
        {
            if (!_families.TryGetValue(instrument.Name, out Family? family))
                _families.Add(instrument.Name, family = new Family(KindOf(instrument), instrument.Description ?? "", instrument.IsObservable));
            family.Add(labels, value);
        }
    }

    private static string KindOf(Instrument instrument) => instrument switch
    {
        Histogram<double> or Histogram<long> or Histogram<int> => "histogram",
        { IsObservable: true } when instrument.GetType().GetGenericTypeDefinition() == typeof(ObservableGauge<>) => "gauge",
        _ => "counter",
    };

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
            return "";
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in tags)
            labels[name] = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return string.Join(',', labels.Select(label => $"{label.Key}=\"{Escaped(label.Value)}\""));
    }

    private static string Escaped(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    /// <summary>All series of one name.</summary>
    private sealed class Family(string kind, string help, bool isAsked)
    {
        private readonly SortedDictionary<string, Series> _series = new(StringComparer.Ordinal);

        /// <summary>What is asked for at each look is told anew in whole.</summary>
        public void Clear()
        {
            if (isAsked)
                _series.Clear();
        }

        public void Add(string labels, double value)
        {
            if (!_series.TryGetValue(labels, out Series? series))
                _series.Add(labels, series = new Series());
            series.Sum += value;
            series.Count++;
            if (kind != "histogram")
                return;
            int bucket = Array.FindIndex(Bounds, bound => value <= bound);
            if (bucket >= 0)
                series.Buckets[bucket]++;
        }

        public void Write(StringBuilder text, string name)
        {
            if (_series.Count == 0)
                return;
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {kind}\n");
            foreach (var (labels, series) in _series)
            {
                if (kind == "histogram")
                    WriteHistogram(text, name, labels, series);
                else
                    text.Append(CultureInfo.InvariantCulture, $"{name}{Braced(labels)} {series.Sum}\n");
            }
        }

        private static void WriteHistogram(StringBuilder text, string name, string labels, Series series)
        {
            string before = labels.Length == 0 ? "" : labels + ",";
            long count = 0;
            for (int bucket = 0; bucket < Bounds.Length; bucket++)
            {
                count += series.Buckets[bucket];
                text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{before}le=\"{Bounds[bucket]}\"}} {count}\n");
            }
            text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{before}le=\"+Inf\"}} {series.Count}\n");
            text.Append(CultureInfo.InvariantCulture, $"{name}_sum{Braced(labels)} {series.Sum}\n{name}_count{Braced(labels)} {series.Count}\n");
        }

        private static string Braced(string labels) => labels.Length == 0 ? "" : $"{{{labels}}}";
    }

    private sealed class Series
    {
        public double Sum { get; set; }

        public long Count { get; set; }

        public long[] Buckets { get; } = new long[Bounds.Length];
    }
}
