using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>What PUT and PATCH see and change: a resource itself, or one of its subresources.</summary>
internal interface IUpdateTarget
{
    /// <summary>Of the bodies.</summary>
    GroupVersionKind Kind { get; }

    /// <summary>Empty for the resource itself.</summary>
    string Subresource { get; }

    bool AllowsCreate { get; }

    /// <summary>The document as it is served, which a patch is applied to.</summary>
    JsonObject Show(StoredObject current);

    /// <summary>A body's JSON as an object of <see cref="Kind"/>, checked and defaulted.</summary>
    IKubernetesObject Decode(byte[] json, Requests.FieldValidation validation, List<string> warnings);

    /// <summary>What is to be stored, in the stored version.</summary>
    /// <param name="current">Null for what does not exist; not to be changed.</param>
    /// <param name="sent">What <see cref="Decode"/> gave; may be changed.</param>
    IKubernetesObject Merge(IKubernetesObject? current, IKubernetesObject sent, DateTimeOffset now);

    IReadOnlyList<FieldError> Validate(IKubernetesObject updated, IKubernetesObject current);

    /// <summary>The answer's body.</summary>
    byte[] Answer(StoredObject stored, ObjectForm form);
}
