using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>Where the next page of a list begins: opaque to clients, base64url of <c>{"v":"meta.k8s.io/v1","rv":N,"start":KEY}</c>.</summary>
/// <param name="Revision">Of the first page; -1 goes on with the current state, after a token became too old.</param>
/// <param name="Start">The key that comes first, relative to the namespace of the list.</param>
internal readonly record struct ContinueToken(long Revision, string Start)
{
    private const string Version = "meta.k8s.io/v1";

    private static readonly SearchValues<char> Letters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    public string Encode() => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(new JsonObject
    {
        ["v"] = Version, ["rv"] = Revision, ["start"] = Start,
    }.ToJsonString()));

    /// <exception cref="ApiException">400: it is no token of ours.</exception>
    public static ContinueToken Parse(string text)
    {
        try
        {
            var json = JsonBytes.ParseObject(Decode(text.TrimEnd('=')));
            if (json["v"]?.GetValue<string>() != Version)
                throw NotValid($"unrecognized encoded version \"{json["v"]}\"");
            long revision = json["rv"]?.GetValue<long>() ?? 0;
            if (revision == 0)
                throw NotValid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
            string start = json["start"]?.GetValue<string>() ?? "";
            return start.Length == 0 || start.Contains("..", StringComparison.Ordinal)
                ? throw NotValid("encoded start key empty (version meta.k8s.io/v1)")
                : new ContinueToken(revision, start);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw NotValid("it holds no list's state");
        }
    }

    private static byte[] Decode(string text)
    {
        try
        {
            return Base64Url.DecodeFromChars(text);
        }
        catch (FormatException)
        {
            int at = text.AsSpan().IndexOfAnyExcept(Letters);
            throw NotValid($"illegal base64 data at input byte {(at < 0 ? text.Length : at)}");
        }
    }

    private static ApiException NotValid(string reason) => ApiErrors.BadRequest($"continue key is not valid: {reason}");
}
