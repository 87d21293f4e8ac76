using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Tests.Security;

public sealed class CertificateRequestsTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static readonly CertificateAuthority Authority = CertificateAuthority.Create("test-ca", Now, TimeSpan.FromDays(3650));
    private static readonly string[] ClientUsages = ["client auth", "digital signature"];
    private static readonly string[] ServerUsages = ["server auth", "digital signature", "key encipherment"];

    private static byte[] Request(string user, string[] groups, Action<SubjectAlternativeNameBuilder>? names = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new DistinguishedName(user, groups).Encode(), key, HashAlgorithmName.SHA256);
        if (names is not null)
        {
            var builder = new SubjectAlternativeNameBuilder();
            names(builder);
            request.CertificateExtensions.Add(builder.Build());
        }
        return Encoding.ASCII.GetBytes(request.CreateSigningRequestPem());
    }

    private static X509Certificate2 Sign(byte[] request, string[] usages, TimeSpan validity) =>
        X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(CertificateRequests.Sign(Authority, request, usages, validity, Now)));

    [Fact]
    public void A_user_gets_a_certificate_for_what_was_asked()
    {
        byte[] request = Request("ann", ["dev"]);

        using var signed = Sign(request, ClientUsages, TimeSpan.FromDays(1));

        var name = DistinguishedName.Of(signed.SubjectName);
        Assert.Equal(("ann", "dev"), (name.CommonName, name.Organizations.Single()));
        Assert.True(Authority.IsTrusted(signed, CertificateAuthority.ClientAuth, Now));
        Assert.False(Authority.IsTrusted(signed, CertificateAuthority.ServerAuth, Now));
        Assert.Equal(Now.AddDays(1).ToUnixTimeSeconds(), new DateTimeOffset(signed.NotAfter).ToUnixTimeSeconds());
        Assert.False(Authority.IsTrusted(signed, CertificateAuthority.ClientAuth, Now.AddDays(2)));
    }

    [Fact]
    public void A_certificate_never_outlives_its_authority()
    {
        using var signed = Sign(Request("ann", []), ClientUsages, TimeSpan.FromDays(36500));

        Assert.Equal(Authority.Certificate.NotAfter, signed.NotAfter);
    }

    [Fact]
    public void A_request_is_read_with_all_of_its_names()
    {
        var read = CertificateRequests.Read(Request("system:node:a", ["system:nodes"], builder =>
        {
            builder.AddDnsName("a.example.com");
            builder.AddIpAddress(System.Net.IPAddress.Parse("192.0.2.1"));
            builder.AddIpAddress(System.Net.IPAddress.IPv6Loopback);
        }))!;

        Assert.Equal(("system:node:a", "system:nodes"), (read.CommonName, read.Organizations.Single()));
        Assert.Equal(["a.example.com"], read.DnsNames);
        Assert.Equal(["192.0.2.1", "::1"], read.IPAddresses);
        Assert.False(read.HasOtherNames);
        Assert.True(CertificateRequests.Read(Request("a", [], builder => builder.AddUri(new Uri("spiffe://a"))))!.HasOtherNames);
        Assert.True(CertificateRequests.Read(Request("a", [], builder => builder.AddEmailAddress("a@example.com")))!.HasOtherNames);
    }

    [Fact]
    public void A_serving_certificate_keeps_the_names_that_were_asked_for()
    {
        byte[] request = Request("system:node:a", ["system:nodes"], builder => builder.AddDnsName("a.example.com"));

        using var signed = Sign(request, ServerUsages, TimeSpan.FromDays(1));

        Assert.Equal(["a.example.com"], signed.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.True(Authority.IsTrusted(signed, CertificateAuthority.ServerAuth, Now));
    }

    [Fact]
    public void What_is_no_request_and_what_its_key_has_not_signed_is_not_read()
    {
        byte[] request = Request("ann", []);
        string text = Encoding.ASCII.GetString(request);
        int middle = text.Length - 60; // In the signature.
        string forged = text[..middle] + (text[middle] == 'A' ? 'B' : 'A') + text[(middle + 1)..];

        Assert.NotNull(CertificateRequests.Read(request));
        Assert.Null(CertificateRequests.Read(Encoding.ASCII.GetBytes("x")));
        Assert.Null(CertificateRequests.Read(Encoding.ASCII.GetBytes(forged)));
        Assert.Null(CertificateRequests.Read([]));
    }
}
