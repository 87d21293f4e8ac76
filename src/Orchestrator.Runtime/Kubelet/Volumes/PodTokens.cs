using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <param name="RenewAt">From then on another one is asked for.</param>
internal sealed record PodToken(string Text, DateTimeOffset ExpiresAt, DateTimeOffset RenewAt);

/// <summary>Tokens of a pod's service account: they hold for the pod alone and end with it.</summary>
/// <remarks>Renewed when a fifth of their life is left, and after a day at the latest; a failure to renew is no harm while the old one holds.
/// Not thread-safe.</remarks>
internal sealed class PodTokens(IKubeletApi api, TimeProvider clock)
{
    private const long DefaultSeconds = 3600;
    private static readonly TimeSpan LongestUse = TimeSpan.FromHours(24);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(30);

    /// <summary>Pods that were made together do not all renew theirs in one moment.</summary>
    private static readonly TimeSpan Spread = TimeSpan.FromSeconds(10);

    private readonly Dictionary<(string Audience, long Seconds), PodToken> _tokens = [];

    /// <exception cref="VolumeException">There is none to be had.</exception>
    public async Task<PodToken> GetAsync(Pod pod, ServiceAccountTokenProjection wanted, CancellationToken ct)
    {
        var key = (wanted.Audience ?? "", wanted.ExpirationSeconds ?? DefaultSeconds);
        PodToken? known = _tokens.GetValueOrDefault(key);
        DateTimeOffset now = clock.GetUtcNow();
        if (known is not null && now < known.RenewAt)
            return known;
        try
        {
            TokenRequest answer = await api.RequestTokenAsync(
                pod.Namespace, pod.Spec.ServiceAccountName ?? "default", RequestFor(pod, key.Item1, key.Item2), ct);
            return _tokens[key] = Of(answer, key.Item2, now);
        }
        catch (Exception e) when (e is ApiException or IOException)
        {
            if (known is not null && now < known.ExpiresAt)
                return known with { RenewAt = now + Retry };
            throw new VolumeException($"failed to fetch token: {e.Message}");
        }
    }

    public static TokenRequest RequestFor(Pod pod, string audience, long seconds) => new()
    {
        Spec = new TokenRequestSpec
        {
            Audiences = audience.Length == 0 ? [] : [audience],
            ExpirationSeconds = seconds,
            BoundObjectRef = new BoundObjectReference { ApiVersion = "v1", Kind = "Pod", Name = pod.Name, Uid = pod.Uid },
        },
    };

    private static PodToken Of(TokenRequest answer, long seconds, DateTimeOffset now)
    {
        TimeSpan life = TimeSpan.FromSeconds(answer.Spec.ExpirationSeconds ?? seconds);
        DateTimeOffset expires = answer.Status.ExpirationTimestamp ?? now + life;
        DateTimeOffset renew = expires - life / 5;
        DateTimeOffset latest = expires - life + LongestUse;
        return new PodToken(answer.Status.Token ?? "", expires, (renew < latest ? renew : latest) - Spread * Random.Shared.NextDouble());
    }
}
