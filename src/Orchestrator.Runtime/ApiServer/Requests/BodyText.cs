using System.Text.Json;
using System.Text.Unicode;
using Orchestrator.Api;
using Orchestrator.Api.Decoding;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>Bodies that are not quite text: Go's decoder puts a replacement character wherever there is none, .NET's refuses the
/// whole.</summary>
internal static class BodyText
{
    /// <summary>The same document of whole characters; what is no JSON stays as it is, for the decoder to say why.</summary>
    public static byte[] Repaired(byte[] json)
    {
        if (Utf8.IsValid(json) && !HasHalfCharacter(json))
            return json;
        try
        {
            return JsonText.Parse(json) is { } document ? JsonBytes.Of(document) : json;
        }
        catch (JsonException)
        {
            return json;
        }
    }

    /// <summary>Half a surrogate pair, written as an escape.</summary>
    private static bool HasHalfCharacter(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\\ud"u8) < 0 && json.IndexOf("\\uD"u8) < 0)
            return false;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = KubernetesJson.DepthLimit });
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                    reader.GetString();
            }

            return false;
        }
        catch (InvalidOperationException)
        {
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
