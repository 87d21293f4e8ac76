using System.Text.Json;
using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>The top-level members of a JSON object as the texts that they are.</summary>
internal readonly ref struct JsonMembers
{
    private readonly ReadOnlySpan<byte> _json;
    private readonly List<(string Name, Range Whole, Range Value)> _members;

    private JsonMembers(ReadOnlySpan<byte> json, List<(string Name, Range Whole, Range Value)> members)
    {
        _json = json;
        _members = members;
    }

    /// <exception cref="JsonException">It is no JSON object.</exception>
    public static JsonMembers Of(ReadOnlySpan<byte> json)
    {
        var members = new List<(string, Range, Range)>(5);
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = KubernetesJson.DepthLimit });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            int start = (int)reader.TokenStartIndex;
            string name = reader.GetString()!;
            reader.Read();
            int value = (int)reader.TokenStartIndex;
            reader.Skip();
            members.Add((name, start..(int)reader.BytesConsumed, value..(int)reader.BytesConsumed));
        }

        return new JsonMembers(json, members);
    }

    /// <summary>Where a member's value stands; null if there is none of that name.</summary>
    public Range? PlaceOf(string name)
    {
        foreach (var member in _members)
        {
            if (member.Name == name)
                return member.Value;
        }

        return null;
    }

    /// <summary>The object without the members that stand in the other one with the very same text, some excepted.</summary>
    public byte[] Without(JsonMembers other, params ReadOnlySpan<string> kept)
    {
        using var buffer = new MemoryStream(_json.Length);
        buffer.WriteByte((byte)'{');
        foreach (var (name, whole, value) in _members)
        {
            bool isLeftOut = !kept.Contains(name) && other.PlaceOf(name) is { } place && other._json[place].SequenceEqual(_json[value]);
            if (isLeftOut)
                continue;
            if (buffer.Length > 1)
                buffer.WriteByte((byte)',');
            buffer.Write(_json[whole]);
        }

        buffer.WriteByte((byte)'}');
        return buffer.ToArray();
    }
}
