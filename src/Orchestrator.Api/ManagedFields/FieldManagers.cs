using System.Text.Json.Nodes;

namespace Orchestrator.Api.ManagedFields;

/// <summary>Everybody who owns fields of one object, each with what he owns.</summary>
internal sealed class FieldManagers
{
    /// <summary>More updaters than these are not told apart: the oldest become one.</summary>
    public const int UpdatersLimit = 10;

    private const string OldUpdates = "ancient-changes";

    private readonly Dictionary<ManagerIdentity, ManagerEntry> _entries = [];

    public bool IsEmpty => _entries.Count == 0;

    public IReadOnlyCollection<ManagerEntry> Entries => _entries.Values;

    /// <summary>All fields that somebody owns.</summary>
    public FieldSet Owned => Entries.Aggregate(FieldSet.Empty, (all, entry) => all.Union(entry.Fields));

    /// <summary>The managers that a document records; none if its record cannot be read.</summary>
    public static FieldManagers Read(JsonObject? document)
    {
        try
        {
            var managers = new FieldManagers();
            if (document?["metadata"] is JsonObject metadata && metadata["managedFields"] is JsonArray list)
            {
                foreach (var item in list)
                    managers.Put(ManagerEntry.Parse(item));
            }
            return managers;
        }
        catch (FormatException)
        {
            return new FieldManagers();
        }
    }

    /// <summary>
    /// The managers from which a write goes on: what the request itself records, else the live object's record. A list of one empty
    /// entry asks for the record to be cleared.
    /// </summary>
    public static FieldManagers ReadForUpdate(JsonObject? live, JsonObject updated, bool isSubresource)
    {
        if (isSubresource)
            return Read(live);
        bool isReset = updated["metadata"] is JsonObject metadata && metadata["managedFields"] is JsonArray { Count: 1 } list
            && list[0] is JsonObject { Count: 0 };
        if (isReset)
            return new FieldManagers();
        var recorded = Read(updated);
        return recorded.IsEmpty ? Read(live) : recorded;
    }

    public ManagerEntry? Find(ManagerIdentity identity) => _entries.GetValueOrDefault(identity);

    /// <summary>Who owns nothing is not recorded.</summary>
    public void Put(ManagerEntry entry)
    {
        if (entry.IsEmpty)
            _entries.Remove(entry.Identity);
        else
            _entries[entry.Identity] = entry;
    }

    /// <summary>Fields that somebody else has changed, or that are gone, are no longer theirs.</summary>
    public void TakeFromOthers(ManagerIdentity? except, FieldSet fields)
    {
        foreach (var entry in _entries.Values.ToArray())
        {
            if (entry.Identity != except)
                Put(entry.Without(fields));
        }
    }

    /// <summary>Makes one of the oldest updaters of each version, until few enough are left.</summary>
    public void LimitUpdaters()
    {
        var updaters = _entries.Values.Where(entry => !entry.IsApplier)
            .OrderBy(entry => entry.Time?.ToUnixTimeSeconds() ?? 0)
            .ThenBy(entry => entry.Manager, StringComparer.Ordinal)
            .ThenBy(entry => entry.Subresource, StringComparer.Ordinal)
            .ToList();
        var firsts = new Dictionary<string, ManagerEntry>(StringComparer.Ordinal);
        int count = updaters.Count;
        foreach (var updater in updaters)
        {
            if (count <= UpdatersLimit)
                return;
            if (!firsts.TryGetValue(updater.ApiVersion, out var bucket))
            {
                firsts.Add(updater.ApiVersion, updater);
                continue;
            }
            _entries.Remove(bucket.Identity);
            _entries.Remove(updater.Identity);
            bucket = new ManagerEntry(OldUpdates, false, updater.ApiVersion, "", updater.Time, bucket.Fields.Union(updater.Fields));
            Put(bucket);
            firsts[updater.ApiVersion] = bucket;
            count--;
        }
    }

    /// <summary>Puts the record into a document, in the order in which Kubernetes writes it.</summary>
    public void WriteTo(JsonObject document)
    {
        if (document["metadata"] is not JsonObject metadata)
        {
            if (IsEmpty)
                return;
            document["metadata"] = metadata = [];
        }
        metadata.Remove("managedFields");
        if (IsEmpty)
            return;
        var entries = _entries.Values.ToList();
        entries.Sort(ManagerEntry.CompareForWriting);
        metadata["managedFields"] = new JsonArray([.. entries.Select(entry => entry.ToJson())]);
    }
}
