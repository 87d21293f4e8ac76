using System.Text.Json;
using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer;

public enum AdmissionOperation
{
    Create,
    Update,
    Delete,

    /// <summary>exec, attach, portforward, proxy, log.</summary>
    Connect,
}

/// <summary>A write that is about to be made.</summary>
public sealed class AdmissionRequest
{
    public required AdmissionOperation Operation { get; init; }

    public required GroupVersionResource Resource { get; init; }

    /// <summary>Of the object in the request: <c>policy/v1, Kind=Eviction</c> for pods/eviction.</summary>
    public required GroupVersionKind Kind { get; init; }

    /// <summary>Empty for the resource itself.</summary>
    public required string Subresource { get; init; }

    /// <summary>Empty for cluster-scoped resources.</summary>
    public required string Namespace { get; init; }

    /// <summary>Empty while a name is still to be generated.</summary>
    public required string Name { get; init; }

    /// <summary>What is to be stored; null for deletes and connects. Defaulted, not yet validated.</summary>
    public IKubernetesObject? Object { get; init; }

    /// <summary>What is stored now; null for creates. Not to be changed.</summary>
    public IKubernetesObject? OldObject { get; init; }

    public required UserInfo User { get; init; }

    public bool IsDryRun { get; init; }

    /// <summary>CreateOptions, UpdateOptions, PatchOptions, DeleteOptions as sent; null if there are none.</summary>
    public JsonElement? Options { get; init; }

    public required IObjectReader Objects { get; init; }

    /// <summary>Sent to the client as Warning headers.</summary>
    public List<string> Warnings { get; } = [];

    public bool IsSubresource => Subresource.Length > 0;
}
