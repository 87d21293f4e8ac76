using System.Text.Json;
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

    public List<string> Warnings { get; init; } = [];

    public StoredResource Stored => View.Stored!;

    public string Key => Stored.KeyOf(Namespace, Name);
}
