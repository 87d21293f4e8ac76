using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvStore.Grpc;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Hosting;

/// <summary>The certificate that clients are shown and the authorities that theirs must come from, read again when the files
/// change: certificates are renewed without a restart.</summary>
internal sealed class ServerCertificates
{
    private readonly TlsOptions _options;
    private readonly Lock _lock = new();
    private SslStreamCertificateContext _own;
    private X509Certificate2Collection _authorities;
    private (DateTime, DateTime, DateTime) _stamps;

    /// <exception cref="ConfigurationException">A file is missing or is not what it should be.</exception>
    public ServerCertificates(TlsOptions options)
    {
        _options = options;
        if (options.CertFile.Length == 0 || options.KeyFile.Length == 0)
            throw new ConfigurationException("a URL with https needs --cert-file and --key-file");
        _stamps = Stamps();
        (_own, _authorities) = Read();
        Options = new GrpcTlsOptions
        {
            CertificateSelector = _ => Current(),
            ClientCertificates = options.RequiresClientCertificate ? GrpcClientCertificates.Required : GrpcClientCertificates.None,
            ClientCertificateValidator = IsTrusted,
            Protocols = options.Protocols,
            CipherSuites = options.CipherSuites.Count == 0 || OperatingSystem.IsWindows() ? null : SuitesOf(options.CipherSuites),
        };
    }

    public GrpcTlsOptions Options { get; }

    private static CipherSuitesPolicy? SuitesOf(IReadOnlyList<TlsCipherSuite> suites) =>
        OperatingSystem.IsWindows() ? null : new CipherSuitesPolicy(suites);

    private SslStreamCertificateContext Current()
    {
        lock (_lock)
        {
            var stamps = Stamps();
            if (stamps != _stamps)
                ReadAgain(stamps);
            return _own;
        }
    }

    private void ReadAgain((DateTime, DateTime, DateTime) stamps)
    {
        _stamps = stamps;
        try
        {
            (_own, _authorities) = Read();
        }
        catch (ConfigurationException problem)
        {
            // Half-written files: the old certificate serves on, and the next change is looked at.
            Log.Warn("cannot reload certificates, the old ones stay in use", ("error", problem.Message));
        }
    }

    private bool IsTrusted(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        X509Certificate2Collection authorities;
        lock (_lock)
            authorities = _authorities;
        using var own = new X509Chain();
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        if (authorities.Count > 0)
        {
            own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            own.ChainPolicy.CustomTrustStore.AddRange(authorities);
        }
        if (chain is not null)
            own.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
        return own.Build(certificate)
            && (_options.AllowedHostnames.Count == 0 || _options.AllowedHostnames.Any(name => certificate.MatchesHostname(name)));
    }

    private (SslStreamCertificateContext, X509Certificate2Collection) Read()
    {
        try
        {
            using var pair = X509Certificate2.CreateFromPemFile(_options.CertFile, _options.KeyFile);
            var certificate = X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(_options.CertFile);
            var authorities = new X509Certificate2Collection();
            if (_options.TrustedCaFile.Length > 0)
                authorities.ImportFromPemFile(_options.TrustedCaFile);
            return (SslStreamCertificateContext.Create(certificate, chain, offline: true), authorities);
        }
        catch (Exception problem) when (problem is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"cannot use the certificate {_options.CertFile} with {_options.KeyFile}: {problem.Message}");
        }
    }

    private (DateTime, DateTime, DateTime) Stamps() =>
        (File.GetLastWriteTimeUtc(_options.CertFile), File.GetLastWriteTimeUtc(_options.KeyFile),
            _options.TrustedCaFile.Length > 0 ? File.GetLastWriteTimeUtc(_options.TrustedCaFile) : default);
}
