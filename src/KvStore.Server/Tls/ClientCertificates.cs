using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Tls;

/// <summary>Decides which client certificates are let in (--trusted-ca-file, --client-cert-allowed-hostname).</summary>
/// <exception cref="ConfigurationException">The file of the CAs cannot be read.</exception>
public sealed class ClientCertificates(TlsOptions options)
{
    private readonly CertificateAuthorities _authorities = new(options.TrustedCaFile, "--trusted-ca-file");
    private readonly IReadOnlyList<string> _allowedHostnames = options.AllowedHostnames;

    /// <param name="chain">As built with what the system trusts; used for the certificates that the client sent along.</param>
    /// <param name="errors">By the system's judgement, which counts only where no CA is named.</param>
    public bool IsTrusted(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (FindProblem(certificate, chain, errors) is not { } problem)
            return true;
        Log.Warn("rejected connection", ("error", problem), ("subject", certificate.Subject));
        return false;
    }

    private string? FindProblem(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_authorities.FindProblem(certificate, chain, errors, CertificateAuthorities.ClientAuthentication) is { } problem)
            return "the client's certificate is not trusted: " + problem;
        bool isNamed = _allowedHostnames.Count == 0
            || _allowedHostnames.Any(name => certificate.MatchesHostname(name, allowWildcards: true, allowCommonName: false));
        return isNamed ? null : "the client's certificate has none of the allowed host names";
    }
}
