using System.Text.Json;
using KvStore.Protocol;

namespace KvStore.Server.Peers.Calls;

/// <summary>The list of members as etcd's peer port tells it, in JSON.</summary>
internal static class MembersJson
{
    public static byte[] Write(IEnumerable<Member> members) => JsonSerializer.SerializeToUtf8Bytes(members.Select(known =>
    {
        var fields = new Dictionary<string, object> { ["id"] = known.ID, ["peerURLs"] = known.PeerURLs };
        if (known.IsLearner)
            fields["isLearner"] = true;
        if (known.Name.Length > 0)
            fields["name"] = known.Name;
        if (known.ClientURLs.Count > 0)
            fields["clientURLs"] = known.ClientURLs;
        return fields;
    }));

    /// <exception cref="JsonException">It is no such list.</exception>
    public static IReadOnlyList<Member> Read(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
            throw new JsonException("a list of members was expected");
        try
        {
            return [.. document.RootElement.EnumerateArray().Select(ReadMember)];
        }
        catch (Exception fault) when (fault is InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new JsonException("this is no list of members", fault);
        }
    }

    private static Member ReadMember(JsonElement element)
    {
        var member = new Member { ID = element.GetProperty("id").GetUInt64() };
        member.PeerURLs.Add(Texts(element, "peerURLs"));
        member.ClientURLs.Add(Texts(element, "clientURLs"));
        if (element.TryGetProperty("name", out var name))
            member.Name = name.GetString();
        if (element.TryGetProperty("isLearner", out var isLearner))
            member.IsLearner = isLearner.GetBoolean();
        return member;
    }

    private static IEnumerable<string> Texts(JsonElement element, string name) =>
        element.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(text => text.GetString()!)
            : [];
}
