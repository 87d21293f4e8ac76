using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Api.Decoding;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>How to delete: from the body (JSON or protobuf), else from the query.</summary>
internal sealed record DeleteOptions
{
    public const string IgnoresReadErrorField = "ignoreStoreReadErrorWithClusterBreakingPotential";

    public long? GracePeriodSeconds { get; init; }

    public string? Uid { get; init; }

    public string? ResourceVersion { get; init; }

    /// <summary>The old way to say Orphan or Background.</summary>
    public bool? OrphanDependents { get; init; }

    /// <summary>Orphan, Background, Foreground; null for the resource's default.</summary>
    public string? PropagationPolicy { get; init; }

    public bool IsDryRun { get; init; }

    /// <summary>Deletes what can not be read, and nothing else.</summary>
    public bool IgnoresReadError { get; init; }

    public JsonElement? Json { get; init; }

    /// <exception cref="ApiException">400, 415, 422.</exception>
    public static async Task<DeleteOptions> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        byte[] body = await BodyReader.ReadAsync(request, cancellationToken).ConfigureAwait(false);
        var errors = new List<FieldError>();
        var options = body.Length > 0 ? FromBody(request, body, errors) : FromQuery(request.Query);
        // A dry run in the query counts beside a body, too: nobody means to delete for good who asks for one.
        bool isDryRun = WriteOptions.ReadDryRun(request.Query["dryRun"].Select(value => value ?? ""), errors);
        options = options with { IsDryRun = options.IsDryRun || isDryRun };
        Validate(options, errors);
        return errors.Count == 0
            ? options
            : throw ApiErrors.Invalid(new GroupKind("meta.k8s.io", "DeleteOptions"), "", errors);
    }

    private static DeleteOptions FromBody(HttpRequest request, byte[] body, List<FieldError> errors)
    {
        try
        {
            byte[] json = ObjectDecoder.MediaTypeOf(request) switch
            {
                MediaTypes.Protobuf => ProtobufDecoder.ToJson(body, out _),
                MediaTypes.Yaml => YamlText.ToJson(body),
                "" or MediaTypes.Json => BodyText.Repaired(body),
                var other => throw ApiErrors.UnsupportedMediaType([MediaTypes.Json, MediaTypes.Yaml, MediaTypes.Protobuf]),
            };
            return FromJson(json, errors);
        }
        catch (JsonException exception)
        {
            throw ApiErrors.BadRequest(exception.Message);
        }
    }

    /// <exception cref="JsonException">A value does not fit its field: what was meant by it is not to be guessed, where it might be a
    /// dry run.</exception>
    private static DeleteOptions FromJson(byte[] json, List<FieldError> errors)
    {
        var sent = KubernetesJson.Deserialize<Api.MetaV1.DeleteOptions>(json);
        if (sent.Kind is not (null or "" or "DeleteOptions"))
            throw ApiErrors.BadRequest($"no kind \"{sent.Kind}\" is registered for version \"{sent.ApiVersion}\": expected DeleteOptions");
        return new DeleteOptions
        {
            GracePeriodSeconds = sent.GracePeriodSeconds,
            Uid = sent.Preconditions?.Uid,
            ResourceVersion = sent.Preconditions?.ResourceVersion,
            OrphanDependents = sent.OrphanDependents,
            PropagationPolicy = sent.PropagationPolicy,
            IsDryRun = WriteOptions.ReadDryRun(sent.DryRun.OrEmpty(), errors),
            IgnoresReadError = sent.IgnoreStoreReadErrorWithClusterBreakingPotential == true,
            Json = JsonSerializer.SerializeToElement(JsonBytes.ParseObject(json)),
        };
    }

    private static DeleteOptions FromQuery(IQueryCollection query)
    {
        string policy = QueryOptions.Text(query, "propagationPolicy");
        string uid = QueryOptions.Text(query, "preconditions.uid");
        string revision = QueryOptions.Text(query, "preconditions.resourceVersion");
        return new DeleteOptions
        {
            GracePeriodSeconds = QueryOptions.Number(query, "gracePeriodSeconds"),
            Uid = uid.Length > 0 ? uid : null,
            ResourceVersion = revision.Length > 0 ? revision : null,
            OrphanDependents = query.ContainsKey("orphanDependents") ? QueryOptions.Flag(query, "orphanDependents") : null,
            PropagationPolicy = policy.Length > 0 ? policy : null,
            IgnoresReadError = QueryOptions.Flag(query, IgnoresReadErrorField),
        };
    }

    private static void Validate(DeleteOptions options, List<FieldError> errors)
    {
        var policy = FieldPath.Root.Child("propagationPolicy");
        if (options.PropagationPolicy is not null && options.OrphanDependents is not null)
            errors.Add(FieldError.Invalid(
                policy, options.PropagationPolicy, "orphanDependents and deletionPropagation cannot be both set"));
        if (options.PropagationPolicy is not (null or "Orphan" or "Background" or "Foreground"))
            errors.Add(FieldError.NotSupported(policy, options.PropagationPolicy, ["Background", "Foreground", "Orphan", ""]));
        if (!options.IgnoresReadError)
            return;
        var ignore = FieldPath.Root.Child(IgnoresReadErrorField);
        Refuse(options.IsDryRun, "dryRun");
        Refuse(options.PropagationPolicy is not null, "propagationPolicy");
        Refuse(options.OrphanDependents is not null, "orphanDependents");
        Refuse(options.GracePeriodSeconds is not null, "gracePeriodSeconds");
        Refuse(options.Uid is not null || options.ResourceVersion is not null, "preconditions");

        void Refuse(bool isSet, string other)
        {
            if (isSet)
                errors.Add(FieldError.Invalid(ignore, true, $"cannot be set together with .{other}"));
        }
    }
}
