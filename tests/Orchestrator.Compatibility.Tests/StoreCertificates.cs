using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Compatibility.Tests;

/// <summary>An authority, a store's certificate and a client's, as PEM files; and a stranger's of each.</summary>
internal sealed class StoreCertificates
{
    private readonly string _directory;

    public StoreCertificates(string directory)
    {
        _directory = directory;
        using var authority = MakeAuthority("ca");
        Issue(authority, "server");
        Issue(authority, "client");
        using var other = MakeAuthority("other-ca");
        Issue(other, "stranger");
    }

    public string[] ServerOptions =>
        ["--cert-file", FileOf("server.crt"), "--key-file", FileOf("server.key"), "--trusted-ca-file", FileOf("ca.crt"), "--client-cert-auth"];

    public string[] EtcdctlOptions => ["--cacert", FileOf("ca.crt"), "--cert", FileOf("client.crt"), "--key", FileOf("client.key")];

    /// <summary>What <c>orchestrator</c> is told.</summary>
    public string[] Options(string authority = "ca", string? client = "client") =>
    [
        "--store-cafile", FileOf(authority + ".crt"),
        .. client is null ? Array.Empty<string>() : ["--store-certfile", FileOf(client + ".crt"), "--store-keyfile", FileOf(client + ".key")],
    ];

    public string FileOf(string name) => Path.Combine(_directory, name);

    private X509Certificate2 MakeAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        File.WriteAllText(FileOf(name + ".crt"), certificate.ExportCertificatePem());
        return certificate;
    }

    private void Issue(X509Certificate2 authority, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(
            authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(FileOf(name + ".crt"), certificate.ExportCertificatePem());
        File.WriteAllText(FileOf(name + ".key"), key.ExportPkcs8PrivateKeyPem());
    }
}
