using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api.Decoding;

namespace Orchestrator.Api.Patches;

/// <summary>Changes a document by another one (RFC 7386): maps are merged, null removes, all else replaces.</summary>
public static class MergePatch
{
    /// <returns>The changed document; the given one is left alone.</returns>
    /// <exception cref="ApiException">400 for what is no JSON.</exception>
    public static JsonNode? Apply(JsonNode? document, ReadOnlySpan<byte> patch)
    {
        try
        {
            return Apply(document, JsonText.Parse(patch));
        }
        catch (JsonException malformed)
        {
            throw PatchErrors.Malformed("error decoding patch: " + malformed.Message);
        }
    }

    /// <inheritdoc cref="Apply(JsonNode?, ReadOnlySpan{byte})"/>
    public static JsonNode? Apply(JsonNode? document, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
            return patch?.DeepClone();
        var result = document is JsonObject ? (JsonObject)document.DeepClone() : [];
        Merge(result, changes);
        return result;
    }

    private static void Merge(JsonObject target, JsonObject changes)
    {
        foreach (var (key, change) in changes)
        {
            if (change is null)
            {
                target.Remove(key);
            }
            else if (change is JsonObject inner)
            {
                if (target[key] is not JsonObject child)
                    target[key] = child = [];
                Merge(child, inner);
            }
            else
            {
                target[key] = change.DeepClone();
            }
        }
    }
}
