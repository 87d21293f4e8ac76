using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Tokens;

namespace Orchestrator.Runtime.Security.Authentication;

/// <summary>Whom a proxy in front names, then certificate, then token, then nobody in particular; then whom they want to act for.</summary>
/// <remarks>Credentials that are shown and no good refuse the request: they never make it anonymous.</remarks>
internal sealed class ClusterAuthenticator(
    RequestHeaderAuthenticator proxies, CertificateAuthenticator certificates, ITokenAuthenticator tokens, IReadOnlyList<string> audiences, Impersonation impersonation,
    bool allowAnonymous) : IAuthenticator
{
    public async ValueTask<UserInfo?> AuthenticateAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (await IdentifyAsync(context, cancellationToken) is not { } user)
            return null;
        return await impersonation.ApplyAsync(context, user, cancellationToken);
    }

    private async ValueTask<UserInfo?> IdentifyAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (proxies.Authenticate(context) is { } named)
            return Authenticated(named);
        var certificate = context.Connection.ClientCertificate;
        if (certificate is not null && certificates.Authenticate(certificate) is { } shown)
            return Authenticated(shown);
        if (BearerToken.Find(context.Request) is { } token)
            return await IdentifyAsync(token, cancellationToken);
        return certificate is null && allowAnonymous ? UserInfo.Anonymous : null;
    }

    private async ValueTask<UserInfo?> IdentifyAsync(string token, CancellationToken cancellationToken)
    {
        try
        {
            var found = await tokens.AuthenticateAsync(token, audiences, cancellationToken);
            return found is null ? null : Authenticated(found.User);
        }
        catch (InvalidTokenException)
        {
            return null;
        }
    }

    /// <summary>Everybody whose name is known is a member of that group.</summary>
    internal static UserInfo Authenticated(UserInfo user) => user.IsMember(UserInfo.AllAuthenticated) || user.IsMember(UserInfo.AllUnauthenticated)
        ? user
        : user with { Groups = [.. user.Groups, UserInfo.AllAuthenticated] };
}
