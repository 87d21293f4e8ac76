using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.Validation;

using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>The resource itself, or a subresource whose bodies are the whole object: status, finalize, approval,
/// ephemeralcontainers, resize.</summary>
internal sealed class ResourceTarget(ResourceView view, string subresource = "") : IUpdateTarget
{
    public GroupVersionKind Kind => view.Kind;

    public string Subresource => subresource;

    public bool AllowsCreate => subresource.Length == 0 && view.Stored!.Strategy.AllowsCreateOnUpdate;

    public JsonObject Show(StoredObject current) => JsonBytes.ParseObject(view.Encode(current, ObjectForm.Full));

    public IKubernetesObject Decode(byte[] json, FieldValidation validation, List<string> warnings) =>
        ObjectDecoder.DecodeForStore(json, view, validation, warnings);

    public IKubernetesObject Merge(IKubernetesObject? current, IKubernetesObject sent, DateTimeOffset now)
    {
        if (current is null)
            return sent;
        var strategy = view.Stored!.Strategy;
        // Rules look at the stored object and must not change it by accident: it is the caller's own copy.
        if (subresource.Length == 0)
            strategy.PrepareForUpdate(sent, current);
        else
            strategy.PrepareForSubresourceUpdate(subresource, sent, current, now);
        return sent;
    }

    public IReadOnlyList<FieldError> Validate(IKubernetesObject updated, IKubernetesObject current) => subresource switch
    {
        "" => Validator.ValidateUpdate(updated, current),
        "status" => Validator.ValidateStatusUpdate(updated, current),
        _ => Validator.ValidateSubresourceUpdate(subresource, updated, current),
    };

    public byte[] Answer(StoredObject stored, ObjectForm form) => view.Encode(stored, form);
}
