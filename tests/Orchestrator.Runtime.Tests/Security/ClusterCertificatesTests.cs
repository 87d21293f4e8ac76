using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Tests.Security;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class ClusterCertificatesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeClock _clock = new(DateTimeOffset.UtcNow);

    public void Dispose() => _directory.Dispose();

    private ClusterCertificates Ensure(params string[] hostNames) => ClusterCertificates.Ensure(new ClusterCertificatesOptions
    {
        Directory = _directory.File("tls"),
        FirstServiceAddress = IPAddress.Parse("10.96.0.1"),
        HostNames = hostNames,
        Addresses = [IPAddress.Parse("192.0.2.7")],
        Clock = _clock,
    });

    [Fact]
    public void The_serving_certificate_names_all_ways_to_the_API_server()
    {
        using var certificates = Ensure("box.example.com");

        var names = certificates.ApiServer.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();

        Assert.Equal(
            ["box.example.com", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"],
            names.EnumerateDnsNames().Order(StringComparer.Ordinal));
        Assert.Equal(["10.96.0.1", "127.0.0.1", "192.0.2.7", "::1"],
            names.EnumerateIPAddresses().Select(address => address.ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Users_are_named_by_their_certificates()
    {
        using var certificates = Ensure();

        void Check(X509Certificate2 certificate, string user, params string[] groups)
        {
            var name = DistinguishedName.Of(certificate.SubjectName);
            Assert.Equal((user, string.Join(',', groups)), (name.CommonName, string.Join(',', name.Organizations)));
            Assert.True(certificates.ClientAuthority.IsTrusted(certificate, CertificateAuthority.ClientAuth, _clock.GetUtcNow()));
            Assert.False(certificates.ServerAuthority.IsTrusted(certificate, CertificateAuthority.ClientAuth, _clock.GetUtcNow()));
        }
        Check(certificates.Admin, "kubernetes-admin", "system:masters");
        Check(certificates.Scheduler, "system:kube-scheduler");
        Check(certificates.ControllerManager, "system:kube-controller-manager");
        using var kubelet = certificates.EnsureKubelet("node-1");
        Check(kubelet, "system:node:node-1", "system:nodes");
    }

    [Fact]
    public void A_clock_that_shows_a_time_before_the_cluster_was_made_is_said_to_be_wrong()
    {
        Ensure().Dispose();
        _clock.Advance(TimeSpan.FromDays(-2));

        string problem = Assert.Throws<CryptographicException>(() => Ensure()).Message;

        Assert.Matches("^this machine's clock shows .*Z, the cluster was made later, at .*Z: set the clock$", problem);
        Assert.Equal(problem, ClusterCertificates.ClockProblem(_directory.File("tls"), _clock.GetUtcNow()));
        _clock.Advance(TimeSpan.FromDays(3));
        Assert.Null(ClusterCertificates.ClockProblem(_directory.File("tls"), _clock.GetUtcNow()));
        Assert.Null(ClusterCertificates.ClockProblem(_directory.File("nowhere"), _clock.GetUtcNow()));
    }

    [Fact]
    public void Only_the_owner_may_read_the_files()
    {
        using var certificates = Ensure();
        using var kubelet = certificates.EnsureKubelet("node-1");

        var files = Directory.GetFiles(_directory.File("tls"));

        Assert.Contains(_directory.File("tls/kubelet-node-1.key"), files);
        Assert.All(files, file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_directory.File("tls")));
    }

    [Fact]
    public void A_second_start_finds_the_same_certificates_and_keys()
    {
        string[] Thumbprints()
        {
            using var certificates = Ensure();
            return
            [
                certificates.ServerAuthority.Certificate.Thumbprint, certificates.ClientAuthority.Certificate.Thumbprint,
                certificates.ApiServer.Thumbprint, certificates.Admin.Thumbprint,
                Convert.ToHexString(certificates.ServiceAccountKey.ExportSubjectPublicKeyInfo()),
            ];
        }

        Assert.Equal(Thumbprints(), Thumbprints());
    }

    [Fact]
    public void A_start_renews_what_ends_within_ninety_days_and_no_authority()
    {
        string admin, authority;
        using (var certificates = Ensure())
            (admin, authority) = (certificates.Admin.Thumbprint, certificates.ClientAuthority.Certificate.Thumbprint);
        _clock.Advance(TimeSpan.FromDays(365 - 91));
        using (var certificates = Ensure())
            Assert.Equal(admin, certificates.Admin.Thumbprint);

        _clock.Advance(TimeSpan.FromDays(2));

        using var renewed = Ensure();
        Assert.NotEqual(admin, renewed.Admin.Thumbprint);
        Assert.Equal(authority, renewed.ClientAuthority.Certificate.Thumbprint);
        Assert.True(renewed.Admin.NotAfter > _clock.GetUtcNow().AddDays(364));
    }

    [Fact]
    public void A_new_host_name_makes_a_new_serving_certificate_and_nothing_else()
    {
        string serving, admin;
        using (var certificates = Ensure())
            (serving, admin) = (certificates.ApiServer.Thumbprint, certificates.Admin.Thumbprint);

        using var changed = Ensure("new.example.com");

        Assert.NotEqual(serving, changed.ApiServer.Thumbprint);
        Assert.Equal(admin, changed.Admin.Thumbprint);
    }

    [Fact]
    public void A_damaged_certificate_is_made_anew_and_a_damaged_authority_stops_the_start()
    {
        Ensure().Dispose();
        File.WriteAllText(_directory.File("tls/admin.crt"), "torn");
        using (var certificates = Ensure())
            Assert.Equal("kubernetes-admin", DistinguishedName.Of(certificates.Admin.SubjectName).CommonName);

        File.WriteAllText(_directory.File("tls/client-ca.crt"), "torn");

        var error = Assert.Throws<CryptographicException>(() => Ensure());
        Assert.Contains("client-ca", error.Message);
    }

    [Fact]
    public void A_first_start_that_was_cut_off_is_taken_up_again()
    {
        Ensure().Dispose();
        File.Delete(_directory.File("tls/server-ca.crt")); // The key was written, the certificate was not.

        using var certificates = Ensure();

        Assert.True(certificates.ServerAuthority.IsTrusted(certificates.ApiServer, CertificateAuthority.ServerAuth, _clock.GetUtcNow()));
    }

    [Fact]
    public async Task A_client_and_a_server_believe_each_other()
    {
        using var certificates = Ensure();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var accepting = listener.AcceptTcpClientAsync();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var accepted = await accepting;
        await using var serverStream = new SslStream(accepted.GetStream());
        await using var clientStream = new SslStream(client.GetStream());

        var serving = serverStream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = certificates.ApiServer,
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = (_, shown, _, _) =>
                certificates.ClientAuthority.IsTrusted((X509Certificate2)shown!, CertificateAuthority.ClientAuth, DateTimeOffset.UtcNow),
        });
        await clientStream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "kubernetes.default.svc",
            ClientCertificates = [certificates.Admin],
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { certificates.ServerAuthority.Certificate },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        });
        await serving;

        Assert.Equal(SslProtocols.Tls13, clientStream.SslProtocol);
        Assert.Equal(certificates.Admin.Thumbprint, ((X509Certificate2)serverStream.RemoteCertificate!).Thumbprint);
    }

    [Fact]
    public void An_organization_with_several_values_is_read_as_several_groups()
    {
        // Go writes them as one part with several values: SET { O=a, O=b }.
        var writer = new System.Formats.Asn1.AsnWriter(System.Formats.Asn1.AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSetOf())
            {
                foreach (string group in new[] { "a", "b" })
                {
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier("2.5.4.10");
                        writer.WriteCharacterString(System.Formats.Asn1.UniversalTagNumber.PrintableString, group);
                    }
                }
            }
        }

        Assert.Equal(["a", "b"], DistinguishedName.Of(new X500DistinguishedName(writer.Encode())).Organizations);
    }
}
