using System.Text.Json.Nodes;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>Between the version of a resource that is stored and another one that is served.</summary>
internal interface IVersionConversion
{
    JsonObject ToServed(JsonObject stored);

    JsonObject ToStored(JsonObject served);

    /// <summary>A selectable field's name in the stored version.</summary>
    string ToStoredField(string field) => field;
}
