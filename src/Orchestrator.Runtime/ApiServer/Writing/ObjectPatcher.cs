using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.Decoding;
using Orchestrator.Api.ManagedFields;
using Orchestrator.Api.Patches;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>Patches of all four kinds, as updates of what they make of the current state.</summary>
internal sealed class ObjectPatcher(ObjectUpdater updater, TimeProvider clock)
{
    public const string JsonPatchType = "application/json-patch+json";
    public const string MergePatchType = "application/merge-patch+json";
    public const string StrategicMergePatchType = "application/strategic-merge-patch+json";
    public const string ApplyPatchType = "application/apply-patch+yaml";

    private const int BadRequestCode = 400;

    private static readonly string[] Types = [JsonPatchType, MergePatchType, ApplyPatchType, StrategicMergePatchType];

    /// <exception cref="ApiException">400, 409, 415, 422, ...</exception>
    public Task<(StoredObject State, bool IsCreated)> PatchAsync(
        WriteContext context, IUpdateTarget target, string mediaType, byte[] patch, WriteOptions options,
        CancellationToken cancellationToken)
    {
        if (!Types.Contains(mediaType))
            throw ApiErrors.UnsupportedMediaType(Types);
        if (options.IsForced && mediaType != ApplyPatchType)
            throw InvalidOptions(FieldError.Forbidden(FieldPath.Of("force"), "may not be specified for non-apply patch"));
        if (mediaType == ApplyPatchType)
            return ApplyAsync(context, target, patch, options, cancellationToken);
        var schema = SchemaSet.Kubernetes.FindForKind(target.Kind);
        var work = new PatchOf(target, mediaType, patch, schema);
        if (mediaType != JsonPatchType && schema is not null)
            CheckDuplicates(patch, schema, options, context);
        // Patches do not create.
        return updater.UpdateAsync(
            context, target, current => current is null
                ? throw ApiErrors.NotFound(context.View.GroupResource, context.Name)
                : new Proposal(context.CheckAddress(Decode(target, work.Apply(current), options, context))),
            cancellationToken);
    }

    /// <summary>What comes twice is seen in the patch alone; fields that nobody knows are seen in what it makes.</summary>
    private static void CheckDuplicates(byte[] patch, Schema schema, WriteOptions options, WriteContext context)
    {
        if (options.FieldValidation == FieldValidation.Ignore)
            return;
        var duplicates = StrictDecoder.Check(patch, schema).Where(fault => fault.StartsWith("duplicate field ", StringComparison.Ordinal)).ToList();
        if (duplicates.Count > 0 && options.FieldValidation == FieldValidation.Strict)
        {
            throw ApiErrors.Invalid(new GroupKind("", ""), "",
                [FieldError.Invalid(FieldPath.Of("patch"), Encoding.UTF8.GetString(patch), "strict decoding error: " + string.Join(", ", duplicates))]);
        }

        context.Warnings.AddRange(duplicates);
    }

    /// <summary>Of equal keys the last one counts, as with Kubernetes.</summary>
    /// <exception cref="JsonException">It is no JSON object.</exception>
    private static JsonObject ParseObject(byte[] json) =>
        JsonText.Parse(json) as JsonObject ?? throw new JsonException("expected a JSON object");

    private Task<(StoredObject State, bool IsCreated)> ApplyAsync(
        WriteContext context, IUpdateTarget target, byte[] patch, WriteOptions options, CancellationToken cancellationToken)
    {
        if (options.FieldManager.Length == 0)
            throw InvalidOptions(FieldError.Required(FieldPath.Of("fieldManager"), "is required for apply patch"));
        var applied = ParseApplied(context, target, patch, options);
        var schema = SchemaSet.Kubernetes.ForKind(target.Kind);
        var creating = new CreatingTarget(target);
        return updater.UpdateAsync(
            context, target.Subresource.Length == 0 ? creating : target, current =>
            {
                var live = current is null ? null : target.Show(current);
                var merged = ServerSideApply.Apply(
                    live, applied, options.FieldManager, options.IsForced, clock.GetUtcNow(), schema, target.Subresource);
                return new Proposal(
                    context.CheckAddress(target.Decode(JsonBytes.Of(merged), FieldValidation.Ignore, context.Warnings)),
                    HasManagedFields: true);
            },
            cancellationToken);
    }

