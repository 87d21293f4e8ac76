using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.Metrics;

namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>Counts requests by Kubernetes' names, and writes what is counted in Prometheus' text form.</summary>
/// <param name="others">What other parts of the process measure.</param>
internal sealed class ServerMetrics(ResourceRegistry resources, InFlightLimit inFlight, TokenCounts tokens, MeterText? others)
{
    // Seconds; as Kubernetes' histogram of request durations, without its finest steps.
    private static readonly double[] Bounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 4, 5, 10, 30, 60];

    private readonly ConcurrentDictionary<RequestKey, long[]> _counts = [];
    private readonly ConcurrentDictionary<DurationKey, Histogram> _durations = [];
    private readonly ConcurrentDictionary<DurationKey, long[]> _longRunning = [];

    /// <summary>A request has been answered.</summary>
    /// <param name="isLongRunning">Watches and streams: how long they take says nothing.</param>
    public void Count(RequestKey key, TimeSpan duration, bool isLongRunning)
    {
        Interlocked.Increment(ref _counts.GetOrAdd(key, static _ => new long[1])[0]);
        if (!isLongRunning)
            _durations.GetOrAdd(key.Duration, static _ => new Histogram()).Add(duration.TotalSeconds);
    }

    public void LongRunning(DurationKey key, int change) =>
        Interlocked.Add(ref _longRunning.GetOrAdd(key, static _ => new long[1])[0], change);

    public string Write()
    {
        var text = new StringBuilder(16 * 1024);
        Head(text, "apiserver_request_total", "counter", "Requests by verb, resource and HTTP status.");
        foreach (var (key, count) in _counts.OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"apiserver_request_total{{code=\"{key.Code}\",dry_run=\"{key.DryRun}\",{Labels(key.Duration)}}} {count[0]}\n");
        Head(text, "apiserver_request_duration_seconds", "histogram", "How long requests took, watches and streams left out.");
        foreach (var (key, histogram) in _durations.OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal))
            histogram.Write(text, "apiserver_request_duration_seconds", Labels(key));
        Head(text, "apiserver_longrunning_requests", "gauge", "Watches and streams that are open.");
        foreach (var (key, count) in _longRunning.OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"apiserver_longrunning_requests{{{Labels(key)}}} {count[0]}\n");
        Head(text, "apiserver_current_inflight_requests", "gauge", "Requests that are being served and count against the limits.");
        text.Append(CultureInfo.InvariantCulture, $"apiserver_current_inflight_requests{{request_kind=\"mutating\"}} {inFlight.MutatingCount}\n");
        text.Append(CultureInfo.InvariantCulture, $"apiserver_current_inflight_requests{{request_kind=\"readOnly\"}} {inFlight.ReadOnlyCount}\n");
        Head(text, "apiserver_storage_objects", "gauge", "Objects in the store, of resources that were looked at.");
        foreach (var stored in resources.Stored.Where(stored => stored.HasCache))
            text.Append(CultureInfo.InvariantCulture, $"apiserver_storage_objects{{resource=\"{stored.GroupResource}\"}} {stored.Cache.State.Snapshot.Count}\n");
        Head(text, "apiserver_registered_watchers", "gauge", "Watches on this server.");
        foreach (var stored in resources.Stored.Where(stored => stored.HasCache))
            text.Append(CultureInfo.InvariantCulture, $"apiserver_registered_watchers{{resource=\"{stored.GroupResource}\"}} {stored.Cache.WatcherCount}\n");
        Head(text, "serviceaccount_stale_tokens_total", "counter", "Cumulative stale projected service account tokens used");
        text.Append(CultureInfo.InvariantCulture, $"serviceaccount_stale_tokens_total {tokens.Stale}\n");
        Head(text, "serviceaccount_valid_tokens_total", "counter", "Cumulative valid projected service account tokens used");
        text.Append(CultureInfo.InvariantCulture, $"serviceaccount_valid_tokens_total {tokens.Valid}\n");
        Head(text, "process_resident_memory_bytes", "gauge", "Resident memory of the process.");
        text.Append(CultureInfo.InvariantCulture, $"process_resident_memory_bytes {Environment.WorkingSet}\n");
        others?.Write(text);
        return text.ToString();
    }

    private static string Labels(DurationKey key) =>
        $"group=\"{key.Group}\",resource=\"{key.Resource}\",scope=\"{key.Scope}\",subresource=\"{key.Subresource}\",verb=\"{key.Verb}\",version=\"{key.Version}\"";

    private static void Head(StringBuilder text, string name, string type, string help) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    internal readonly record struct DurationKey(
        string Verb, string Group, string Version, string Resource, string Subresource, string Scope);

    internal readonly record struct RequestKey(DurationKey Duration, int Code, string DryRun);

    private sealed class Histogram
    {
        private readonly long[] _buckets = new long[Bounds.Length + 1];
        private readonly Lock _gate = new();
        private double _sum;

        public void Add(double seconds)
        {
            int bucket = Array.FindIndex(Bounds, bound => seconds <= bound);
            lock (_gate)
            {
                _buckets[bucket < 0 ? Bounds.Length : bucket]++;
                _sum += seconds;
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            lock (_gate)
            {
                long count = 0;
                for (int bucket = 0; bucket < _buckets.Length; bucket++)
                {
                    count += _buckets[bucket];
                    string bound = bucket < Bounds.Length ? Bounds[bucket].ToString(CultureInfo.InvariantCulture) : "+Inf";
                    text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels},le=\"{bound}\"}} {count}\n");
                }

                text.Append(CultureInfo.InvariantCulture, $"{name}_sum{{{labels}}} {_sum}\n");
                text.Append(CultureInfo.InvariantCulture, $"{name}_count{{{labels}}} {count}\n");
            }
        }
    }
}
