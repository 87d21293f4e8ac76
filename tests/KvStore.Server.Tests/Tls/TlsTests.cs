using System.Net.Security;
using KvStore.Server.Configuration;
using KvStore.Server.Tls;

namespace KvStore.Server.Tests.Tls;

public sealed class TlsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly TestAuthority _authority = new("good CA");

    public void Dispose() => _directory.Dispose();

    private string CertFile => _directory.File("server.pem");

    private string KeyFile => _directory.File("server.key");

    private string CaFile => _directory.File("ca.pem");

    private ClientCertificates Clients(params string[] flags)
    {
        File.WriteAllText(CaFile, _authority.Certificate.ExportCertificatePem());
        return new ClientCertificates(ConfigurationReader.FromFlags([$"--trusted-ca-file={CaFile}", .. flags]).ClientTls);
    }

    [Fact]
    public void A_renewed_certificate_is_shown_without_a_restart()
    {
        TestAuthority.Save(_authority.Issue("old", TestAuthority.ServerPurpose), CertFile, KeyFile);
        var certificate = new ServerCertificate(CertFile, KeyFile);
        Assert.Equal("CN=old", certificate.Current().TargetCertificate.Subject);

        TestAuthority.Save(_authority.Issue("new", TestAuthority.ServerPurpose), CertFile, KeyFile);
        File.SetLastWriteTimeUtc(CertFile, DateTime.UnixEpoch);

        Assert.Equal("CN=new", certificate.Current().TargetCertificate.Subject);
        Assert.Same(certificate.Current(), certificate.Current());
    }

    [Fact]
    public void A_broken_renewal_leaves_the_old_certificate_in_force()
    {
        TestAuthority.Save(_authority.Issue("old", TestAuthority.ServerPurpose), CertFile, KeyFile);
        var certificate = new ServerCertificate(CertFile, KeyFile);

        File.WriteAllText(CertFile, "rubbish");
        File.SetLastWriteTimeUtc(CertFile, DateTime.UnixEpoch);

        Assert.Equal("CN=old", certificate.Current().TargetCertificate.Subject);
    }

    [Fact]
    public void A_missing_or_foreign_key_is_refused_at_the_start()
    {
        TestAuthority.Save(_authority.Issue("a"), CertFile, KeyFile);
        TestAuthority.Save(_authority.Issue("b"), _directory.File("b.pem"), _directory.File("b.key"));

        string missing = Assert.Throws<ConfigurationException>(() => new ServerCertificate(CertFile, _directory.File("none"))).Message;
        string foreign = Assert.Throws<ConfigurationException>(() => new ServerCertificate(CertFile, _directory.File("b.key"))).Message;

        Assert.StartsWith($"cannot load the certificate \"{CertFile}\" with the key ", missing);
        Assert.StartsWith($"cannot load the certificate \"{CertFile}\" with the key ", foreign);
    }

    [Fact]
    public void A_client_of_the_named_authority_is_let_in_whatever_the_system_thinks_of_it() =>
        Assert.True(Clients().IsTrusted(_authority.Issue("client"), null, SslPolicyErrors.RemoteCertificateChainErrors));

    [Fact]
    public void A_client_of_another_authority_is_not() =>
        Assert.False(Clients().IsTrusted(new TestAuthority("good CA").Issue("client"), null, SslPolicyErrors.None));

    [Fact]
    public void An_expired_certificate_is_not_trusted() =>
        Assert.False(Clients().IsTrusted(_authority.Issue("client", isExpired: true), null, SslPolicyErrors.None));

    [Fact]
    public void A_servers_certificate_is_no_clients() =>
        Assert.False(Clients().IsTrusted(_authority.Issue("client", TestAuthority.ServerPurpose), null, SslPolicyErrors.None));

    [Theory]
    [InlineData("a.example", true)]
    [InlineData("b.example", true)]
    [InlineData("c.example", false)]
    public void Only_the_allowed_host_names_are_let_in(string name, bool expected) =>
        Assert.Equal(
            expected,
            Clients("--client-cert-allowed-hostname=a.example,b.example").IsTrusted(_authority.Issue(name), null, SslPolicyErrors.None));

    [Fact]
    public void Without_an_authority_the_systems_judgement_counts()
    {
        var clients = new ClientCertificates(ConfigurationReader.FromFlags("--client-cert-auth").ClientTls);

        Assert.True(clients.IsTrusted(_authority.Issue("client"), null, SslPolicyErrors.None));
        Assert.False(clients.IsTrusted(_authority.Issue("client"), null, SslPolicyErrors.RemoteCertificateChainErrors));
    }

    [Fact]
    public void An_authority_that_cannot_be_read_is_refused_at_the_start()
    {
        File.WriteAllText(CaFile, "no certificate");

        Assert.StartsWith(
            $"cannot load the certificates of \"{CaFile}\"",
            Assert.Throws<ConfigurationException>(() => new ClientCertificates(
                ConfigurationReader.FromFlags($"--trusted-ca-file={CaFile}").ClientTls)).Message);
    }
}
