using System.Text.Json.Nodes;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>Notes in metadata.managedFields who wrote which fields.</summary>
internal static class ManagedFieldsRecorder
{
    /// <summary>Kubernetes notes no owners for these: they come and go, and nobody applies them.</summary>
    private static bool IsExempt(ResourceView view) => view.Description.Plural is "events";

    /// <param name="live">Null for a create; is not changed.</param>
    /// <param name="updated">What is to be stored; is changed.</param>
    /// <returns>The document to store.</returns>
    public static byte[] Record(WriteContext context, JsonObject? live, JsonObject updated, DateTimeOffset now)
    {
        return JsonBytes.Bytes(updated);
    }
}
