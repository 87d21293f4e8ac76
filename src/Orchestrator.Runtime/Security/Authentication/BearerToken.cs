using System.Buffers.Text;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.Security.Authentication;

/// <summary>Finds a request's token: in the Authorization header, or, where browsers cannot send one, among the WebSocket's protocols.</summary>
internal static class BearerToken
{
    private const string Scheme = "Bearer ";

    /// <summary>What a WebSocket's protocol that is a token begins with.</summary>
    public const string ProtocolPrefix = "base64url.bearer.authorization.k8s.io.";

    /// <summary>Null when there is none.</summary>
    public static string? Find(HttpRequest request)
    {
        string authorization = request.Headers.Authorization.ToString();
        if (authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            string token = authorization[Scheme.Length..].Trim();
            return token.Length > 0 ? token : null;
        }
        return request.Headers.ContainsKey("Upgrade") ? FromProtocols(request) : null;
    }

    private static string? FromProtocols(HttpRequest request)
    {
        foreach (string protocol in request.Headers.SecWebSocketProtocol.ToString().Split(',', StringSplitOptions.TrimEntries))
        {
            if (protocol.StartsWith(ProtocolPrefix, StringComparison.Ordinal))
                return Decode(protocol[ProtocolPrefix.Length..]);
        }
        return null;
    }

    // What is not base64url is still a token: one that nobody knows, so that the request is refused and not anonymous.
    private static string Decode(string encoded)
    {
        try
        {
            return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(encoded));
        }
        catch (FormatException)
        {
            return encoded;
        }
    }
}
