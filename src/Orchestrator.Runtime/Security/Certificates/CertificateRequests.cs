using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Orchestrator.Control.Certificates;

namespace Orchestrator.Runtime.Security.Certificates;

/// <summary>Certificate requests (PKCS #10): reads what the signers' rules look at, and signs what they let pass.</summary>
public static class CertificateRequests
{
    private const string AlternativeNamesOid = "2.5.29.17";
    private const int DnsNameTag = 2;
    private const int AddressTag = 7;

    private static readonly Dictionary<string, string> ExtendedUsages = new()
    {
        ["any"] = "2.5.29.37.0",
        ["server auth"] = "1.3.6.1.5.5.7.3.1",
        ["client auth"] = "1.3.6.1.5.5.7.3.2",
        ["code signing"] = "1.3.6.1.5.5.7.3.3",
        ["email protection"] = "1.3.6.1.5.5.7.3.4",
        ["s/mime"] = "1.3.6.1.5.5.7.3.4",
        ["ipsec end system"] = "1.3.6.1.5.5.7.3.5",
        ["ipsec tunnel"] = "1.3.6.1.5.5.7.3.6",
        ["ipsec user"] = "1.3.6.1.5.5.7.3.7",
        ["timestamping"] = "1.3.6.1.5.5.7.3.8",
        ["ocsp signing"] = "1.3.6.1.5.5.7.3.9",
        ["microsoft sgc"] = "1.3.6.1.4.1.311.10.3.3",
        ["netscape sgc"] = "2.16.840.1.113730.4.1",
    };

    private static readonly Dictionary<string, X509KeyUsageFlags> KeyUsages = new()
    {
        ["signing"] = X509KeyUsageFlags.DigitalSignature,
        ["digital signature"] = X509KeyUsageFlags.DigitalSignature,
        ["content commitment"] = X509KeyUsageFlags.NonRepudiation,
        ["key encipherment"] = X509KeyUsageFlags.KeyEncipherment,
        ["key agreement"] = X509KeyUsageFlags.KeyAgreement,
        ["data encipherment"] = X509KeyUsageFlags.DataEncipherment,
        ["cert sign"] = X509KeyUsageFlags.KeyCertSign,
        ["crl sign"] = X509KeyUsageFlags.CrlSign,
        ["encipher only"] = X509KeyUsageFlags.EncipherOnly,
        ["decipher only"] = X509KeyUsageFlags.DecipherOnly,
    };

    /// <summary>Null for what is no request, or not signed with the key that it names.</summary>
    public static RequestedCertificate? Read(byte[] pem)
    {
        if (TryRead(pem) is not { } request)
            return null;
        var subject = DistinguishedName.Of(request.SubjectName);
        List<string> dnsNames = [], addresses = [];
        bool hasOthers = false;
        try
        {
            var extension = request.CertificateExtensions.FirstOrDefault(found => found.Oid?.Value == AlternativeNamesOid);
            var names = extension is null ? null : new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names is { HasData: true })
            {
                var tag = names.PeekTag();
                if (tag.TagValue == DnsNameTag)
                    dnsNames.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                else if (tag.TagValue == AddressTag)
                    addresses.Add(new IPAddress(names.ReadOctetString(tag)).ToString());
                else
                    (hasOthers, _) = (true, names.ReadEncodedValue());
            }
        }
        catch (Exception error) when (error is AsnContentException or ArgumentException)
        {
            return null;
        }
        return new(subject.CommonName, subject.Organizations, dnsNames, addresses, hasOthers);
    }

    /// <summary>Signs a request that its signer's rules do not refuse: its subject, key and alternative names, for these usages alone.</summary>
    /// <returns>PEM.</returns>
    /// <exception cref="CryptographicException">The request cannot be read.</exception>
    public static byte[] Sign(CertificateAuthority authority, byte[] pem, IReadOnlyCollection<string> usages, TimeSpan validity, DateTimeOffset now)
    {
        var asked = TryRead(pem) ?? throw new CryptographicException("unable to parse csr");
        var granted = new CertificateRequest(asked.SubjectName, asked.PublicKey, HashAlgorithmName.SHA256);
        granted.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        var keyUsage = usages.Aggregate(X509KeyUsageFlags.None, (flags, usage) => flags | KeyUsages.GetValueOrDefault(usage));
        if (keyUsage != X509KeyUsageFlags.None)
            granted.CertificateExtensions.Add(new X509KeyUsageExtension(keyUsage, critical: true));
        var extended = new OidCollection();
        foreach (string oid in usages.Select(usage => ExtendedUsages.GetValueOrDefault(usage)).OfType<string>().Distinct())
            extended.Add(new Oid(oid));
        if (extended.Count > 0)
            granted.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(extended, critical: false));
        // Names are the one thing that is taken over from the request's extensions.
        if (asked.CertificateExtensions.FirstOrDefault(extension => extension.Oid?.Value == AlternativeNamesOid) is { } names)
            granted.CertificateExtensions.Add(names);
        using var signed = authority.Sign(granted, now, validity);
        return Encoding.ASCII.GetBytes(signed.ExportCertificatePem() + "\n");
    }

    private static CertificateRequest? TryRead(byte[] pem)
    {
        try
        {
            // The signature over the request is checked: whoever asks holds the key.
            return CertificateRequest.LoadSigningRequestPem(Encoding.ASCII.GetString(pem), HashAlgorithmName.SHA256,
                CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException or AsnContentException)
        {
            return null;
        }
    }
}
