using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Tests.Security;

public sealed class CertificateSignersTests
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

    private static X509Certificate2 Sign(byte[] request, string[] usages, int? seconds = null) =>
        X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(CertificateSigners.Sign(Authority, request, usages, seconds, Now)));

    [Fact]
    public void A_user_gets_a_certificate_for_what_was_asked()
    {
        byte[] request = Request("ann", ["dev"]);

        Assert.Null(CertificateSigners.Refusal(CertificateSigners.ApiServerClient, request, ClientUsages));
        using var signed = Sign(request, ClientUsages, 86400);

        var name = DistinguishedName.Of(signed.SubjectName);
        Assert.Equal(("ann", "dev"), (name.CommonName, name.Organizations.Single()));
        Assert.True(Authority.IsTrusted(signed, CertificateAuthority.ClientAuth, Now));
        Assert.False(Authority.IsTrusted(signed, CertificateAuthority.ServerAuth, Now));
        Assert.Equal(Now.AddDays(1).ToUnixTimeSeconds(), new DateTimeOffset(signed.NotAfter).ToUnixTimeSeconds());
        Assert.False(Authority.IsTrusted(signed, CertificateAuthority.ClientAuth, Now.AddDays(2)));
    }

    [Theory]
    [InlineData(null, 365 * 86400)]
    [InlineData(3 * 365 * 86400, 365 * 86400)]
    [InlineData(60, 600)]
    [InlineData(7200, 7200)]
    public void A_lifetime_is_shortened_on_request_within_bounds(int? asked, int seconds)
    {
        using var signed = Sign(Request("ann", []), ClientUsages, asked);

        Assert.Equal(Now.AddSeconds(seconds).ToUnixTimeSeconds(), new DateTimeOffset(signed.NotAfter).ToUnixTimeSeconds());
    }

    [Theory]
    [InlineData("system:node:a", "system:nodes", "", "client auth", null)]
    [InlineData("system:node:a", "system:nodes", "", "client auth,server auth", "usages did not match [client auth key encipherment digital signature]")]
    [InlineData("system:node:a", "system:masters", "", "client auth", "subject organization is not system:nodes")]
    [InlineData("a", "system:nodes", "", "client auth", "subject common name does not begin with system:node:")]
    [InlineData("system:node:a", "system:nodes", "dns", "client auth", "DNS subjectAltNames are not allowed")]
    public void A_kubelet_client_request_must_be_a_nodes(string user, string group, string names, string usages, string? refusal)
    {
        byte[] request = Request(user, [group], names == "dns" ? builder => builder.AddDnsName("a") : null);

        Assert.Equal(refusal, CertificateSigners.Refusal(CertificateSigners.KubeletClient, request, usages.Split(',')));
        Assert.Equal(refusal is null, CertificateSigners.IsKubeletClientRequest(request, usages.Split(','), out string node));
        Assert.Equal(refusal is null ? "a" : "", node);
    }

    [Theory]
    [InlineData("dns", null)]
    [InlineData("ip", null)]
    [InlineData("", "DNS or IP subjectAltName is required")]
    [InlineData("uri", "URI subjectAltNames are not allowed")]
    [InlineData("email", "Email subjectAltNames are not allowed")]
    public void A_kubelet_serving_request_must_name_an_address(string names, string? refusal)
    {
        byte[] request = Request("system:node:a", ["system:nodes"], names.Length == 0 ? null : builder =>
        {
            switch (names)
            {
                case "dns": builder.AddDnsName("a.example.com"); break;
                case "ip": builder.AddIpAddress(System.Net.IPAddress.Loopback); break;
                case "uri": builder.AddUri(new Uri("spiffe://a")); break;
                case "email": builder.AddEmailAddress("a@example.com"); break;
            }
        });

        Assert.Equal(refusal, CertificateSigners.Refusal(CertificateSigners.KubeletServing, request, ServerUsages));
    }

    [Fact]
    public void A_serving_certificate_keeps_the_names_that_were_asked_for()
    {
        byte[] request = Request("system:node:a", ["system:nodes"], builder => builder.AddDnsName("a.example.com"));

        using var signed = Sign(request, ServerUsages);

        Assert.Equal(["a.example.com"], signed.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.True(Authority.IsTrusted(signed, CertificateAuthority.ServerAuth, Now));
    }

    [Fact]
    public void What_is_no_request_and_what_its_key_has_not_signed_is_refused()
    {
        byte[] request = Request("ann", []);
        string text = Encoding.ASCII.GetString(request);
        int middle = text.Length - 60; // In the signature.
        string forged = text[..middle] + (text[middle] == 'A' ? 'B' : 'A') + text[(middle + 1)..];

        Assert.Equal("unable to parse csr", CertificateSigners.Refusal(CertificateSigners.ApiServerClient, Encoding.ASCII.GetBytes("x"), ClientUsages));
        Assert.Equal("unable to parse csr", CertificateSigners.Refusal(CertificateSigners.ApiServerClient, Encoding.ASCII.GetBytes(forged), ClientUsages));
        Assert.Equal("unable to parse csr", CertificateSigners.Refusal(CertificateSigners.ApiServerClient, null, ClientUsages));
    }
}
