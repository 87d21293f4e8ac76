using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvStore.Crash.Tests.Clusters;

/// <summary>A certificate authority, and what it issues for members on loopback; as files in a directory.</summary>
internal sealed class PeerCertificates
{
    private static readonly Oid ForClients = new("1.3.6.1.5.5.7.3.2"), ForServers = new("1.3.6.1.5.5.7.3.1");

    private readonly X509Certificate2 _authority;
    private readonly string _directory;

    public PeerCertificates(string directory)
    {
        _directory = Directory.CreateDirectory(directory).FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(At("ca.pem"), _authority.ExportCertificatePem());
    }

    /// <summary>The flags of a member that shows a certificate of this authority.</summary>
    /// <param name="trusted">Whose certificates it takes; this authority's, if null.</param>
    public IReadOnlyList<string> Flags(string address, PeerCertificates? trusted = null)
    {
        Issue(address);
        return
        [
            $"--peer-cert-file={At(address + ".pem")}", $"--peer-key-file={At(address + ".key")}",
            $"--peer-trusted-ca-file={(trusted ?? this).At("ca.pem")}", "--peer-client-cert-auth",
        ];
    }

    private void Issue(string address)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=member", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([ForClients, ForServers], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(
            _authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(At(address + ".pem"), issued.ExportCertificatePem());
        File.WriteAllText(At(address + ".key"), key.ExportPkcs8PrivateKeyPem());
    }

    private string At(string file) => Path.Combine(_directory, file);
}
