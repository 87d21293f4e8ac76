using System.Text.Json.Nodes;
using Orchestrator.Api.Patches;

namespace Orchestrator.Api.ManagedFields;

/// <summary>Records who owns which fields when an object is written by other ways than server-side apply.</summary>
public static class ManagedFieldsUpdater
{
    private const string NamelessManager = "unknown";

    /// <summary>
    /// Writes <c>metadata.managedFields</c> of <paramref name="updated"/>: what the request changed or added is its manager's alone,
    /// what it removed is nobody's.
    /// </summary>
    /// <param name="live">The object as it stood before; null if it is new.</param>
    /// <param name="updated">The object as it will be stored, defaults included; changed in place.</param>
    /// <param name="manager">The request's field manager, or its user agent up to the first slash.</param>
    /// <param name="subresource">The subresource that the request went to; empty for none.</param>
    public static void Update(JsonObject? live, JsonObject updated, string manager, string subresource, DateTimeOffset now, Schema schema)
    {
        var managers = FieldManagers.ReadForUpdate(live, updated, subresource.Length > 0);
        Record(managers, live ?? [], updated, manager, subresource, now, schema);
        managers.LimitUpdaters();
        managers.WriteTo(updated);
    }

    /// <summary>
    /// Gives a document that differs from the stored one in nothing but its entries' times the old times back: what changes nothing
    /// is not written.
    /// </summary>
    public static void KeepTimesIfNothingChanged(JsonObject live, JsonObject updated)
    {
        if (live["metadata"] is not JsonObject before || updated["metadata"] is not JsonObject after)
            return;
        if (before["managedFields"] is not JsonArray entries || after["managedFields"] is not JsonArray renewed)
            return;
        bool isSame = entries.Count == renewed.Count
            && entries.Zip(renewed).All(pair => AreEqualBut("time", pair.First as JsonObject, pair.Second as JsonObject))
            && AreEqualBut("managedFields", before, after)
            && AreEqualBut("metadata", live, updated);
        if (isSame)
            after["managedFields"] = entries.DeepClone();
    }

    internal static void Record(FieldManagers managers, JsonObject live, JsonObject updated, string manager, string subresource,
        DateTimeOffset now, Schema schema)
    {
        string apiVersion = (updated["apiVersion"] ?? live["apiVersion"])?.ToString() ?? "";
        var reset = UnmanagedFields.ResetBy(subresource, schema);
        var comparison = FieldComparison.Of(live, updated, FieldType.Of(schema));

        var effective = comparison.Without(reset);
        if (!effective.IsSame)
            managers.TakeFromOthers(except: null, effective.Changed.Union(effective.Removed));
        var taken = comparison.Changed.Except(comparison.Removed).ExceptRecursively(reset).Except(UnmanagedFields.Always);
        if (taken.IsEmpty)
            return;
        var entry = new ManagerEntry(manager.Length == 0 ? NamelessManager : manager, false, apiVersion, subresource, now, taken);
        var previous = managers.Find(entry.Identity);
        managers.Put(previous is null ? entry : entry.With(taken.Union(previous.Fields)));
    }

    private static bool AreEqualBut(string member, JsonObject? a, JsonObject? b)
    {
        if (a is null || b is null || a.Count != b.Count)
            return false;
        foreach (var (key, value) in a)
        {
            bool isEqual = b.TryGetPropertyValue(key, out var other) && (key == member || JsonEquality.AreEqual(value, other));
            if (!isEqual)
                return false;
        }
        return true;
    }
}
