using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using KvStore.Grpc;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Tls;

/// <summary>What members show each other and whom they trust, for the peer port and for calls to others.</summary>
/// <remarks>Files are read again when they change, at the next handshake.</remarks>
public sealed class PeerTls
{
    private const string SubjectAlternativeNames = "2.5.29.17";

    private readonly PeerTlsOptions _options;
    private readonly Func<SslStreamCertificateContext> _shownToCallers;
    private readonly Func<SslStreamCertificateContext> _shownToCalled;
    private readonly CertificateAuthorities _authorities;
    private readonly RevokedCertificates _revoked;
    private readonly CipherSuitesPolicy? _suites;
    private readonly RepeatedProblems _problems = new(TimeProvider.System);

    private PeerTls(
        PeerTlsOptions options, Func<SslStreamCertificateContext> shownToCallers, Func<SslStreamCertificateContext> shownToCalled)
    {
        (_options, _shownToCallers, _shownToCalled) = (options, shownToCallers, shownToCalled);
        _authorities = new CertificateAuthorities(options.Tls.TrustedCaFile, "--peer-trusted-ca-file");
        _revoked = new RevokedCertificates(options.RevocationListFile, "--peer-crl-file");
        _suites = ServerTls.SuitesOf(options.Tls);
        Listener = new GrpcTlsOptions
        {
            CertificateSelector = _ => _shownToCallers(),
            ClientCertificates = options.Tls.RequiresClientCertificate ? GrpcClientCertificates.Required : GrpcClientCertificates.None,
            ClientCertificateValidator = IsTrustedCaller,
            ClientCertificateMissing = () => LogRejected(
                "", "a caller on the peer port showed no certificate, which --peer-client-cert-auth or --peer-trusted-ca-file demands"),
            Protocols = options.Tls.Protocols,
            CipherSuites = _suites,
        };
    }

    /// <summary>For the endpoints of the peer port.</summary>
    public GrpcTlsOptions Listener { get; }

    /// <param name="hosts">Under which this member is reached; a self-made certificate names them.</param>
    /// <returns>Null where the flags set nothing up for TLS between peers.</returns>
    /// <exception cref="ConfigurationException">A file cannot be read.</exception>
    public static PeerTls? Load(PeerTlsOptions options, IEnumerable<string> hosts)
    {
        if (options.Tls.CertFile.Length > 0)
        {
            var own = new ServerCertificate(options.Tls.CertFile, options.Tls.KeyFile, "--peer-cert-file, --peer-key-file");
            var calling = options.CallCertFile.Length == 0
                ? own
                : new ServerCertificate(options.CallCertFile, options.CallKeyFile, "--peer-client-cert-file, --peer-client-key-file");
            return new PeerTls(options, own.Current, calling.Current);
        }
        if (!options.IsAutomatic)
            return null;
        var made = SelfSignedCertificate.Make(hosts, options.SelfSignedYears, TimeProvider.System.GetUtcNow());
        return new PeerTls(options, () => made, () => made);
    }

    /// <summary>For one call to a peer.</summary>
    /// <param name="host">As its URL names it.</param>
    /// <param name="rejected">Told why the called peer's certificate is not accepted; the handshake then fails.</param>
    public SslClientAuthenticationOptions ForCall(string host, Action<string> rejected) => new()
    {
        TargetHost = host,
        ClientCertificateContext = _shownToCalled(),
        EnabledSslProtocols = _options.Tls.Protocols,
        CipherSuitesPolicy = _suites,
        ApplicationProtocols = [SslApplicationProtocol.Http11],
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsTrustedCalled(host, certificate, chain, errors, rejected),
    };

