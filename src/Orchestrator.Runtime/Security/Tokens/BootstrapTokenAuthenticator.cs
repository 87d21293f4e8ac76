using System.Security.Cryptography;
using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.BootstrapTokens;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Tokens by which a node joins: <c>ID.SECRET</c>, kept in the secret <c>bootstrap-token-ID</c> of kube-system.</summary>
internal sealed class BootstrapTokenAuthenticator(IObjectReader objects, IReadOnlyList<string> serverAudiences, TimeProvider clock)
    : ITokenAuthenticator
{
    public async ValueTask<AuthenticatedToken?> AuthenticateAsync(
        string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        if (BootstrapToken.Parse(token) is not { } shown)
            return null;
        var secret = await objects.GetAsync<Secret>(BootstrapToken.Namespace, BootstrapToken.NameOf(shown.Id), cancellationToken);
        if (secret is null || secret.IsBeingDeleted || BootstrapToken.Of(secret) is not { } stored || !IsGood(secret, stored, shown))
            return null;
        IReadOnlyList<string> common = audiences.Count == 0 ? serverAudiences : [.. serverAudiences.Intersect(audiences)];
        return common.Count == 0 ? null : new(new UserInfo($"system:bootstrap:{shown.Id}", GroupsOf(secret)), common);
    }

    private bool IsGood(Secret secret, BootstrapToken stored, BootstrapToken shown)
    {
        bool isSame = CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(stored.Secret), Encoding.UTF8.GetBytes(shown.Secret));
        return isSame && stored.Id == shown.Id && BootstrapToken.TextOf(secret, "usage-bootstrap-authentication") == "true" && !stored.IsExpired(clock.GetUtcNow());
    }

    private static List<string> GroupsOf(Secret secret) =>
    [
        BootstrapToken.DefaultGroup,
        .. BootstrapToken.TextOf(secret, "auth-extra-groups").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(group => group.StartsWith(BootstrapToken.DefaultGroup + ":", StringComparison.Ordinal)),
    ];
}
