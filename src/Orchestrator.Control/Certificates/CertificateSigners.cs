using Orchestrator.Api.CertificatesV1;

namespace Orchestrator.Control.Certificates;

/// <summary>What a certificate request asks for, as its signer's rules look at it. The shell reads it from the request's
/// PKCS #10 bytes.</summary>
/// <param name="HasOtherNames">E-mail addresses or URIs among the alternative names.</param>
public sealed record RequestedCertificate(
    string CommonName, IReadOnlyList<string> Organizations, IReadOnlyList<string> DnsNames, IReadOnlyList<string> IPAddresses,
    bool HasOtherNames);

/// <summary>The signers that every cluster has, and what each of them signs.</summary>
public static class CertificateSigners
{
    public const string ApiServerClient = "kubernetes.io/kube-apiserver-client";
    public const string ApiServerClientKubelet = "kubernetes.io/kube-apiserver-client-kubelet";
    public const string KubeletServing = "kubernetes.io/kubelet-serving";
    public const string LegacyUnknown = "kubernetes.io/legacy-unknown";

    private static readonly HashSet<string> Signed = [ApiServerClient, ApiServerClientKubelet, KubeletServing, LegacyUnknown];

    public static bool IsSignedHere(string? signer) => signer is not null && Signed.Contains(signer);

    /// <summary>Why a signer does not sign such a certificate; null if it does.</summary>
    public static string? Refusal(CertificateSigningRequestSpec spec, RequestedCertificate requested) => spec.SignerName switch
    {
        ApiServerClient => HasUsages(spec, ["digital signature", "key encipherment", "client auth"], ["client auth"])
            ? null : "usages did not match [client auth,digital signature,key encipherment]",
        ApiServerClientKubelet => KubeletClientRefusal(spec, requested),
        KubeletServing => KubeletServingRefusal(spec, requested),
        LegacyUnknown => null,
        _ => "unknown signer",
    };

    private static string? KubeletClientRefusal(CertificateSigningRequestSpec spec, RequestedCertificate requested)
    {
        if (requested.Organizations is not ["system:nodes"])
            return "subject organization is not system:nodes";
        if (requested.DnsNames.Count > 0)
            return "DNS subjectAltNames are not allowed";
        if (requested.IPAddresses.Count > 0)
            return "IP subjectAltNames are not allowed";
        if (requested.HasOtherNames)
            return "email and URI subjectAltNames are not allowed";
        if (!requested.CommonName.StartsWith("system:node:", StringComparison.Ordinal))
            return "subject common name does not begin with system:node:";
        return HasUsages(spec, ["digital signature", "key encipherment", "client auth"], ["digital signature", "client auth"])
            ? null : "usages did not match [client auth,digital signature,key encipherment]";
    }

    private static string? KubeletServingRefusal(CertificateSigningRequestSpec spec, RequestedCertificate requested)
    {
        if (requested.Organizations is not ["system:nodes"])
            return "subject organization is not system:nodes";
        if (requested.DnsNames.Count == 0 && requested.IPAddresses.Count == 0)
            return "at least one DNS or IP subjectAltName is required";
        if (requested.HasOtherNames)
            return "email and URI subjectAltNames are not allowed";
        if (!requested.CommonName.StartsWith("system:node:", StringComparison.Ordinal))
            return "subject common name does not begin with system:node:";
        return HasUsages(spec, ["digital signature", "key encipherment", "server auth"], ["digital signature", "server auth"])
            ? null : "usages did not match [digital signature,key encipherment,server auth]";
    }

    private static bool HasUsages(CertificateSigningRequestSpec spec, string[] allowed, string[] required)
    {
        var usages = spec.Usages.OrEmpty();
        return usages.All(allowed.Contains) && required.All(usages.Contains);
    }
}
