using System.Text.Json;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>What the token in a service account's secret says. It has no end: it holds while the secret is there and holds it.</summary>
internal sealed record LegacyTokenClaims(string Namespace, BoundObject ServiceAccount, string Secret)
{
    public const string Issuer = "kubernetes/serviceaccount";

    private const string NamespaceClaim = "kubernetes.io/serviceaccount/namespace";
    private const string SecretClaim = "kubernetes.io/serviceaccount/secret.name";
    private const string AccountClaim = "kubernetes.io/serviceaccount/service-account.name";
    private const string UidClaim = "kubernetes.io/serviceaccount/service-account.uid";

    public string UserName => ServiceAccountNames.UserName(Namespace, ServiceAccount.Name);

    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteString("iss", Issuer);
        writer.WriteString(NamespaceClaim, Namespace);
        writer.WriteString(SecretClaim, Secret);
        writer.WriteString(AccountClaim, ServiceAccount.Name);
        writer.WriteString(UidClaim, ServiceAccount.Uid);
        writer.WriteString("sub", UserName);
    }

    /// <summary>Null when something is missing, or the subject is contradicted.</summary>
    public static LegacyTokenClaims? Read(Jwt token)
    {
        var claims = new LegacyTokenClaims(
            token.Text(NamespaceClaim), new BoundObject(token.Text(AccountClaim), token.Text(UidClaim)), token.Text(SecretClaim));
        bool isWhole = claims is { Namespace.Length: > 0, Secret.Length: > 0, ServiceAccount: { Name.Length: > 0, Uid.Length: > 0 } };
        return isWhole && claims.UserName == token.Text("sub") ? claims : null;
    }
}
