using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Service accounts by their tokens: the account, and the object that the token is bound to, must still be there.</summary>
internal sealed class ServiceAccountAuthenticator(
    ServiceAccountTokens tokens, IObjectReader objects, TimeProvider clock, TokenCounts counts) : ITokenAuthenticator
{
    private const string ExtraPrefix = "authentication.kubernetes.io/";

    public async ValueTask<AuthenticatedToken?> AuthenticateAsync(
        string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        if (tokens.Verify(token, now) is not { } claims)
            return null;
        var common = audiences.Count == 0 ? claims.Audiences : [.. claims.Audiences.Intersect(audiences)];
        if (common.Count == 0)
            throw new InvalidTokenException(
                $"token audiences {Quoted.List(claims.Audiences)} is invalid for the target audiences {Quoted.List(audiences)}");
        await CheckAccountAsync(claims, now, cancellationToken);
        await CheckBoundObjectAsync(claims, now, cancellationToken);
        if (claims.WarnAfter is { } warnAfter)
            counts.Count(isStale: now > warnAfter);
        return new(UserOf(claims), common);
    }

    private async ValueTask CheckAccountAsync(ServiceAccountClaims claims, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var account = await FindAsync<ServiceAccount>(claims.Namespace, claims.ServiceAccount, cancellationToken)
            ?? throw new InvalidTokenException($"serviceaccounts {Quoted.Text(claims.ServiceAccount.Name)} not found");
        if (IsGone(account, now))
            throw new InvalidTokenException($"service account {claims.Namespace}/{claims.ServiceAccount.Name} has been deleted");
        if (account.Uid != claims.ServiceAccount.Uid)
            throw new InvalidTokenException($"service account UID ({account.Uid}) does not match claim ({claims.ServiceAccount.Uid})");
    }

    private async ValueTask CheckBoundObjectAsync(ServiceAccountClaims claims, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (claims.Secret is { } secret)
            Check(await FindAsync<Secret>(claims.Namespace, secret, cancellationToken), "secret", secret, claims, now);
        if (claims.Pod is { } pod)
            Check(await FindAsync<Pod>(claims.Namespace, pod, cancellationToken), "pod", pod, claims, now);
        else if (claims.Node is { } node)
            Check(await FindAsync<Node>("", node, cancellationToken), "node", node, claims, now);
    }

    /// <summary>The cache may be a moment behind a token that was just made: what it does not have is looked up in the store.</summary>
    private async ValueTask<T?> FindAsync<T>(string namespaceName, BoundObject bound, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<T>
    {
        var cached = await objects.GetAsync<T>(namespaceName, bound.Name, cancellationToken);
        return cached?.Uid == bound.Uid ? cached : await objects.GetLiveAsync<T>(namespaceName, bound.Name, cancellationToken);
    }

    private static void Check(IKubernetesObject? found, string kind, BoundObject bound, ServiceAccountClaims claims, DateTimeOffset now)
    {
        if (found is null || IsGone(found, now))
            throw new InvalidTokenException("service account token has been invalidated");
        if (found.Uid != bound.Uid)
        {
            throw new InvalidTokenException($"{kind} UID ({found.Uid}) for service account {claims.Namespace}/{claims.ServiceAccount.Name} "
                + $"does not match service account {kind} ref claim ({bound.Uid})");
        }
    }

    private static bool IsGone(IKubernetesObject found, DateTimeOffset now) =>
        found.Metadata.DeletionTimestamp is { } deletion && deletion < now - ServiceAccountTokens.Leeway;

    private static UserInfo UserOf(ServiceAccountClaims claims)
    {
        var extra = new Dictionary<string, IReadOnlyList<string>>();
        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                extra[ExtraPrefix + name] = [value];
        }
        Add("credential-id", claims.Id.Length == 0 ? null : $"JTI={claims.Id}");
        Add("node-name", claims.Node?.Name);
        Add("node-uid", claims.Node?.Uid);
        Add("pod-name", claims.Pod?.Name);
        Add("pod-uid", claims.Pod?.Uid);
        return new(claims.UserName, claims.ServiceAccount.Uid, ServiceAccountNames.Groups(claims.Namespace), extra);
    }
}
