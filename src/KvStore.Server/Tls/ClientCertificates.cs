using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Tls;

/// <summary>Decides which client certificates are let in (--trusted-ca-file, --client-cert-allowed-hostname).</summary>
public sealed class ClientCertificates
{
    /// <summary>The purpose "TLS client" in a certificate.</summary>
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly WatchedFiles<X509Certificate2Collection>? _authorities;
    private readonly IReadOnlyList<string> _allowedHostnames;

    /// <exception cref="ConfigurationException">The file of the CAs cannot be read.</exception>
    public ClientCertificates(TlsOptions options)
    {
        string path = options.TrustedCaFile;
        _authorities = path.Length > 0 ? new WatchedFiles<X509Certificate2Collection>([path], () => Read(path)) : null;
        _allowedHostnames = options.AllowedHostnames;
    }

    /// <param name="chain">As built with what the system trusts; used for the certificates that the client sent along.</param>
    /// <param name="errors">By the system's judgement, which counts only where no CA is named.</param>
    public bool IsTrusted(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (FindProblem(certificate, chain, errors) is not { } problem)
            return true;
        Log.Warn("rejected connection", ("error", problem), ("subject", certificate.Subject));
        return false;
    }

    private string? FindProblem(X509Certificate2 certificate, X509Chain? presented, SslPolicyErrors errors)
    {
        if (_authorities is null)
        {
            if (errors != SslPolicyErrors.None)
                return $"the client's certificate is not trusted: {errors}";
        }
        else if (FindChainProblem(certificate, presented, _authorities.Current()) is { } problem)
        {
            return problem;
        }
        bool isNamed = _allowedHostnames.Count == 0
            || _allowedHostnames.Any(name => certificate.MatchesHostname(name, allowWildcards: true, allowCommonName: false));
        return isNamed ? null : "the client's certificate has none of the allowed host names";
    }

    private static string? FindChainProblem(
        X509Certificate2 certificate, X509Chain? presented, X509Certificate2Collection authorities)
    {
        using var chain = new X509Chain();
        X509ChainPolicy policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(authorities);
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        if (presented is not null)
            policy.ExtraStore.AddRange(presented.ChainElements.Select(element => element.Certificate).ToArray());
        return chain.Build(certificate)
            ? null
            : "the client's certificate is not trusted: " + string.Join(", ", chain.ChainStatus.Select(status => status.Status));
    }

    private static X509Certificate2Collection Read(string path)
    {
        try
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPemFile(path);
            return authorities.Count > 0 ? authorities : throw new CryptographicException("There is no certificate in it.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ConfigurationException(
                $"cannot load the certificates of {GoSyntax.Quote(path)} (--trusted-ca-file; PEM): {fault.Message}");
        }
    }
}
