using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>The form of the answer that a request's Accept header asks for; always JSON.</summary>
/// <param name="MetaVersion">Of the Table or PartialObjectMetadata: v1 or v1beta1.</param>
internal readonly record struct AnswerForm(ObjectForm Form, string MetaVersion)
{
    public static AnswerForm Full { get; } = new(ObjectForm.Full, "v1");

    public bool IsTable => Form is ObjectForm.Table or ObjectForm.TableWithObject or ObjectForm.TableWithoutObject;
}

internal static class MediaTypes
{
    public const string Json = "application/json";
    public const string Yaml = "application/yaml";
    public const string Protobuf = "application/vnd.kubernetes.protobuf";

    /// <summary>The first clause that can be served counts; quality values do not, as in Kubernetes.</summary>
    /// <exception cref="ApiException">406 if none can be.</exception>
    public static AnswerForm Negotiate(HttpRequest request, bool allowsTransforms)
    {
        string accept = request.Headers.Accept.ToString();
        if (accept.Length == 0)
            return AnswerForm.Full;
        foreach (string clause in accept.Split(','))
        {
            if (Read(request, clause, allowsTransforms) is { } form)
                return form;
        }

        throw ApiErrors.NotAcceptable([Json, Yaml, Protobuf]);
    }

    private static AnswerForm? Read(HttpRequest request, string clause, bool allowsTransforms)
    {
        var parts = clause.Split(';', StringSplitOptions.TrimEntries);
        if (parts[0] is not (Json or "application/*" or "*/*"))
            return null;
        string? form = null;
        string version = "v1";
        string group = "";
        foreach (string parameter in parts.AsSpan(1))
        {
            if (parameter.StartsWith("as=", StringComparison.Ordinal))
                form = parameter[3..];
            else if (parameter.StartsWith("v=", StringComparison.Ordinal))
                version = parameter[2..];
            else if (parameter.StartsWith("g=", StringComparison.Ordinal))
                group = parameter[2..];
        }

        if (form is null)
            return AnswerForm.Full;
        if (!allowsTransforms || group != "meta.k8s.io" || version is not ("v1" or "v1beta1"))
            return null;
        return form switch
        {
            "Table" => new AnswerForm(TableForm(request), version),
            "PartialObjectMetadata" or "PartialObjectMetadataList" => new AnswerForm(ObjectForm.PartialMetadata, version),
            _ => null,
        };
    }

    private static ObjectForm TableForm(HttpRequest request) => QueryOptions.Text(request.Query, "includeObject") switch
    {
        "" or "Metadata" => ObjectForm.Table,
        "Object" => ObjectForm.TableWithObject,
        "None" => ObjectForm.TableWithoutObject,
        var other => throw ApiErrors.BadRequest($"unrecognized includeObject value: \"{other}\""),
    };
}
