using System.Collections.Immutable;

namespace KvStore.Crash.Tests.Histories;

/// <summary>What the store holds at one revision; cheap to keep for every revision, since states share what they have in common.</summary>
internal sealed record StoreState(long Revision, ImmutableSortedDictionary<string, KeyVersion> Keys)
{
    /// <summary>A new store is at revision 1 and empty.</summary>
    public static StoreState Empty { get; } = new(1, ImmutableSortedDictionary.Create<string, KeyVersion>(StringComparer.Ordinal));

    public KeyVersion? Find(string key) => Keys.TryGetValue(key, out var version) ? version : null;

    /// <summary>The version that a put makes of the key at the next revision.</summary>
    public KeyVersion Put(string key, string value, long lease) => Find(key) is { } old
        ? new KeyVersion(key, value, lease, old.CreateRevision, Revision + 1, old.Version + 1)
        : new KeyVersion(key, value, lease, Revision + 1, Revision + 1, 1);

    /// <summary>The keys in [from, to).</summary>
    public IEnumerable<KeyVersion> Within(string from, string to) =>
        Keys.Values.Where(version => string.CompareOrdinal(version.Key, from) >= 0 && string.CompareOrdinal(version.Key, to) < 0);

    public IEnumerable<KeyVersion> AttachedTo(long lease) => Keys.Values.Where(version => version.Lease == lease);

    /// <summary>The state after what happened at the next revision.</summary>
    public StoreState Next(IEnumerable<KeyVersion> events)
    {
        var keys = Keys.ToBuilder();
        foreach (var change in events)
        {
            if (change.IsDelete)
                keys.Remove(change.Key);
            else
                keys[change.Key] = change;
        }
        return new StoreState(Revision + 1, keys.ToImmutable());
    }
}
