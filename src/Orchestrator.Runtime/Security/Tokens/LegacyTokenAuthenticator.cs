using System.Collections.ObjectModel;
using System.Security.Cryptography;
using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Service accounts by the tokens in their secrets: secret and account must still be there, and the secret must hold this very
/// token.</summary>
internal sealed class LegacyTokenAuthenticator(ServiceAccountTokens tokens, IObjectReader objects) : ITokenAuthenticator
{
    private const string TokenKey = "token";

    public async ValueTask<AuthenticatedToken?> AuthenticateAsync(
        string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        if (tokens.VerifyLegacy(token) is not { } claims)
            return null;
        // Such tokens name nobody whom they are for: they are for the API server.
        var common = audiences.Count == 0 ? tokens.Audiences : [.. tokens.Audiences.Intersect(audiences)];
        if (common.Count == 0)
            throw new InvalidTokenException(
                $"token audiences {Quoted.List(tokens.Audiences)} is invalid for the target audiences {Quoted.List(audiences)}");
        await CheckSecretAsync(token, claims, cancellationToken);
        await CheckAccountAsync(claims, cancellationToken);
        var user = new UserInfo(
            claims.UserName, claims.ServiceAccount.Uid, ServiceAccountNames.Groups(claims.Namespace),
            ReadOnlyDictionary<string, IReadOnlyList<string>>.Empty);
        return new(user, common);
    }

    private async ValueTask CheckSecretAsync(string token, LegacyTokenClaims claims, CancellationToken cancellationToken)
    {
        // The cache may be a moment behind a token that was just made.
        var secret = await objects.GetAsync<Secret>(claims.Namespace, claims.Secret, cancellationToken);
        if (!Holds(secret, token))
            secret = await objects.GetLiveAsync<Secret>(claims.Namespace, claims.Secret, cancellationToken);
        if (secret is null || secret.IsBeingDeleted)
            throw new InvalidTokenException("service account token has been invalidated");
        if (!Holds(secret, token))
            throw new InvalidTokenException("service account token does not match server's copy");
    }

    private static bool Holds(Secret? secret, string token) => secret?.Data.OrEmpty().GetValueOrDefault(TokenKey) is { } held
        && CryptographicOperations.FixedTimeEquals(held, Encoding.UTF8.GetBytes(token));

    private async ValueTask CheckAccountAsync(LegacyTokenClaims claims, CancellationToken cancellationToken)
    {
        var account = await objects.GetAsync<ServiceAccount>(claims.Namespace, claims.ServiceAccount.Name, cancellationToken);
        if (account?.Uid != claims.ServiceAccount.Uid)
            account = await objects.GetLiveAsync<ServiceAccount>(claims.Namespace, claims.ServiceAccount.Name, cancellationToken);
        if (account is null)
            throw new InvalidTokenException($"serviceaccounts {Quoted.Text(claims.ServiceAccount.Name)} not found");
        if (account.IsBeingDeleted)
            throw new InvalidTokenException($"service account {claims.Namespace}/{claims.ServiceAccount.Name} has been deleted");
        if (account.Uid != claims.ServiceAccount.Uid)
            throw new InvalidTokenException($"service account UID ({account.Uid}) does not match claim ({claims.ServiceAccount.Uid})");
    }
}
