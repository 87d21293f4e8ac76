using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.ManagedFields;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>Notes in metadata.managedFields who wrote which fields.</summary>
internal static class ManagedFieldsRecorder
{
    /// <param name="live">Null for a create; is not changed.</param>
    /// <param name="updated">What is to be stored; is changed.</param>
    /// <returns>The document to store.</returns>
    public static byte[] Record(WriteContext context, JsonObject? live, JsonObject updated, DateTimeOffset now)
    {
        if (IsExempt(context.View) || SchemaSet.Kubernetes.FindForKind(context.Stored.Description.Kind) is not { } schema)
            return JsonBytes.Of(updated);
        ManagedFieldsUpdater.Update(live, updated, context.FieldManager, context.Subresource, now, schema);
        if (live is not null)
            ManagedFieldsUpdater.KeepTimesIfNothingChanged(live, updated);
        return JsonBytes.Of(updated);
    }

    /// <summary>They come and go, and nobody applies them.</summary>
    private static bool IsExempt(ResourceView view) => view.Description.Plural is "events";
}