    private static ApiException InvalidOptions(FieldError error) =>
        ApiErrors.Invalid(new GroupKind("meta.k8s.io", "PatchOptions"), "", [error]);

    private static JsonObject ParseApplied(WriteContext context, IUpdateTarget target, byte[] patch, WriteOptions options)
    {
        JsonObject applied;
        try
        {
            // JSON is YAML, nearly; what begins like JSON is read as such.
            byte[] json = patch.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..] ? patch : YamlText.ToJson(patch);
            target.Decode(json, options.FieldValidation, context.Warnings);
            applied = ParseObject(json);
        }
        catch (JsonException exception)
        {
            throw ApiErrors.BadRequest($"error decoding YAML: {exception.Message}");
        }

        if (applied["apiVersion"] is null)
            throw ApiErrors.BadRequest("invalid object type: apiVersion is missing");
        return applied;
    }

    private static IKubernetesObject Decode(IUpdateTarget target, JsonNode? patched, WriteOptions options, WriteContext context)
    {
        if (patched is not JsonObject document)
            throw ApiErrors.BadRequest("the patched document is no object");
        var warnings = new List<string>();
        try
        {
            return target.Decode(JsonBytes.Of(document), options.FieldValidation, warnings);
        }
        catch (ApiException exception) when (exception.Code == BadRequestCode)
        {
            // What the patch made is no such object: the patch is well-formed and can not be processed.
            throw ApiErrors.Invalid(
                new GroupKind("", ""), "", [FieldError.Invalid(FieldPath.Of("patch"), document.ToJsonString(), Reason(exception, target))]);
        }
        finally
        {
            context.Warnings.AddRange(warnings.Except(context.Warnings).ToList());
        }
    }

    private static string Reason(ApiException exception, IUpdateTarget target)
    {
        string prefix = $"{target.Kind.Kind} in version \"{target.Kind.Version}\" cannot be handled as a {target.Kind.Kind}: ";
        return exception.Message.StartsWith(prefix, StringComparison.Ordinal) ? exception.Message[prefix.Length..] : exception.Message;
    }

    /// <summary>A patch, parsed once, that is applied to whatever state it meets.</summary>
    private sealed class PatchOf
    {
        private readonly IUpdateTarget _target;
        private readonly string _mediaType;
        private readonly byte[] _patch;
        private readonly Schema? _schema;
        private readonly JsonObject? _document;

        public PatchOf(IUpdateTarget target, string mediaType, byte[] patch, Schema? schema)
        {
            _target = target;
            _mediaType = mediaType;
            _patch = patch;
            _schema = schema;
            if (mediaType == JsonPatchType)
                return;
            try
            {
                _document = ParseObject(patch);
            }
            catch (JsonException exception)
            {
                throw ApiErrors.BadRequest($"error decoding patch: {exception.Message}");
            }
        }

        public JsonNode? Apply(StoredObject current)
        {
            var document = _target.Show(current);
            return _mediaType switch
            {
                JsonPatchType => JsonPatch.Apply(document, _patch),
                MergePatchType => MergePatch.Apply(document, _document!.DeepClone()),
                _ => StrategicMergePatch.Apply(
                    document, (JsonObject)_document!.DeepClone(),
                    _schema ?? throw ApiErrors.UnsupportedMediaType([JsonPatchType, MergePatchType])),
            };
        }
    }

    /// <summary>An apply creates what is not there.</summary>
    private sealed class CreatingTarget(IUpdateTarget target) : IUpdateTarget
    {
        public GroupVersionKind Kind => target.Kind;

        public string Subresource => target.Subresource;

        public bool AllowsCreate => true;

        public JsonObject Show(StoredObject current) => target.Show(current);

        public IKubernetesObject Decode(byte[] json, FieldValidation validation, List<string> warnings) =>
            target.Decode(json, validation, warnings);

        public IKubernetesObject Merge(IKubernetesObject? current, IKubernetesObject sent, DateTimeOffset now) =>
            target.Merge(current, sent, now);

        public IReadOnlyList<FieldError> Validate(IKubernetesObject updated, IKubernetesObject current) =>
            target.Validate(updated, current);

        public byte[] Answer(StoredObject stored, ObjectForm form) => target.Answer(stored, form);
    }
}
