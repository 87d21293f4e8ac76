using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>A signed token taken apart: <c>HEADER.CLAIMS.SIGNATURE</c>, each in base64url. Nothing is checked yet.</summary>
internal sealed record Jwt(string Algorithm, string KeyId, JsonElement Claims, byte[] SignedBytes, byte[] Signature)
{
    private const int LengthLimit = 64 * 1024;

    public static Jwt? TryParse(string token)
    {
        if (token.Length > LengthLimit)
            return null;
        string[] parts = token.Split('.');
        if (parts.Length != 3)
            return null;
        try
        {
            var header = Json(parts[0]);
            var claims = Json(parts[1]);
            byte[] signature = Base64Url.DecodeFromChars(parts[2]);
            byte[] signed = Encoding.ASCII.GetBytes(token[..token.LastIndexOf('.')]);
            bool isObject = header.ValueKind == JsonValueKind.Object && claims.ValueKind == JsonValueKind.Object;
            return isObject ? new(Text(header, "alg"), Text(header, "kid"), claims, signed, signature) : null;
        }
        catch (Exception error) when (error is FormatException or JsonException)
        {
            return null;
        }
    }

    /// <param name="writeClaims">Writes the members of the claims' object.</param>
    public static string Sign(SigningKey key, Action<Utf8JsonWriter> writeClaims)
    {
        string header = Encode(writer =>
        {
            writer.WriteString("alg", key.Algorithm);
            writer.WriteString("kid", key.Id);
        });
        string signed = $"{header}.{Encode(writeClaims)}";
        return $"{signed}.{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    public bool IsSignedBy(SigningKey key) => Algorithm == key.Algorithm && key.IsSignatureOf(SignedBytes, Signature);

    /// <summary>"" for what is missing or no text.</summary>
    public string Text(string claim) => Text(Claims, claim);

    public static string Text(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.String
            ? found.GetString()!
            : "";

    public DateTimeOffset? Time(string claim) => Time(Claims, claim);

    /// <summary>Seconds since 1970; null for what is missing or no number.</summary>
    public static DateTimeOffset? Time(JsonElement value, string name)
    {
        bool isNumber = value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var found)
            && found.ValueKind == JsonValueKind.Number;
        if (!isNumber || !value.GetProperty(name).TryGetDouble(out double seconds) || double.Abs(seconds) > 1e11)
            return null;
        return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
    }

    /// <summary>One text or a list of them.</summary>
    public IReadOnlyList<string> Texts(string claim)
    {
        if (!Claims.TryGetProperty(claim, out var value))
            return [];
        return value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!],
            JsonValueKind.Array => [.. value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)],
            _ => [],
        };
    }

    private static JsonElement Json(string part)
    {
        using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(part));
        return document.RootElement.Clone();
    }

    private static string Encode(Action<Utf8JsonWriter> writeMembers)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writeMembers(writer);
            writer.WriteEndObject();
        }
        return Base64Url.EncodeToString(buffer.WrittenSpan);
    }
}
