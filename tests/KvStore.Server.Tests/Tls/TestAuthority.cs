using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvStore.Server.Tests.Tls;

/// <summary>A certificate authority that issues what tests need.</summary>
internal sealed class TestAuthority
{
    public const string ClientPurpose = "1.3.6.1.5.5.7.3.2";
    public const string ServerPurpose = "1.3.6.1.5.5.7.3.1";

    private static readonly DateTimeOffset Start = DateTimeOffset.UtcNow.AddDays(-1);

    public TestAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        Certificate = request.CreateSelfSigned(Start, Start.AddYears(1));
    }

    public X509Certificate2 Certificate { get; }

    public X509Certificate2 Issue(string name, string purpose = ClientPurpose, bool isExpired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        using X509Certificate2 issued = request.Create(
            Certificate, Start, isExpired ? Start.AddHours(1) : Start.AddMonths(1), serial);
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>For a member on the loopback, which calls and is called.</summary>
    public X509Certificate2 IssuePeer(string name, string address = "127.0.0.1")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid(ClientPurpose), new Oid(ServerPurpose)], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddIpAddress(System.Net.IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 issued = request.Create(Certificate, Start, Start.AddMonths(1), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    /// <returns>A revocation list as PEM.</returns>
    public string Revoke(params string[] certFiles)
    {
        var list = new CertificateRevocationListBuilder();
        foreach (string file in certFiles)
            list.AddEntry(X509CertificateLoader.LoadCertificateFromFile(file));
        return PemEncoding.WriteString("X509 CRL", list.Build(Certificate, 1, Start.AddMonths(1), HashAlgorithmName.SHA256));
    }

    public static void Save(X509Certificate2 certificate, string certFile, string keyFile)
    {
        File.WriteAllText(certFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
    }
}
