using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tls;

/// <summary>A certificate that is shown to others, with the ones between it and its CA.</summary>
public sealed class ServerCertificate
{
    private readonly WatchedFiles<SslStreamCertificateContext> _files;

    /// <param name="flags">Which name the files, for errors.</param>
    /// <exception cref="ConfigurationException">The files cannot be read, or do not belong together.</exception>
    public ServerCertificate(string certFile, string keyFile, string flags = "--cert-file, --key-file") =>
        _files = new WatchedFiles<SslStreamCertificateContext>([certFile, keyFile], () => Read(certFile, keyFile, flags));

    /// <summary>To be asked at each handshake.</summary>
    public SslStreamCertificateContext Current() => _files.Current();

    private static SslStreamCertificateContext Read(string certFile, string keyFile, string flags)
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
                + $"({flags}; PEM, the key not encrypted): {fault.Message}");
        }
    }
}
