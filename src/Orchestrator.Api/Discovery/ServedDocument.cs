using System.Security.Cryptography;

namespace Orchestrator.Api;

/// <summary>A document that stays the same while the server runs: its bytes as they are answered.</summary>
/// <param name="Body">Not to be changed.</param>
/// <param name="MediaType">For the answer's Content-Type.</param>
/// <param name="Hash">Of the body, in upper-case hexadecimal: an ETag (in quotes) or the <c>hash</c> of a URL.</param>
public sealed record ServedDocument(byte[] Body, string MediaType, string Hash)
{
    public const string Json = "application/json";

    public static ServedDocument Of(byte[] body, string mediaType) => new(body, mediaType, Convert.ToHexString(SHA512.HashData(body)));
}
