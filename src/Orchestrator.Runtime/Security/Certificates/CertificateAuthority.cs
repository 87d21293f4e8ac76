using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Runtime.Security.Certificates;

/// <summary>A certificate authority: signs certificates of servers and clients. Keys are P-256: quick to make and to use.</summary>
public sealed class CertificateAuthority(X509Certificate2 certificate) : IDisposable
{
    private const int SerialNumberBytes = 16;

    internal static readonly Oid ServerAuth = new("1.3.6.1.5.5.7.3.1");
    internal static readonly Oid ClientAuth = new("1.3.6.1.5.5.7.3.2");

    // Clocks of nodes differ a little.
    private static readonly TimeSpan Backdate = TimeSpan.FromMinutes(5);

    /// <summary>With its private key.</summary>
    public X509Certificate2 Certificate { get; } = certificate;

    /// <summary>PEM of the certificate, without the key.</summary>
    public string CertificatePem { get; } = certificate.ExportCertificatePem() + "\n";

    internal static CertificateAuthority Create(string commonName, DateTimeOffset now, TimeSpan lifetime)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new DistinguishedName(commonName, []).Encode(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment | X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return new(request.CreateSelfSigned(now - Backdate, now + lifetime));
    }

    /// <summary>Makes a key and a certificate for it.</summary>
    internal X509Certificate2 Issue(CertificateSubject subject, DateTimeOffset now, TimeSpan lifetime)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject.Name.Encode(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([subject.Usage], critical: false));
        if (subject.AlternativeNames() is { } names)
            request.CertificateExtensions.Add(names);
        using var signed = Sign(request, now, lifetime);
        return signed.CopyWithPrivateKey(key);
    }

    /// <summary>Signs what a request asks for: its subject, key and extensions as they stand in it.</summary>
    /// <returns>Without a private key.</returns>
    internal X509Certificate2 Sign(CertificateRequest request, DateTimeOffset now, TimeSpan lifetime)
    {
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        var until = now + lifetime;
        if (until > Certificate.NotAfter)
            until = Certificate.NotAfter;
        using var key = Certificate.GetECDsaPrivateKey()
            ?? throw new CryptographicException("The certificate authority has no key that it can sign with.");
        return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(key), now - Backdate, until, SerialNumber());
    }

    /// <summary>Has this authority signed <paramref name="certificate"/>, and is it good at <paramref name="now"/> for that usage?</summary>
    internal bool IsTrusted(X509Certificate2 certificate, Oid usage, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(Certificate);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(usage);
        return chain.Build(certificate);
    }

    public void Dispose() => Certificate.Dispose();

    private static byte[] SerialNumber()
    {
        byte[] serial = RandomNumberGenerator.GetBytes(SerialNumberBytes);
        serial[0] &= 0x7f; // A serial number is positive.
        serial[0] |= 0x01; // And has no leading zero byte.
        return serial;
    }
}
