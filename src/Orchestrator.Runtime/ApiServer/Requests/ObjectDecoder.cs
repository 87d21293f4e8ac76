using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Api.Decoding;
using Orchestrator.Api.Defaulting;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>Bodies to objects: JSON, YAML or protobuf, checked for unknown fields, converted to the stored version,
/// defaulted.</summary>
internal static class ObjectDecoder
{
    private const int SummaryLength = 30;

    /// <summary>The body as JSON of the version that was sent.</summary>
    /// <exception cref="ApiException">400, 413, 415.</exception>
    public static async Task<byte[]> ReadJsonAsync(HttpRequest request, GroupVersionKind expected, CancellationToken cancellationToken)
    {
        byte[] body = await BodyReader.ReadAsync(request, cancellationToken).ConfigureAwait(false);
        string mediaType = MediaTypeOf(request);
        if (mediaType is not ("" or MediaTypes.Json or MediaTypes.Yaml or MediaTypes.Protobuf))
            throw ApiErrors.UnsupportedMediaType([MediaTypes.Json, MediaTypes.Yaml, MediaTypes.Protobuf]);
        try
        {
            return mediaType switch
            {
                MediaTypes.Yaml => YamlText.ToJson(body),
                MediaTypes.Protobuf => ProtobufDecoder.ToJson(body, out _),
                _ => BodyText.Repaired(body),
            };
        }
        catch (JsonException exception)
        {
            throw Unrecognized(expected, exception.Message, body);
        }
    }

    /// <summary>The object of the kind that is expected, in the version that was sent, not defaulted.</summary>
    /// <param name="warnings">Gets what the client asked to be warned of.</param>
    /// <exception cref="ApiException">400 with Kubernetes' texts.</exception>
    public static IKubernetesObject Decode(
        byte[] json, GroupVersionKind expected, FieldValidation validation, List<string> warnings)
    {
        var (apiVersion, kind) = ReadHeader(json, expected);
        if (apiVersion.Length > 0 && apiVersion != expected.ApiVersion)
            throw ApiErrors.BadRequest(
                $"the API version in the data ({apiVersion}) does not match the expected API version ({expected.ApiVersion})");
        if (kind.Length > 0 && kind != expected.Kind)
            throw ApiErrors.BadRequest(
                $"{kind} in version \"{expected.Version}\" cannot be handled as a {expected.Kind}: no kind \"{kind}\" matches the type that is expected here");
        IKubernetesObject value;
        try
        {
            value = KubernetesJson.Deserialize(expected, json);
        }
        catch (JsonException exception)
        {
            throw CannotBeHandled(expected, exception.Message);
        }

        // A value of the wrong type goes before fields that nobody knows.
        CheckFields(json, expected, validation, warnings);
        value.ApiVersion = expected.ApiVersion;
        value.Kind = expected.Kind;
        return value;
    }

    /// <summary>The object as it is to be stored: converted and defaulted.</summary>
    public static IKubernetesObject DecodeForStore(
        byte[] json, ResourceView view, FieldValidation validation, List<string> warnings)
    {
        var value = Decode(json, view.Kind, validation, warnings);
        if (!view.IsStorageVersion)
            value = KubernetesJson.Deserialize(view.Stored!.Description.Kind, view.ToStored(KubernetesJson.Serialize(value)));
        Defaults.Apply(value);
        return value;
    }

    public static string MediaTypeOf(HttpRequest request)
    {
        string type = request.ContentType ?? "";
        int semicolon = type.IndexOf(';', StringComparison.Ordinal);
        return (semicolon < 0 ? type : type[..semicolon]).Trim().ToLowerInvariant();
    }

    private static void CheckFields(byte[] json, GroupVersionKind expected, FieldValidation validation, List<string> warnings)
    {
        if (validation == FieldValidation.Ignore || SchemaSet.Kubernetes.FindForKind(expected) is not { } schema)
            return;
        IReadOnlyList<string> faults;
        try
        {
            faults = StrictDecoder.Check(json, schema);
        }
        catch (JsonException)
        {
            return; // Decoding says it better.
        }

        if (faults.Count == 0)
            return;
        if (validation == FieldValidation.Strict)
            throw CannotBeHandled(expected, "strict decoding error: " + string.Join(", ", faults));
        warnings.AddRange(faults);
    }

    private static (string ApiVersion, string Kind) ReadHeader(byte[] json, GroupVersionKind expected)
    {
        try
        {
            string apiVersion = "";
            string kind = "";
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = KubernetesJson.DepthLimit });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                throw new JsonException(json.Length == 0 ? "unexpected end of JSON input" : "json: cannot unmarshal into Go value");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isApiVersion = reader.ValueTextEquals("apiVersion"u8);
                bool isKind = reader.ValueTextEquals("kind"u8);
                reader.Read();
                if (reader.TokenType == JsonTokenType.String && isApiVersion)
                    apiVersion = reader.GetString()!;
                else if (reader.TokenType == JsonTokenType.String && isKind)
                    kind = reader.GetString()!;
                reader.Skip();
            }

            return (apiVersion, kind);
        }
        catch (JsonException)
        {
            throw Unrecognized(expected, SyntaxFaultOf(json, expected), json);
        }
    }

    /// <summary>The object model knows Go's words for what is wrong with a document.</summary>
    private static string SyntaxFaultOf(byte[] json, GroupVersionKind expected)
    {
        try
        {
            KubernetesJson.Deserialize(expected, json);
            return "couldn't get version/kind";
        }
        catch (JsonException exception)
        {
            return $"couldn't get version/kind; json parse error: {exception.Message}";
        }
    }

    private static ApiException CannotBeHandled(GroupVersionKind expected, string reason) => ApiErrors.BadRequest(
        $"{expected.Kind} in version \"{expected.Version}\" cannot be handled as a {expected.Kind}: {reason}");

    private static ApiException Unrecognized(GroupVersionKind expected, string reason, byte[] body) => ApiErrors.BadRequest(
        $"the object provided is unrecognized (must be of type {expected.Kind}): {reason} ({Summary(body)})");

    private static string Summary(byte[] body)
    {
        if (body.Length == 0)
            return "<empty>";
        bool isText = body[0] is (byte)'{' or (byte)'[' or (byte)'"' || body.AsSpan().IndexOfAnyInRange((byte)0, (byte)8) < 0;
        var start = body.AsSpan(0, Math.Min(SummaryLength, body.Length));
        string shown = isText ? System.Text.Encoding.UTF8.GetString(start) : Convert.ToHexStringLower(start);
        return body.Length > SummaryLength ? $"{shown} ..." : shown;
    }
}
