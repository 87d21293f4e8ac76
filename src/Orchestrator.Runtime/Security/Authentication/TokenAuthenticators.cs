using Orchestrator.Runtime.Security.Tokens;

namespace Orchestrator.Runtime.Security.Authentication;

/// <summary>Asks all that know tokens; the first that knows this one decides.</summary>
internal sealed class TokenAuthenticators(IReadOnlyList<ITokenAuthenticator> authenticators) : ITokenAuthenticator
{
    /// <exception cref="InvalidTokenException">Always, when the token is nobody's.</exception>
    public async ValueTask<AuthenticatedToken?> AuthenticateAsync(
        string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        foreach (var authenticator in authenticators)
        {
            if (await authenticator.AuthenticateAsync(token, audiences, cancellationToken) is { } found)
                return found;
        }
        throw new InvalidTokenException("invalid bearer token");
    }
}
