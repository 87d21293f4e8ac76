using System.Text.Json;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Signs service accounts' tokens and says whose a token is. Whether the objects that it names still live is not its matter.</summary>
internal sealed class ServiceAccountTokens
{
    /// <summary>Clocks differ: a token is taken this much before and after its time.</summary>
    public static readonly TimeSpan Leeway = TimeSpan.FromMinutes(1);

    private readonly SigningKey _signing;
    private readonly IReadOnlyList<SigningKey> _accepted;

    /// <param name="issuer">In every token, and where its keys can be fetched.</param>
    /// <param name="audiences">Of the API server: whom a token that names none is for.</param>
    /// <param name="alsoAccepted">Former keys, whose tokens are still out.</param>
    public ServiceAccountTokens(string issuer, IReadOnlyList<string> audiences, SigningKey signing, params IReadOnlyList<SigningKey> alsoAccepted)
    {
        Issuer = issuer;
        Audiences = audiences;
        _signing = signing;
        _accepted = [signing, .. alsoAccepted];
    }

    public string Issuer { get; }

    public IReadOnlyList<string> Audiences { get; }

    public string Sign(ServiceAccountClaims claims) => Jwt.Sign(_signing, claims.WriteTo);

    /// <summary>Null for what is no token of ours: somebody else may know it.</summary>
    /// <exception cref="InvalidTokenException">It is ours, and no good.</exception>
    public ServiceAccountClaims? Verify(string token, DateTimeOffset now)
    {
        if (Jwt.TryParse(token) is not { } parsed || parsed.Text("iss") != Issuer)
            return null;
        if (!IsSigned(parsed))
            throw new InvalidTokenException("invalid signature");
        if (ServiceAccountClaims.Read(parsed) is not { } claims)
            throw new InvalidTokenException("service account token claims could not be validated due to unexpected validation error");
        if (now > claims.Expires + Leeway)
            throw new InvalidTokenException("service account token has expired");
        if (now < claims.NotBefore - Leeway || now < claims.IssuedAt - Leeway)
            throw new InvalidTokenException("service account token is not valid yet");
        return claims;
    }

    /// <summary>Null for what is no token out of a secret: somebody else may know it.</summary>
    /// <exception cref="InvalidTokenException">It is one, and no good.</exception>
    public LegacyTokenClaims? VerifyLegacy(string token)
    {
        if (Jwt.TryParse(token) is not { } parsed || parsed.Text("iss") != LegacyTokenClaims.Issuer)
            return null;
        if (!IsSigned(parsed))
            throw new InvalidTokenException("invalid signature");
        return LegacyTokenClaims.Read(parsed)
            ?? throw new InvalidTokenException("service account token claims could not be validated due to unexpected validation error");
    }

    private bool IsSigned(Jwt parsed) => _accepted.Any(key => (parsed.KeyId.Length == 0 || parsed.KeyId == key.Id) && parsed.IsSignedBy(key));

    /// <summary>/openid/v1/jwks</summary>
    public byte[] KeySet() => Json(writer =>
    {
        writer.WriteStartArray("keys");
        foreach (var key in _accepted)
            key.WriteJwk(writer);
        writer.WriteEndArray();
    });

    /// <summary>/.well-known/openid-configuration</summary>
    public byte[] Discovery(string keySetUri) => Json(writer =>
    {
        writer.WriteString("issuer", Issuer);
        writer.WriteString("jwks_uri", keySetUri);
        Write(writer, "response_types_supported", ["id_token"]);
        Write(writer, "subject_types_supported", ["public"]);
        Write(writer, "id_token_signing_alg_values_supported", _accepted.Select(key => key.Algorithm).Distinct().Order(StringComparer.Ordinal));
    });

    private static void Write(Utf8JsonWriter writer, string name, IEnumerable<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values)
            writer.WriteStringValue(value);
        writer.WriteEndArray();
    }

    private static byte[] Json(Action<Utf8JsonWriter> writeMembers)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writeMembers(writer);
            writer.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }
}
