using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api.Patches;

namespace Orchestrator.Api.ManagedFields;

/// <summary>Puts what a client says about an object onto the object, minding whose fields are whose.</summary>
/// <remarks>
/// What is applied is the applier's. What it applied before and no longer says goes, if nobody else owns it. What would change a field
/// of somebody else is a conflict, unless the applier insists. Equal values make both owners.
/// </remarks>
public static class ServerSideApply
{
    /// <summary>The owner of what stood in an object before anybody's fields were recorded.</summary>
    private const string BeforeFirstApply = "before-first-apply";

    /// <summary>The one applier that takes over from client-side apply, which it is the successor of.</summary>
    private const string Kubectl = "kubectl";

    /// <param name="live">The object as it is stored; null if there is none.</param>
    /// <param name="applied">What the client says; left alone.</param>
    /// <param name="manager">The request's field manager.</param>
    /// <param name="force">Take fields from others instead of refusing.</param>
    /// <returns>The object with its managed fields recorded, before defaults and admission. It equals <paramref name="live"/> if
    /// nothing was said that is new.</returns>
    /// <exception cref="ApiException">409 with a cause for each conflict; 400 or 500 for what cannot be applied.</exception>
    public static JsonObject Apply(JsonObject? live, JsonObject applied, string manager, bool force, DateTimeOffset now, Schema schema) =>
        Apply(live, applied, manager, force, now, schema, subresource: "");

    /// <inheritdoc cref="Apply(JsonObject?, JsonObject, string, bool, DateTimeOffset, Schema)"/>
    /// <param name="subresource">The subresource that is applied to; empty for none.</param>
    public static JsonObject Apply(JsonObject? live, JsonObject applied, string manager, bool force, DateTimeOffset now, Schema schema,
        string subresource)
    {
        Check(live, applied, schema);
        var managers = FieldManagers.Read(live);
        if (live is not null && managers.IsEmpty)
            ManagedFieldsUpdater.Record(managers, [], live, BeforeFirstApply, "", now, schema);
        var apply = new Attempt(live ?? EmptyOf(applied), applied, FieldType.Of(schema), UnmanagedFields.ResetBy(subresource, schema));
        var identity = new ManagerIdentity(manager, true, "", subresource);

        var merged = apply.Merge(managers, identity);
        var comparison = FieldComparison.Of(apply.Live, merged, apply.Type);
        var conflicts = FindConflicts(managers, identity, comparison.Without(apply.Reset));
        if (!force && !conflicts.IsEmpty)
            Refuse(conflicts, manager, apply);

        TypedDocument.DropNulls(merged);
        // The order of items counts here, though nobody owns it.
        bool isSame = live is not null && JsonEquality.AreEqual(WithoutRecord(live), merged);
        RecordApplier(managers, identity, apply, comparison, isSame, now);
        managers.WriteTo(merged);
        if (manager == Kubectl)
            LastApplied.Renew(merged, applied);
        return merged;
    }

    private static void Check(JsonObject? live, JsonObject applied, Schema schema)
    {
        if (applied["metadata"] is JsonObject metadata && metadata["managedFields"] is not null)
            throw ApiErrors.BadRequest("metadata.managedFields must be nil");
        string version = TextOf(applied["apiVersion"]);
        string expected = TextOf(live?["apiVersion"]);
        if (expected.Length > 0 && version != expected)
        {
            throw ApiErrors.BadRequest(
                $"Incorrect version specified in apply patch. Specified patch version: {version}, expected: {expected}");
        }
        var errors = TypedDocument.Errors(applied, FieldType.Of(schema));
        if (errors.Count > 0)
            throw PatchErrors.Unclassified($"failed to create typed patch object ({Describe(applied)}): {Join(errors)}");
    }

    private static string Join(IReadOnlyList<string> errors) =>
        errors.Count == 1 ? errors[0] : "errors:\n" + string.Join('\n', errors.Select(error => "  " + error));

