using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Runtime.Security.Certificates;

/// <summary>Whom a certificate names, and what for.</summary>
internal sealed record CertificateSubject(DistinguishedName Name, Oid Usage, IReadOnlyList<string> DnsNames, IReadOnlyList<IPAddress> Addresses)
{
    /// <summary>A user of that name in those groups.</summary>
    public static CertificateSubject Client(string user, params IReadOnlyList<string> groups) =>
        new(new DistinguishedName(user, groups), CertificateAuthority.ClientAuth, [], []);

    public static CertificateSubject Server(string name, IReadOnlyList<string> dnsNames, IReadOnlyList<IPAddress> addresses) =>
        new(new DistinguishedName(name, []), CertificateAuthority.ServerAuth, dnsNames, addresses);

    public X509Extension? AlternativeNames()
    {
        if (DnsNames.Count + Addresses.Count == 0)
            return null;
        var names = new SubjectAlternativeNameBuilder();
        foreach (string name in DnsNames.Distinct(StringComparer.OrdinalIgnoreCase))
            names.AddDnsName(name);
        foreach (var address in Addresses.Distinct())
            names.AddIpAddress(address);
        return names.Build();
    }

    /// <summary>Does <paramref name="certificate"/> name all of this?</summary>
    public bool IsNamedBy(X509Certificate2 certificate)
    {
        var name = DistinguishedName.Of(certificate.SubjectName);
        if (name.CommonName != Name.CommonName || !name.Organizations.SequenceEqual(Name.Organizations))
            return false;
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        var dnsNames = names?.EnumerateDnsNames().ToHashSet(StringComparer.OrdinalIgnoreCase) ?? [];
        var addresses = names?.EnumerateIPAddresses().ToHashSet() ?? [];
        return DnsNames.All(dnsNames.Contains) && Addresses.All(addresses.Contains);
    }
}
