using System.Globalization;

namespace Orchestrator.Control.Reconciling;

/// <summary>Writes of one controller that its caches have not shown yet. A key is not looked at before all its own writes are
/// seen: else a cache that lags makes a controller create or delete twice.</summary>
/// <remarks>Exact where client-go counts: each write is remembered with its uid and resourceVersion. Not thread-safe, the
/// controller's host owns it. A write that stays unseen for <see cref="Limit"/> is given up, as there.</remarks>
public sealed class Expectations
{
    /// <summary>An informer that is that far behind has other troubles; the resourceVersions still guard updates.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>Keys that nobody looks at again (their object is gone) would keep their writes for ever: all are looked through when
    /// there are twice as many as after the last time, and at least this many.</summary>
    private const int SweepAt = 1_000;

    private readonly Dictionary<NamespacedName, List<Pending>> _pending = [];
    private int _sweepAt = SweepAt;

    public int Count => _pending.Count;

    /// <summary>Remembers a create, update or patch by what the API answered.</summary>
    public void Wrote(NamespacedName key, IKubernetesObject answer, DateTimeOffset now) =>
        Add(key, new Pending(ObjectRef.ToVersion(answer), IsDeletion: false, now));

    /// <summary>Remembers a delete.</summary>
    public void Deleted(NamespacedName key, ObjectRef target, DateTimeOffset now) =>
        Add(key, new Pending(target, IsDeletion: true, now));

    /// <summary>Whether the cache shows all that was written for the key; if not, a change of the written objects will come.</summary>
    public bool AreMet(NamespacedName key, IObjectCache cache, DateTimeOffset now)
    {
        if (_pending.Count >= _sweepAt)
        {
            AllAreMet(cache, now);
            _sweepAt = Math.Max(SweepAt, 2 * _pending.Count);
        }
        return IsMet(key, cache, now);
    }

    /// <summary>As <see cref="AreMet(NamespacedName, IObjectCache, DateTimeOffset)"/> for the writes of every key.</summary>
    public bool AllAreMet(IObjectCache cache, DateTimeOffset now)
    {
        foreach (var key in _pending.Keys.ToList())
            IsMet(key, cache, now);
        return _pending.Count == 0;
    }

    private bool IsMet(NamespacedName key, IObjectCache cache, DateTimeOffset now)
    {
        if (!_pending.TryGetValue(key, out var writes))
            return true;
        writes.RemoveAll(write => now - write.At >= Limit || IsSeen(write, cache));
        if (writes.Count > 0)
            return false;
        _pending.Remove(key);
        return true;
    }

    private void Add(NamespacedName key, Pending write)
    {
        if (!_pending.TryGetValue(key, out var writes))
            _pending.Add(key, writes = []);
        writes.Add(write);
    }

    private static bool IsSeen(Pending write, IObjectCache cache)
    {
        var target = write.Target;
        var seen = cache.Get(target.Kind, target.Namespace, target.Name);
        bool isTheOne = seen is not null && (target.Uid.Length == 0 || seen.Uid == target.Uid);
        if (write.IsDeletion)
            return !isTheOne || seen!.IsBeingDeleted;
        long written = Number(target.ResourceVersion);
        if (isTheOne)
            return Number(seen!.ResourceVersion) >= written;
        // Gone again before it was seen, or replaced by a later one.
        return cache.SeenResourceVersion(target.Kind) >= written;
    }

    private static long Number(string resourceVersion) =>
        long.TryParse(resourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : 0;

    private readonly record struct Pending(ObjectRef Target, bool IsDeletion, DateTimeOffset At);
}
