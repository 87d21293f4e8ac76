using System.Security.Cryptography;
using System.Text;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Tokens that were given to the server when it was started.</summary>
/// <remarks>Kept as hashes: a comparison's time then tells nothing of a token.</remarks>
internal sealed class StaticTokenAuthenticator(IReadOnlyDictionary<string, UserInfo> tokens, IReadOnlyList<string> serverAudiences)
    : ITokenAuthenticator
{
    private readonly Dictionary<string, UserInfo> _byHash = tokens.ToDictionary(pair => Hash(pair.Key), pair => pair.Value);

    public ValueTask<AuthenticatedToken?> AuthenticateAsync(
        string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        if (_byHash.Count == 0 || !_byHash.TryGetValue(Hash(token), out var user))
            return new((AuthenticatedToken?)null);
        IReadOnlyList<string> common = audiences.Count == 0 ? serverAudiences : [.. serverAudiences.Intersect(audiences)];
        // It is a token for this server: asked for another audience it is not known.
        return new(common.Count == 0 ? null : new AuthenticatedToken(user, common));
    }

    private static string Hash(string token) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
}
