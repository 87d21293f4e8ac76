using System.Text.Json;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>An object that a token names: while it lives under that uid, the token is good.</summary>
internal sealed record BoundObject(string Name, string Uid);

/// <summary>What a service account's token says.</summary>
internal sealed record ServiceAccountClaims
{
    private const string Private = "kubernetes.io";

    public required string Issuer { get; init; }

    public required IReadOnlyList<string> Audiences { get; init; }

    public required string Id { get; init; }

    public required string Namespace { get; init; }

    public required BoundObject ServiceAccount { get; init; }

    public BoundObject? Pod { get; init; }

    public BoundObject? Secret { get; init; }

    /// <summary>The node of <see cref="Pod"/>, or the object that the token is bound to itself.</summary>
    public BoundObject? Node { get; init; }

    public required DateTimeOffset IssuedAt { get; init; }

    public required DateTimeOffset NotBefore { get; init; }

    public required DateTimeOffset Expires { get; init; }

    /// <summary>When its user should have fetched a new one: a token that lives longer than was asked for.</summary>
    public DateTimeOffset? WarnAfter { get; init; }

    public string UserName => $"system:serviceaccount:{Namespace}:{ServiceAccount.Name}";

    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("aud");
        foreach (string audience in Audiences)
            writer.WriteStringValue(audience);
        writer.WriteEndArray();
        writer.WriteNumber("exp", Expires.ToUnixTimeSeconds());
        writer.WriteNumber("iat", IssuedAt.ToUnixTimeSeconds());
        writer.WriteString("iss", Issuer);
        writer.WriteString("jti", Id);
        writer.WriteStartObject(Private);
        writer.WriteString("namespace", Namespace);
        Write(writer, "node", Node);
        Write(writer, "pod", Pod);
        Write(writer, "secret", Secret);
        Write(writer, "serviceaccount", ServiceAccount);
        if (WarnAfter is { } warnAfter)
            writer.WriteNumber("warnafter", warnAfter.ToUnixTimeSeconds());
        writer.WriteEndObject();
        writer.WriteNumber("nbf", NotBefore.ToUnixTimeSeconds());
        writer.WriteString("sub", UserName);
    }

    /// <summary>Null when the token is no service account's: another's claims, or a subject that its private claims contradict.</summary>
    public static ServiceAccountClaims? Read(Jwt token)
    {
        if (!token.Claims.TryGetProperty(Private, out var own) || Bound(own, "serviceaccount") is not { } account)
            return null;
        var claims = new ServiceAccountClaims
        {
            Issuer = token.Text("iss"),
            Audiences = token.Texts("aud"),
            Id = token.Text("jti"),
            Namespace = Jwt.Text(own, "namespace"),
            ServiceAccount = account,
            Pod = Bound(own, "pod"),
            Secret = Bound(own, "secret"),
            Node = Bound(own, "node"),
            IssuedAt = token.Time("iat") ?? DateTimeOffset.MinValue,
            NotBefore = token.Time("nbf") ?? DateTimeOffset.MinValue,
            Expires = token.Time("exp") ?? DateTimeOffset.MinValue,
            WarnAfter = Jwt.Time(own, "warnafter"),
        };
        return claims.UserName == token.Text("sub") ? claims : null;
    }

    private static void Write(Utf8JsonWriter writer, string name, BoundObject? bound)
    {
        if (bound is null)
            return;
        writer.WriteStartObject(name);
        writer.WriteString("name", bound.Name);
        writer.WriteString("uid", bound.Uid);
        writer.WriteEndObject();
    }

    private static BoundObject? Bound(JsonElement own, string name) =>
        own.ValueKind == JsonValueKind.Object && own.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.Object
            ? new(Jwt.Text(found, "name"), Jwt.Text(found, "uid"))
            : null;
}
