using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Tokens by which a node joins: <c>ID.SECRET</c>, kept in the secret <c>bootstrap-token-ID</c> of kube-system.</summary>
internal sealed class BootstrapTokenAuthenticator(IObjectReader objects, IReadOnlyList<string> serverAudiences, TimeProvider clock)
    : ITokenAuthenticator
{
    private const string SecretType = "bootstrap.kubernetes.io/token";
    private const string DefaultGroup = "system:bootstrappers";
    private const int IdLength = 6;
    private const int SecretLength = 16;

    public async ValueTask<AuthenticatedToken?> AuthenticateAsync(
        string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        if (!IsOfThatForm(token))
            return null;
        string id = token[..IdLength];
        var secret = await objects.GetAsync<Secret>("kube-system", $"bootstrap-token-{id}", cancellationToken);
        if (secret is null || secret.IsBeingDeleted || secret.Type != SecretType || !IsGood(secret, id, token[(IdLength + 1)..]))
            return null;
        IReadOnlyList<string> common = audiences.Count == 0 ? serverAudiences : [.. serverAudiences.Intersect(audiences)];
        return common.Count == 0 ? null : new(new UserInfo($"system:bootstrap:{id}", GroupsOf(secret)), common);
    }

    private static bool IsOfThatForm(string token) => token.Length == IdLength + 1 + SecretLength && token[IdLength] == '.'
        && token.All(letter => letter == '.' || char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter)) && token.Count(letter => letter == '.') == 1;

    private bool IsGood(Secret secret, string id, string expected)
    {
        bool isSame = CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Text(secret, "token-secret")), Encoding.UTF8.GetBytes(expected));
        return isSame && Text(secret, "token-id") == id && Text(secret, "usage-bootstrap-authentication") == "true" && !IsExpired(secret);
    }

    private bool IsExpired(Secret secret)
    {
        string text = Text(secret, "expiration");
        if (text.Length == 0)
            return false;
        bool isTime = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var expiration);
        return !isTime || expiration <= clock.GetUtcNow();
    }

    private static List<string> GroupsOf(Secret secret) =>
    [
        DefaultGroup,
        .. Text(secret, "auth-extra-groups").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(group => group.StartsWith(DefaultGroup + ":", StringComparison.Ordinal)),
    ];

    private static string Text(Secret secret, string key) =>
        secret.Data.OrEmpty().TryGetValue(key, out byte[]? value) ? Encoding.UTF8.GetString(value) : "";
}
