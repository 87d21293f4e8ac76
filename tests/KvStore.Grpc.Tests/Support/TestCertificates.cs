using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvStore.Grpc.Tests.Support;

/// <summary>Certificates made once a run: an authority, a server's and a client's, and one by nobody.</summary>
internal static class TestCertificates
{
    private static readonly DateTimeOffset Issued = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly X509Certificate2 Authority = Create("test authority", null);

    public static readonly SslStreamCertificateContext Server = CreateServer();
    public static readonly X509Certificate2 Client = Create("root", Authority);
    public static readonly X509Certificate2 Stranger = Create("stranger", null);

    /// <summary>A second server certificate of the same authority, as a renewal brings it.</summary>
    public static SslStreamCertificateContext CreateServer() =>
        SslStreamCertificateContext.Create(Create("localhost", Authority), null, offline: true);

    public static SslClientAuthenticationOptions TrustingClient(X509Certificate2? own = null) => new()
    {
        ClientCertificates = own is null ? null : [own],
        CertificateChainPolicy = Policy(),
    };

    public static bool IsFromAuthority(X509Certificate2 certificate)
    {
        using var chain = new X509Chain { ChainPolicy = Policy() };
        return chain.Build(certificate);
    }

    private static X509ChainPolicy Policy() => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { Authority },
        RevocationMode = X509RevocationMode.NoCheck,
    };

    private static X509Certificate2 Create(string name, X509Certificate2? issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(issuer is null, false, 0, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var made = issuer is null
            ? request.CreateSelfSigned(Issued, Issued.AddDays(2))
            : request.Create(issuer, Issued, Issued.AddDays(2), RandomNumberGenerator.GetBytes(8)).CopyWithPrivateKey(key);
        // With a key that is not bound to this object's life.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
