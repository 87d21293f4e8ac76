using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvStore.Server.Tls;

/// <summary>A certificate made by the member itself: it encrypts, and proves nothing.</summary>
internal static class SelfSignedCertificate
{
    public static SslStreamCertificateContext Make(IEnumerable<string> hosts, int years, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("O=kvstore", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid(CertificateAuthorities.ServerAuthentication), new Oid(CertificateAuthorities.ClientAuthentication)], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        foreach (string host in hosts.Where(host => host.Length > 0))
        {
            if (IPAddress.TryParse(host, out var address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
        }
        request.CertificateExtensions.Add(names.Build());
        // A clock that is somewhat behind on the other side is no reason to fail.
        var certificate = request.CreateSelfSigned(now.AddMinutes(-5), now.AddYears(years));
        return SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
    }
}
