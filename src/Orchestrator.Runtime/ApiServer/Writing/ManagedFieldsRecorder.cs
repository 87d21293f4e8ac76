using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.ManagedFields;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>Notes in metadata.managedFields who wrote which fields.</summary>
internal static class ManagedFieldsRecorder
{
    private const string Metadata = "metadata";

    /// <summary>What every document says of itself, and where the record stands.</summary>
    private static readonly string[] Head = ["apiVersion", "kind", Metadata];

    /// <param name="live">Null for a create.</param>
    /// <param name="updated">What is to be stored, but for the record.</param>
    /// <returns>The document to store.</returns>
    public static byte[] Record(WriteContext context, StoredObject? live, byte[] updated, DateTimeOffset now)
    {
        if (IsExempt(context.View) || SchemaSet.Kubernetes.FindForKind(context.Stored.Description.Kind) is not { } schema)
            return updated;
        // Most writes leave most of an object as it is: what has the same text on both sides needs no comparison.
        var members = JsonMembers.Of(updated);
        JsonObject? before = null;
        JsonObject after;
        if (live is null)
        {
            after = JsonBytes.ParseObject(updated);
        }
        else
        {
            var liveMembers = JsonMembers.Of(live.Json);
            before = JsonBytes.ParseObject(liveMembers.Without(members, Head));
            (before[Metadata] as JsonObject)?.Remove("resourceVersion");
            after = JsonBytes.ParseObject(members.Without(liveMembers, Head));
        }

        ManagedFieldsUpdater.Update(before, after, context.FieldManager, context.Subresource, now, schema);
        if (before is not null)
            ManagedFieldsUpdater.KeepTimesIfNothingChanged(before, after);
        if (after[Metadata] is not { } metadata || members.PlaceOf(Metadata) is not { } place)
            return JsonBytes.Of(after);
        return [.. updated.AsSpan(..place.Start.Value), .. JsonBytes.Of(metadata), .. updated.AsSpan(place.End)];
    }

    /// <summary>They come and go, and nobody applies them.</summary>
    private static bool IsExempt(ResourceView view) => view.Description.Plural is "events";
}
