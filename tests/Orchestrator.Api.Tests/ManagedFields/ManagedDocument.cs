using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api.ManagedFields;

namespace Orchestrator.Api.Tests.ManagedFields;

/// <summary>One object under the hands of several managers, a second apart.</summary>
internal sealed class ManagedDocument(string kind, string apiVersion = "v1")
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly DateTimeOffset Start = new(2024, 5, 6, 7, 8, 0, TimeSpan.Zero);

    private int _writes;

    public Schema Schema { get; } = SchemaSet.Kubernetes.ForKind(new GroupVersionKind(
        apiVersion.Contains('/') ? apiVersion.Split('/')[0] : "", apiVersion.Split('/')[^1], kind));

    public JsonObject? Live { get; private set; }

    public DateTimeOffset Now => Start.AddSeconds(_writes);

    /// <summary>The object without its record and what every object has.</summary>
    public string Content
    {
        get
        {
            var copy = (JsonObject)Live!.DeepClone();
            copy.Remove("apiVersion");
            copy.Remove("kind");
            var metadata = (JsonObject)copy["metadata"]!;
            metadata.Remove("managedFields");
            metadata.Remove("name");
            if (metadata.Count == 0)
                copy.Remove("metadata");
            return copy.ToJsonString(Plain);
        }
    }

    /// <param name="content">The object, but for its kind and name.</param>
    public ManagedDocument Update(string manager, string content, string subresource = "")
    {
        _writes++;
        var updated = Document(content);
        if (Live is not null)
            ((JsonObject)updated["metadata"]!)["managedFields"] = Live["metadata"]!["managedFields"]?.DeepClone();
        ManagedFieldsUpdater.Update(Live, updated, manager, subresource, Now, Schema);
        Live = updated;
        return this;
    }

    public ManagedDocument Apply(string manager, string content, bool force = false, string subresource = "")
    {
        _writes++;
        Live = ServerSideApply.Apply(Live, Document(content), manager, force, Now, Schema, subresource);
        return this;
    }

    public ManagedDocument Forget()
    {
        ((JsonObject)Live!["metadata"]!).Remove("managedFields");
        return this;
    }

    /// <summary>What a manager owns; null if nothing.</summary>
    public string? FieldsOf(string manager, string operation = "Apply", string subresource = "") =>
        Entry(manager, operation, subresource)?["fieldsV1"]!.ToJsonString(Plain);

    public JsonObject? Entry(string manager, string operation, string subresource = "") =>
        (Live!["metadata"]!["managedFields"] as JsonArray)?.Cast<JsonObject>().SingleOrDefault(entry =>
            (string)entry["manager"]! == manager && (string)entry["operation"]! == operation && ((string?)entry["subresource"] ?? "") == subresource);

    public string[] Managers => [.. (Live!["metadata"]!["managedFields"] as JsonArray ?? []).Select(entry => $"{entry!["manager"]}:{entry["operation"]}")];

    public int SecondsOf(string manager, string operation) =>
        (int)(DateTimeOffset.Parse((string)Entry(manager, operation)!["time"]!, CultureInfo.InvariantCulture) - Start).TotalSeconds;

    private JsonObject Document(string content)
    {
        var document = JsonNode.Parse(content)!.AsObject();
        var metadata = document["metadata"] as JsonObject;
        if (metadata is null)
            document["metadata"] = metadata = [];
        metadata["name"] = "it";
        document["apiVersion"] = apiVersion;
        document["kind"] = kind;
        return document;
    }
}