    /// <summary>As Kubernetes names an object in errors: <c>default/web; apps/v1, Kind=Deployment</c>.</summary>
    private static string Describe(JsonObject document)
    {
        var metadata = document["metadata"] as JsonObject;
        string version = TextOf(document["apiVersion"]);
        if (!version.Contains('/', StringComparison.Ordinal))
            version = "/" + version;
        return $"{TextOf(metadata?["namespace"])}/{TextOf(metadata?["name"])}; {version}, Kind={TextOf(document["kind"])}";
    }

    private static JsonObject EmptyOf(JsonObject applied) =>
        new() { ["apiVersion"] = applied["apiVersion"]?.DeepClone(), ["kind"] = applied["kind"]?.DeepClone() };

    private static ApplyConflicts FindConflicts(FieldManagers managers, ManagerIdentity applier, FieldComparison comparison)
    {
        var conflicts = new ApplyConflicts();
        foreach (var other in managers.Entries.Where(entry => entry.Identity != applier))
            conflicts.Add(other, other.Fields.Intersect(comparison.Changed));
        return conflicts;
    }

    /// <summary>Conflicts over what kubectl itself wrote by client-side apply are none.</summary>
    private static void Refuse(ApplyConflicts conflicts, string manager, Attempt apply)
    {
        if (manager == Kubectl && LastApplied.UnchangedFields(apply.Live, apply.Type) is { } allowed)
            conflicts = conflicts.Without(allowed);
        if (!conflicts.IsEmpty)
            throw conflicts.ToException();
    }

    private static JsonObject WithoutRecord(JsonObject document)
    {
        var copy = (JsonObject)document.DeepClone();
        (copy["metadata"] as JsonObject)?.Remove("managedFields");
        return copy;
    }

    private static void RecordApplier(FieldManagers managers, ManagerIdentity identity, Attempt apply, FieldComparison comparison,
        bool isSame, DateTimeOffset now)
    {
        var effective = comparison.Without(apply.Reset);
        managers.TakeFromOthers(identity, effective.Changed.Union(effective.Removed));
        var fields = apply.Claimed.Except(UnmanagedFields.Always);
        var previous = managers.Find(identity);
        bool isAsBefore = isSame && previous is not null && previous.Fields.Equals(fields);
        managers.Put(new ManagerEntry(identity.Manager, true, TextOf(apply.Applied["apiVersion"]), identity.Subresource,
            isAsBefore ? previous!.Time : now, fields));
    }

    private static string TextOf(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";

    /// <summary>One apply: the object, what is said of it, and what that claims.</summary>
    private sealed class Attempt(JsonObject live, JsonObject applied, FieldType type, FieldSet reset)
    {
        public JsonObject Live => live;

        public JsonObject Applied => applied;

        public FieldType Type => type;

        public FieldSet Reset => reset;

        public FieldSet Claimed { get; } = TypedDocument.FieldsOf(applied, type).ExceptRecursively(reset);

        public JsonObject Merge(FieldManagers managers, ManagerIdentity applier)
        {
            var merged = TypedDocument.Merge(live, applied, type);
            if (merged["metadata"] is JsonObject metadata)
                metadata.Remove("managedFields");
            if (managers.Find(applier) is { } last)
                merged = Prune(merged, last.Fields, managers, applier);
            return merged;
        }

        /// <summary>Takes out what was applied last time, and not this time, and is nobody else's.</summary>
        private JsonObject Prune(JsonObject merged, FieldSet last, FieldManagers managers, ManagerIdentity applier)
        {
            last = last.WithNamedFields(type);
            var others = managers.Entries.Where(entry => entry.Identity != applier)
                .Aggregate(Claimed, (all, entry) => all.Union(entry.Fields)).WithNamedFields(type);
            var all = TypedDocument.FieldsOf(merged, type).WithNamedFields(type);

            var pruned = TypedDocument.Without(merged, last, type);
            var kept = TypedDocument.FieldsOf(pruned, type).WithNamedFields(type);
            pruned = TypedDocument.Without(merged, all.Except(kept.Union(others)), type);
            // What went with its container though the applier never had it comes back.
            kept = TypedDocument.FieldsOf(pruned, type).WithNamedFields(type);
            return TypedDocument.Without(merged, all.Except(kept).Intersect(last), type);
        }
    }
}
