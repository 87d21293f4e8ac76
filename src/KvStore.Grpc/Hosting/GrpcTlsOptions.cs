using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace KvStore.Grpc;

public enum GrpcClientCertificates
{
    /// <summary>Clients are not asked for one.</summary>
    None,

    /// <summary>A client may show one; what it shows must be valid.</summary>
    Allowed,

    /// <summary>A client without a valid one is refused in the handshake.</summary>
    Required,
}

/// <summary>TLS of a listening endpoint. The callbacks are asked at each handshake, so that files can be read anew.</summary>
public sealed class GrpcTlsOptions
{
    /// <summary>The server's certificate with its chain, given the name that the client asked for (SNI) or null.</summary>
    public required Func<string?, SslStreamCertificateContext> CertificateSelector { get; init; }

    public GrpcClientCertificates ClientCertificates { get; init; }

    /// <summary>Whether a client's certificate is trusted. Without it, what the system trusts is.</summary>
    public Func<X509Certificate2, X509Chain?, SslPolicyErrors, bool>? ClientCertificateValidator { get; init; }

    /// <summary>Called when a client that must show a certificate shows none, before it is refused.</summary>
    public Action? ClientCertificateMissing { get; init; }

    /// <summary>None lets the system choose.</summary>
    public SslProtocols Protocols { get; init; } = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>Null lets the system choose.</summary>
    public CipherSuitesPolicy? CipherSuites { get; init; }
}
