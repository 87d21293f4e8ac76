using System.Diagnostics.CodeAnalysis;
using Orchestrator.Control.Dns;

namespace Orchestrator.Runtime.Dns;

/// <summary>Other servers' answers, for as long as they may be repeated.</summary>
/// <remarks>Two generations: when the young one is half of all, the old one goes, and with it what was not asked for since.</remarks>
internal sealed class ForwardCache(DnsCacheSettings settings, TimeProvider time)
{
    private readonly Lock _lock = new();
    private Dictionary<string, Entry> _young = [];
    private Dictionary<string, Entry> _old = [];

    public int Count
    {
        get
        {
            lock (_lock)
                return _young.Count + _old.Count;
        }
    }

    public bool TryGet(string key, [NotNullWhen(true)] out Resolution? resolution)
    {
        resolution = null;
        Entry? entry;
        lock (_lock)
        {
            if (!_young.TryGetValue(key, out entry) && _old.Remove(key, out entry))
                Put(key, entry);
        }
        if (entry is null || time.GetElapsedTime(entry.LearntAt) is var age && age >= entry.Lifetime)
            return false;
        resolution = entry.Resolution with { AgeSeconds = (uint)age.TotalSeconds };
        return true;
    }

    public void Add(string key, DnsMessage message)
    {
        uint lifetime = ForwardedQuestion.LifetimeSeconds(
            message, (uint)settings.PositiveLimit.TotalSeconds, (uint)settings.NegativeLimit.TotalSeconds);
        if (lifetime == 0)
            return;
        lock (_lock)
            Put(key, new Entry(ForwardedQuestion.ToResolution(message), time.GetTimestamp(), TimeSpan.FromSeconds(lifetime)));
    }

    private void Put(string key, Entry entry)
    {
        if (_young.Count >= Math.Max(1, settings.EntryLimit / 2))
        {
            _old = _young;
            _young = [];
        }
        _old.Remove(key);
        _young[key] = entry;
    }

    private sealed record Entry(Resolution Resolution, long LearntAt, TimeSpan Lifetime);
}
