using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tls;

/// <summary>The certificate that is shown to clients, with the ones between it and its CA (--cert-file, --key-file).</summary>
public sealed class ServerCertificate
{
    private readonly WatchedFiles<SslStreamCertificateContext> _files;

    /// <exception cref="ConfigurationException">The files cannot be read, or do not belong together.</exception>
    public ServerCertificate(string certFile, string keyFile) =>
        _files = new WatchedFiles<SslStreamCertificateContext>([certFile, keyFile], () => Read(certFile, keyFile));

    /// <summary>To be asked at each handshake.</summary>
    public SslStreamCertificateContext Current() => _files.Current();

    private static SslStreamCertificateContext Read(string certFile, string keyFile)
    {
        try
        {
            var leaf = X509Certificate2.CreateFromPemFile(certFile, keyFile);
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(certFile);
            // The first is the leaf. Offline: what is missing is not fetched from the addresses that certificates name.
            return SslStreamCertificateContext.Create(leaf, [.. all.Skip(1)], offline: true);
        }
        catch (Exception fault)
            when (fault is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new ConfigurationException(
                $"cannot load the certificate {GoSyntax.Quote(certFile)} with the key {GoSyntax.Quote(keyFile)} "
                + $"(--cert-file, --key-file; PEM, the key not encrypted): {fault.Message}");
        }
    }
}
