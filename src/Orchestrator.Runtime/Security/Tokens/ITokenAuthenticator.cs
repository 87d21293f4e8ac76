using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Whose a bearer token is.</summary>
internal interface ITokenAuthenticator
{
    /// <summary>Null for a token of no kind that is known here.</summary>
    /// <param name="audiences">For whom the token must be; empty means for anybody.</param>
    /// <exception cref="InvalidTokenException">The token is of a known kind and no good.</exception>
    ValueTask<AuthenticatedToken?> AuthenticateAsync(string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken);
}

/// <param name="Audiences">Those asked for that the token is for.</param>
internal sealed record AuthenticatedToken(UserInfo User, IReadOnlyList<string> Audiences);
