using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KvStore.Grpc;

/// <summary>Turns <see cref="GrpcTlsOptions"/> into what each handshake needs.</summary>
internal static class TlsHandshake
{
    public static ValueTask<SslServerAuthenticationOptions> ForConnection(
        this GrpcTlsOptions options, TlsHandshakeCallbackContext handshake)
    {
        var serverName = handshake.ClientHelloInfo.ServerName;
        return ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = options.CertificateSelector(serverName.Length == 0 ? null : serverName),
            EnabledSslProtocols = options.Protocols,
            CipherSuitesPolicy = options.CipherSuites,
            ClientCertificateRequired = options.ClientCertificates != GrpcClientCertificates.None,
            RemoteCertificateValidationCallback =
                (_, certificate, chain, errors) => IsTrusted(options, certificate, chain, errors),
        });
    }

    private static bool IsTrusted(
        GrpcTlsOptions options, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 shown)
            return MayBeMissing(options);
        return options.ClientCertificateValidator?.Invoke(shown, chain, errors) ?? errors == SslPolicyErrors.None;
    }

    private static bool MayBeMissing(GrpcTlsOptions options)
    {
        if (options.ClientCertificates != GrpcClientCertificates.Required)
            return true;
        options.ClientCertificateMissing?.Invoke();
        return false;
    }
}
