using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Security;

/// <summary>What a secured cluster is made of.</summary>
public sealed class ClusterSecurityOptions
{
    /// <summary>As Kubernetes has it.</summary>
    public const int DefaultTolerationSeconds = 300;

    public required ClusterCertificates Certificates { get; init; }

    /// <summary>In every service account's token. Nobody has to be able to open it.</summary>
    public string Issuer { get; init; } = "https://kubernetes.default.svc.cluster.local";

    /// <summary>Whom tokens for the API server are for; empty takes the issuer.</summary>
    public IReadOnlyList<string> Audiences { get; init; } = [];

    /// <summary>Where the tokens' public keys can be fetched; null is the issuer's own <c>/openid/v1/jwks</c>.</summary>
    public string? KeySetUri { get; init; }

    /// <summary>Tokens that are known from the start, and whose they are.</summary>
    public IReadOnlyDictionary<string, UserInfo> StaticTokens { get; init; } = new Dictionary<string, UserInfo>();

    /// <summary>Who shows no credentials is <c>system:anonymous</c>, whom roles may allow something; else they get 401.</summary>
    public bool AllowAnonymous { get; init; } = true;

    /// <summary>Volumes and claims get the finalizers that keep them while they are used. Only for clusters in which a controller takes
    /// those finalizers away again: elsewhere a deleted claim would stay for ever.</summary>
    public bool ProtectStorageInUse { get; init; }

    /// <summary>How long a pod stays on a node that is not ready, unless it says so itself.</summary>
    public long NotReadyTolerationSeconds { get; init; } = DefaultTolerationSeconds;

    /// <summary>How long a pod stays on a node that is silent, unless it says so itself.</summary>
    public long UnreachableTolerationSeconds { get; init; } = DefaultTolerationSeconds;

    /// <summary>The server's address for other machines, which may join as nodes; null: none may.</summary>
    public Uri? JoinAddress { get; init; }
}
