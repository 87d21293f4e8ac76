using System.Text.Json;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>What the steps of one write have to know of the request.</summary>
internal sealed record WriteContext
{
    public required ResourceView View { get; init; }

    /// <summary>Empty for cluster-scoped resources.</summary>
    public required string Namespace { get; init; }

    /// <summary>From the path; empty where the object says it, or the server chooses it.</summary>
    public required string Name { get; init; }

    public required UserInfo User { get; init; }

    public string Subresource { get; init; } = "";

    public bool IsDryRun { get; init; }

    /// <summary>Of the fields that are written.</summary>
    public string FieldManager { get; init; } = "orchestrator";

    /// <summary>The server's own writes pass by admission.</summary>
    public bool SkipsAdmission { get; init; }

    public JsonElement? Options { get; init; }

    /// <summary>Asked before an update or an apply creates what is not there: who may change may not therefore create. Null: they may.</summary>
    public Func<CancellationToken, ValueTask>? CheckCreate { get; init; }

    public List<string> Warnings { get; init; } = [];

    public StoredResource Stored => View.Stored!;

    /// <summary>Events go by themselves after a while.</summary>
    public bool IsEvent => Stored.Description.Plural == "events";

    public string Key => Stored.KeyOf(Namespace, Name);

    /// <summary>What is sent for an object must be that object; its namespace may be left out.</summary>
    /// <exception cref="ApiException">400: its name or namespace is another than the path's.</exception>
    public IKubernetesObject CheckAddress(IKubernetesObject sent)
    {
        if (Namespace.Length == 0 || sent.Namespace.Length == 0)
            sent.Metadata.Namespace = Namespace.Length == 0 ? null : Namespace;
        else if (sent.Namespace != Namespace)
            throw ApiErrors.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        if (sent.Name.Length == 0)
            throw ApiErrors.BadRequest($"the name of the object ({Name} based on URL) was undeterminable: name must be provided");
        if (sent.Name != Name)
            throw ApiErrors.BadRequest($"the name of the object ({sent.Name}) does not match the name on the URL ({Name})");
        return sent;
    }
}
