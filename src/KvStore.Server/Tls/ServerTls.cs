using System.Net.Security;
using System.Security.Authentication;
using KvStore.Grpc;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tls;

/// <summary>Makes of what the flags say what a listener needs.</summary>
public static class ServerTls
{
    /// <summary>TLS 1.3 has suites of its own, which --cipher-suites does not take away (as for etcd).</summary>
    private static readonly TlsCipherSuite[] Tls13Suites =
    [
        TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    ];

    /// <exception cref="ConfigurationException">A certificate cannot be read.</exception>
    public static GrpcTlsOptions Load(TlsOptions options)
    {
        var server = new ServerCertificate(options.CertFile, options.KeyFile);
        var clients = new ClientCertificates(options);
        return new GrpcTlsOptions
        {
            CertificateSelector = _ => server.Current(),
            ClientCertificates = options.RequiresClientCertificate
                ? GrpcClientCertificates.Required
                : GrpcClientCertificates.None,
            ClientCertificateValidator = clients.IsTrusted,
            Protocols = options.Protocols,
            CipherSuites = SuitesOf(options),
        };
    }

    internal static CipherSuitesPolicy? SuitesOf(TlsOptions options)
    {
        if (options.CipherSuites.Count == 0)
            return null;
        if (OperatingSystem.IsWindows())
            throw new ConfigurationException("--cipher-suites cannot be set on Windows: its own policy says what is used");
        return new CipherSuitesPolicy(
            options.Protocols.HasFlag(SslProtocols.Tls13) ? options.CipherSuites.Concat(Tls13Suites) : options.CipherSuites);
    }
}
