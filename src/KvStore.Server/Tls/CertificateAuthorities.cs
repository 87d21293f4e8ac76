using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tls;

/// <summary>Whose signature is trusted: the CAs of a file, or those of the system where none is named.</summary>
internal sealed class CertificateAuthorities
{
    /// <summary>The purpose "TLS client" in a certificate.</summary>
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private readonly WatchedFiles<X509Certificate2Collection>? _authorities;

    /// <param name="path">PEM; empty for the system's.</param>
    /// <param name="flag">Which names the file, for errors.</param>
    /// <exception cref="ConfigurationException">The file cannot be read.</exception>
    public CertificateAuthorities(string path, string flag) =>
        _authorities = path.Length > 0 ? new WatchedFiles<X509Certificate2Collection>([path], () => Read(path, flag)) : null;

    /// <param name="presented">As built with what the system trusts; used for the certificates that were sent along.</param>
    /// <param name="errors">By the system's judgement, which counts only where no file is named. The name is the caller's to judge.</param>
    /// <returns>Why the certificate is not trusted; null if it is.</returns>
    public string? FindProblem(X509Certificate2 certificate, X509Chain? presented, SslPolicyErrors errors, string purpose)
    {
        if (_authorities is null)
            return errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) ? $"{SslPolicyErrors.RemoteCertificateChainErrors}" : null;
        using var chain = new X509Chain();
        X509ChainPolicy policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(_authorities.Current());
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.ApplicationPolicy.Add(new Oid(purpose));
        if (presented is not null)
            policy.ExtraStore.AddRange(presented.ChainElements.Select(element => element.Certificate).ToArray());
        return chain.Build(certificate) ? null : string.Join(", ", chain.ChainStatus.Select(status => status.Status));
    }

    private static X509Certificate2Collection Read(string path, string flag)
    {
        try
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPemFile(path);
            return authorities.Count > 0 ? authorities : throw new CryptographicException("There is no certificate in it.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ConfigurationException($"cannot load the certificates of {GoSyntax.Quote(path)} ({flag}; PEM): {fault.Message}");
        }
    }
}
