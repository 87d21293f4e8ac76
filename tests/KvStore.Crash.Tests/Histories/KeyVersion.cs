using KvStore.Protocol;

namespace KvStore.Crash.Tests.Histories;

/// <summary>One version of a key: as it is stored, and as a watch tells of it. A deletion has version 0 and nothing else.</summary>
internal readonly record struct KeyVersion(string Key, string Value, long Lease, long CreateRevision, long ModRevision, long Version)
{
    private const int ShownLength = 60;

    public bool IsDelete => Version == 0;

    public static KeyVersion Deleted(string key, long revision) => new(key, "", 0, 0, revision, 0);

    public static KeyVersion Of(KeyValue stored) => new(
        stored.Key.ToStringUtf8(), stored.Value.ToStringUtf8(), stored.Lease, stored.CreateRevision, stored.ModRevision, stored.Version);

    public static KeyVersion Of(Event change) => change.Type == Event.Types.EventType.Delete
        ? Deleted(change.Kv.Key.ToStringUtf8(), change.Kv.ModRevision)
        : Of(change.Kv);

    public override string ToString()
    {
        string value = Value.Length <= ShownLength ? Value : $"{Value[..ShownLength]}... ({Value.Length})";
        return IsDelete
            ? $"delete {Key} @{ModRevision}"
            : $"{Key}={value} @{ModRevision} create {CreateRevision} version {Version} lease {Lease:x}";
    }
}