    /// <summary>
    /// Whether a caller's certificate fits the address that it calls from, as etcd demands: one of the IP addresses in it, or an
    /// address of one of the names in it.
    /// </summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public async Task<string?> FindAddressProblemAsync(X509Certificate2? certificate, IPAddress? address, CancellationToken cancellation)
    {
        if (_options.SkipsClientSanVerification || certificate is null || address is null)
            return null;
        if (certificate.Extensions.FirstOrDefault(extension => extension.Oid?.Value == SubjectAlternativeNames) is not { } extension)
            return null;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        var names = new X509SubjectAlternativeNameExtension(extension.RawData);
        IPAddress[] addresses = [.. names.EnumerateIPAddresses()];
        string[] hosts = [.. names.EnumerateDnsNames()];
        if ((addresses.Length == 0 && hosts.Length == 0) || addresses.Contains(address))
            return null;
        foreach (string host in hosts)
        {
            if (await IsAtAsync(host, address, cancellation))
                return null;
        }
        return $"tls: {GoSyntax.Quote(address.ToString())} does not match any of the certificate's addresses [{string.Join(' ', addresses.AsEnumerable())}] "
            + $"and DNS names [{string.Join(' ', hosts)}] (--peer-skip-client-san-verification turns this check off)";
    }

    private static async Task<bool> IsAtAsync(string host, IPAddress address, CancellationToken cancellation)
    {
        try
        {
            if (!host.StartsWith("*.", StringComparison.Ordinal))
                return (await Dns.GetHostAddressesAsync(host, cancellation)).Contains(address);
            string name = (await Dns.GetHostEntryAsync(address.ToString(), cancellation)).HostName.TrimEnd('.');
            return name.IndexOf('.') is > 0 and var dot && name.AsSpan(dot).Equals(host.AsSpan(1), StringComparison.OrdinalIgnoreCase);
        }
        catch (SocketException)
        {
            // A name that stands for no address stands not for this one.
            return false;
        }
    }

    private bool IsTrustedCaller(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (FindProblem(certificate, chain, errors, CertificateAuthorities.ClientAuthentication) is { } problem)
        {
            LogRejected(certificate.Subject, $"the calling peer's certificate is not accepted: {problem}");
            return false;
        }
        _problems.Forget(certificate.Subject);
        return true;
    }

    private void LogRejected(string subject, string problem)
    {
        // The caller tries again and again.
        if (_problems.IsNew(subject, problem))
            Log.Warn("rejected connection", ("error", problem), ("subject", subject));
    }

    private bool IsTrustedCalled(string host, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors, Action<string> rejected)
    {
        // Self-made certificates prove nothing to anyone.
        if (_options.Tls.CertFile.Length == 0)
            return true;
        string? problem = shown is not X509Certificate2 certificate
            ? "it has shown none"
            : FindProblem(certificate, chain, errors, CertificateAuthorities.ServerAuthentication) ?? FindNameProblem(host, certificate, errors);
        if (problem is not null)
            rejected(problem);
        return problem is null;
    }

    private static string? FindNameProblem(string host, X509Certificate2 certificate, SslPolicyErrors errors) =>
        errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)
        && !certificate.MatchesHostname(host, allowWildcards: true, allowCommonName: false)
            ? $"it is not valid for {host}"
            : null;

    private string? FindProblem(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors, string purpose)
    {
        if (_authorities.FindProblem(certificate, chain, errors, purpose) is { } problem)
            return problem;
        var presented = chain?.ChainElements.Select(element => element.Certificate) ?? [];
        if (presented.Append(certificate).FirstOrDefault(_revoked.Contains) is { } revoked)
            return $"the certificate with the serial number {revoked.SerialNumber} is revoked";
        if (_options.AllowedCommonNames.Count > 0
            && !_options.AllowedCommonNames.Contains(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false)))
        {
            return "it has none of the allowed common names";
        }
        bool isNamed = _options.Tls.AllowedHostnames.Count == 0
            || _options.Tls.AllowedHostnames.Any(name => certificate.MatchesHostname(name, allowWildcards: true, allowCommonName: false));
        return isNamed ? null : "it has none of the allowed host names";
    }
}
