using System.Diagnostics.CodeAnalysis;
using System.Text;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Events;

/// <summary>Decides what becomes of an event: written, counted onto an earlier one, or dropped as spam.</summary>
/// <remarks>Not thread-safe: the recorder's loop calls it.</remarks>
internal sealed class EventCorrelator(EventRecorderOptions options)
{
    private readonly Memory<Bucket> _spam = new(options.MemoryLimit);
    private readonly Memory<Similar> _similar = new(options.MemoryLimit);
    private readonly Memory<Event> _written = new(options.MemoryLimit);

    /// <summary>The event to write, and the key by which its like are told: one that has a resourceVersion is an earlier one,
    /// to be patched. Null: drop it.</summary>
    public (Event Event, string Key)? Correlate(Event noted, DateTimeOffset now)
    {
        if (!TakeToken(SpamKey(noted), now))
            return null;
        string key = Aggregate(noted, now);
        if (!_written.TryGet(key, out var earlier))
            return (noted, key);
        var counted = earlier.DeepClone();
        counted.Message = noted.Message;
        counted.Count = (earlier.Count ?? 1) + 1;
        counted.LastTimestamp = noted.LastTimestamp;
        return (counted, key);
    }

    /// <summary>Remembers what the server has, so that the next of its like is counted onto it.</summary>
    public void Written(string key, Event answer) => _written.Set(key, answer);

    // The like of an event: all but the message is the same. Where these are too many, one with a common key stands for all.
    private string Aggregate(Event noted, DateTimeOffset now)
    {
        string key = SimilarKey(noted);
        if (!_similar.TryGet(key, out var similar) || now - similar.LastAt > options.SimilarWindow)
            _similar.Set(key, similar = new Similar());
        similar.LastAt = now;
        similar.Messages.Add(noted.Message ?? "");
        if (similar.Messages.Count < options.SimilarLimit)
            return Join(key, noted.Message);
        // Which one is forgotten does not matter: there are too many all the same.
        similar.Messages.Remove(similar.Messages.First());
        noted.Message = $"(combined from similar events): {noted.Message}";
        return key;
    }

    private bool TakeToken(string key, DateTimeOffset now)
    {
        if (!_spam.TryGet(key, out var bucket))
            _spam.Set(key, bucket = new Bucket { Tokens = options.SpamBurst, At = now });
        double gained = (now - bucket.At) / options.SpamInterval;
        bucket.Tokens = Math.Min(options.SpamBurst, bucket.Tokens + gained);
        bucket.At = now;
        if (bucket.Tokens < 1)
            return false;
        bucket.Tokens--;
        return true;
    }

    private static string SpamKey(Event noted) => Join(
        noted.Source?.Component, noted.Source?.Host, noted.InvolvedObject?.Kind, noted.InvolvedObject?.Namespace,
        noted.InvolvedObject?.Name, noted.InvolvedObject?.Uid, noted.InvolvedObject?.ApiVersion);

    private static string SimilarKey(Event noted) =>
        Join(SpamKey(noted), noted.InvolvedObject?.FieldPath, noted.Type, noted.Reason, noted.ReportingComponent);

    private static string Join(params ReadOnlySpan<string?> parts)
    {
        var text = new StringBuilder();
        foreach (string? part in parts)
            text.Append(part).Append('\u0001');
        return text.ToString();
    }

    private sealed class Bucket
    {
        public double Tokens { get; set; }

        public DateTimeOffset At { get; set; }
    }

    private sealed class Similar
    {
        public HashSet<string> Messages { get; } = [];

        public DateTimeOffset LastAt { get; set; }
    }

    /// <summary>A map that forgets what was set the longest ago.</summary>
    private sealed class Memory<T>(int limit)
        where T : class
    {
        private readonly Dictionary<string, LinkedListNode<(string Key, T Value)>> _entries = [];
        private readonly LinkedList<(string Key, T Value)> _order = new();

        public bool TryGet(string key, [NotNullWhen(true)] out T? value)
        {
            bool found = _entries.TryGetValue(key, out var entry);
            value = found ? entry!.Value.Value : null;
            return found;
        }

        public void Set(string key, T value)
        {
            Remove(key);
            _entries.Add(key, _order.AddLast((key, value)));
            if (_entries.Count > limit)
                Remove(_order.First!.Value.Key);
        }

        public void Remove(string key)
        {
            if (_entries.Remove(key, out var entry))
                _order.Remove(entry);
        }
    }
}
