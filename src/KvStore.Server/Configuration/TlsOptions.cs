using System.Net.Security;
using System.Security.Authentication;

namespace KvStore.Server.Configuration;

/// <summary>How to encrypt, and whom to let in.</summary>
public sealed record TlsOptions
{
    /// <summary>PEM; empty where nothing is served with TLS.</summary>
    public required string CertFile { get; init; }

    public required string KeyFile { get; init; }

    /// <summary>PEM of the CAs that sign clients' certificates; empty means the system's.</summary>
    public required string TrustedCaFile { get; init; }

    /// <summary>Clients without a good certificate are turned away. As for etcd, naming a CA alone is enough.</summary>
    public required bool RequiresClientCertificate { get; init; }

    /// <summary>Host names one of which a client's certificate must have; empty is no such condition.</summary>
    public required IReadOnlyList<string> AllowedHostnames { get; init; }

    /// <summary><see cref="SslProtocols.None"/> leaves it to the system.</summary>
    public required SslProtocols Protocols { get; init; }

    /// <summary>Empty leaves it to the system.</summary>
    public required IReadOnlyList<TlsCipherSuite> CipherSuites { get; init; }
}
