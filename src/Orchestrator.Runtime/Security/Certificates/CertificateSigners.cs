using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Orchestrator.Runtime.Security.Certificates;

/// <summary>Kubernetes' own signers: what each takes and gives.</summary>
internal static class CertificateSigners
{
    public const string ApiServerClient = "kubernetes.io/kube-apiserver-client";
    public const string KubeletClient = "kubernetes.io/kube-apiserver-client-kubelet";
    public const string KubeletServing = "kubernetes.io/kubelet-serving";
    public const string LegacyUnknown = "kubernetes.io/legacy-unknown";

    private const string NodesGroup = "system:nodes";
    private const string NodePrefix = "system:node:";
    private const string ExtendedUsageOid = "2.5.29.37";
    private const string KeyUsageOid = "2.5.29.15";
    private const string BasicConstraintsOid = "2.5.29.19";
    private const string AlternativeNamesOid = "2.5.29.17";

    /// <summary>What a request may ask for that Kubernetes' signers never grant longer.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromDays(365);

    private static readonly TimeSpan ShortestLifetime = TimeSpan.FromMinutes(10);

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

    public static bool IsKnown(string signer) => signer is ApiServerClient or KubeletClient or KubeletServing or LegacyUnknown;

    /// <summary>Null for what is no request.</summary>
    public static DistinguishedName? TryReadSubject(byte[]? pem) => TryRead(pem) is { } request ? DistinguishedName.Of(request.SubjectName) : null;

    /// <summary>Null when this signer may sign the request, else why not.</summary>
    public static string? Refusal(string signer, byte[]? pem, IReadOnlyCollection<string> usages)
    {
        if (TryRead(pem) is not { } request)
            return "unable to parse csr";
        var subject = DistinguishedName.Of(request.SubjectName);
        return signer switch
        {
            ApiServerClient => usages.Contains("client auth") ? Unexpected(usages, ["client auth"], ["key encipherment", "digital signature"]) : "usage did not contain \"client auth\"",
            KubeletClient => KubeletRefusal(subject, request) ?? NoAlternativeNames(request)
                ?? Unexpected(usages, ["client auth"], ["key encipherment", "digital signature"]),
            KubeletServing => KubeletRefusal(subject, request) ?? ServingNames(request)
                ?? Unexpected(usages, ["server auth"], ["key encipherment", "digital signature"]),
            LegacyUnknown => null,
            _ => $"signer \"{signer}\" is not one of Kubernetes'",
        };
    }

    /// <summary>Is this what a kubelet asks of one of the two signers for kubelets? Then it may be approved without a person.</summary>
    public static bool IsKubeletClientRequest(byte[]? pem, IReadOnlyCollection<string> usages, out string nodeName)
    {
        nodeName = "";
        if (Refusal(KubeletClient, pem, usages) is not null)
            return false;
        nodeName = TryReadSubject(pem)!.CommonName[NodePrefix.Length..];
        return true;
    }

    /// <summary>Signs what <see cref="Refusal"/> did not refuse.</summary>
    /// <param name="expirationSeconds">As asked for; it can only shorten the usual lifetime.</param>
    /// <returns>PEM.</returns>
    /// <exception cref="CryptographicException">The request cannot be read.</exception>
    public static byte[] Sign(CertificateAuthority authority, byte[] pem, IReadOnlyCollection<string> usages, int? expirationSeconds, DateTimeOffset now)
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
        using var signed = authority.Sign(granted, now, Lifetime(expirationSeconds));
        return Encoding.ASCII.GetBytes(signed.ExportCertificatePem() + "\n");
    }

    private static TimeSpan Lifetime(int? expirationSeconds)
    {
        if (expirationSeconds is not { } seconds)
            return DefaultLifetime;
        var asked = TimeSpan.FromSeconds(seconds);
        return asked < ShortestLifetime ? ShortestLifetime : asked > DefaultLifetime ? DefaultLifetime : asked;
    }

    private static CertificateRequest? TryRead(byte[]? pem)
    {
        if (pem is null)
            return null;
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

    private static string? KubeletRefusal(DistinguishedName subject, CertificateRequest request)
    {
        if (!subject.Organizations.SequenceEqual([NodesGroup]))
            return "subject organization is not system:nodes";
        if (!subject.CommonName.StartsWith(NodePrefix, StringComparison.Ordinal) || subject.CommonName.Length == NodePrefix.Length)
            return "subject common name does not begin with system:node:";
        var allowed = new[] { ExtendedUsageOid, KeyUsageOid, BasicConstraintsOid, AlternativeNamesOid };
        return request.CertificateExtensions.All(extension => allowed.Contains(extension.Oid?.Value)) ? null : "unexpected extensions";
    }

    private static string? NoAlternativeNames(CertificateRequest request) => NamesOf(request) switch
    {
        { Dns: true } => "DNS subjectAltNames are not allowed",
        { Email: true } => "Email subjectAltNames are not allowed",
        { Ip: true } => "IP subjectAltNames are not allowed",
        { Uri: true } => "URI subjectAltNames are not allowed",
        _ => null,
    };

    private static string? ServingNames(CertificateRequest request) => NamesOf(request) switch
    {
        { Email: true } => "Email subjectAltNames are not allowed",
        { Uri: true } => "URI subjectAltNames are not allowed",
        { Dns: false, Ip: false } => "DNS or IP subjectAltName is required",
        _ => null,
    };

    private static string? Unexpected(IReadOnlyCollection<string> usages, string[] required, string[] optional)
    {
        if (usages.All(usage => required.Contains(usage) || optional.Contains(usage)) && required.All(usages.Contains))
            return null;
        return $"usages did not match [{string.Join(' ', required.Concat(optional))}]";
    }

    private static (bool Dns, bool Email, bool Ip, bool Uri) NamesOf(CertificateRequest request)
    {
        var (dns, email, ip, uri) = (false, false, false, false);
        var extension = request.CertificateExtensions.FirstOrDefault(found => found.Oid?.Value == AlternativeNamesOid);
        if (extension is null)
            return (dns, email, ip, uri);
        var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
        while (names.HasData)
        {
            switch (names.PeekTag().TagValue)
            {
                case 1: email = true; break;
                case 2: dns = true; break;
                case 6: uri = true; break;
                case 7: ip = true; break;
            }
            names.ReadEncodedValue();
        }
        return (dns, email, ip, uri);
    }
}
