using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api.Decoding;

namespace Orchestrator.Api.Patches;

/// <summary>Changes a document by a list of operations (RFC 6902): all of them or, if one does not fit, none.</summary>
public static class JsonPatch
{
    public const int OperationsLimit = 10_000;

    /// <summary>Bytes that all copies of one patch may add: else twenty small operations could fill the memory.</summary>
    public const int CopiedBytesLimit = 3 * 1024 * 1024;

    private static readonly string[] KnownMembers = ["op", "path", "from", "value"];

    /// <returns>The changed document; the given one is left alone. Null if the document is replaced by null.</returns>
    /// <exception cref="ApiException">
    /// 400 for what is no patch, 413 for one of too many operations, 422 for one that does not fit the document.
    /// </exception>
    public static JsonNode? Apply(JsonNode document, ReadOnlySpan<byte> patch)
    {
        var operations = Read(patch);
        if (operations.Count > OperationsLimit)
        {
            throw ApiErrors.RequestEntityTooLarge(
                $"The allowed maximum operations in a JSON patch is {OperationsLimit}, got {operations.Count}");
        }
        JsonNode? result = document.DeepClone();
        int copiedBytes = 0;
        foreach (var operation in operations)
            Perform(ref result, operation, ref copiedBytes);
        return result;
    }

    /// <summary>What strict field validation has to say of the patch itself, as far as it is one.</summary>
    public static IReadOnlyList<string> StrictErrors(ReadOnlySpan<byte> patch)
    {
        var errors = StrictDecoder.DuplicateFields(patch).ToList();
        var operations = Read(patch);
        for (int i = 0; i < operations.Count; i++)
        {
            foreach (var (member, _) in operations[i])
            {
                if (!KnownMembers.Contains(member))
                    errors.Add($"unknown field {GoText.Quote($"[{i}].{member}")}");
            }
        }
        return [.. errors.Select(error => "json patch " + error)];
    }

    private static List<JsonObject> Read(ReadOnlySpan<byte> patch)
    {
        JsonNode? root;
        try
        {
            root = JsonText.Parse(patch);
        }
        catch (JsonException malformed)
        {
            throw PatchErrors.Malformed("error decoding patch: " + malformed.Message);
        }
        if (root is not JsonArray list)
        {
            throw PatchErrors.Malformed(
                $"error decoding patch: json: cannot unmarshal {GoKind(root)} into Go value of type jsonpatch.Patch");
        }
        var operations = new List<JsonObject>(list.Count);
        foreach (var item in list)
        {
            if (item is not JsonObject operation)
            {
                throw PatchErrors.Malformed(
                    $"error decoding patch: json: cannot unmarshal {GoKind(item)} into Go value of type jsonpatch.Operation");
            }
            operations.Add(operation);
        }
        return operations;
    }

    private static string GoKind(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "number",
        JsonValueKind.True or JsonValueKind.False => "bool",
        _ => "null",
    };

    private static void Perform(ref JsonNode? document, JsonObject operation, ref int copiedBytes)
    {
        var path = PointerIn(operation, "path");
        switch (TextIn(operation, "op"))
        {
            case "add":
                Add(ref document, path, ValueIn(operation));
                break;
            case "remove":
                Remove(ref document, path);
                break;
            case "replace":
                Replace(ref document, path, ValueIn(operation));
                break;
            case "move":
                Move(ref document, PointerIn(operation, "from"), path);
                break;
            case "copy":
                Copy(ref document, PointerIn(operation, "from"), path, ref copiedBytes);
                break;
            case "test":
                Test(document, path, operation["value"]);
                break;
            default:
                throw PatchErrors.DoesNotApply();
        }
    }

    private static void Add(ref JsonNode? document, JsonPointer path, JsonNode? value)
    {
        if (path.IsRoot)
        {
            document = value;
            return;
        }
        switch (ParentOf(document, path))
        {
            case JsonObject map:
                map[path.Last] = value;
                break;
            case JsonArray list when path.Last == "-":
                list.Add(value);
                break;
            // One more place than there are items: behind the last one.
            case JsonArray list when JsonPointer.TryReadIndex(path.Last, list.Count + 1, out int index):
                list.Insert(index, value);
                break;
            default:
                throw PatchErrors.DoesNotApply();
        }
    }

    private static void Remove(ref JsonNode? document, JsonPointer path)
    {
        if (path.IsRoot)
        {
            document = null;
            return;
        }
        switch (ParentOf(document, path))
        {
            case JsonObject map when map.Remove(path.Last):
                break;
            case JsonArray list when JsonPointer.TryReadIndex(path.Last, list.Count, out int index):
                list.RemoveAt(index);
                break;
            default:
                throw PatchErrors.DoesNotApply();
        }
    }

    private static void Replace(ref JsonNode? document, JsonPointer path, JsonNode? value)
    {
        if (path.IsRoot)
        {
            document = value;
            return;
        }
        switch (ParentOf(document, path))
        {
            case JsonObject map when map.ContainsKey(path.Last):
                map[path.Last] = value;
                break;
            case JsonArray list when JsonPointer.TryReadIndex(path.Last, list.Count, out int index):
                list[index] = value;
                break;
            default:
                throw PatchErrors.DoesNotApply();
        }
    }

    private static void Move(ref JsonNode? document, JsonPointer from, JsonPointer path)
    {
        if (!from.TryFind(document, out var value))
            throw PatchErrors.DoesNotApply();
        bool isSamePlace = from.StartsWith(path) && path.StartsWith(from);
        if (isSamePlace)
            return;
        // Nothing can be moved into itself.
        if (path.StartsWith(from))
            throw PatchErrors.DoesNotApply();
        var moved = value?.DeepClone();
        Remove(ref document, from);
        Add(ref document, path, moved);
    }

    private static void Copy(ref JsonNode? document, JsonPointer from, JsonPointer path, ref int copiedBytes)
    {
        if (!from.TryFind(document, out var value))
            throw PatchErrors.DoesNotApply();
        copiedBytes += value is null ? 4 : value.ToJsonString().Length;
        if (copiedBytes > CopiedBytesLimit)
            throw PatchErrors.DoesNotApply();
        Add(ref document, path, value?.DeepClone());
    }

    /// <summary>What is not there passes for null.</summary>
    private static void Test(JsonNode? document, JsonPointer path, JsonNode? expected)
    {
        if (!path.TryFind(document, out var actual))
            actual = null;
        if (!JsonEquality.AreEqual(actual, expected))
            throw PatchErrors.DoesNotApply();
    }

    private static JsonNode ParentOf(JsonNode? document, JsonPointer path) =>
        path.TryFindParent(document, out var parent) ? parent! : throw PatchErrors.DoesNotApply();

    private static JsonNode? ValueIn(JsonObject operation) =>
        operation.TryGetPropertyValue("value", out var value) ? value?.DeepClone() : throw PatchErrors.DoesNotApply();

    private static JsonPointer PointerIn(JsonObject operation, string member) =>
        TextIn(operation, member) is { } text && JsonPointer.TryParse(text, out var pointer)
            ? pointer
            : throw PatchErrors.DoesNotApply();

    private static string? TextIn(JsonObject operation, string member) =>
        operation[member] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
}
