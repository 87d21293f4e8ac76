namespace Orchestrator.Runtime.Security.Kubeconfigs;

/// <summary>A cluster, its user and the context that joins them, all under one name.</summary>
/// <param name="Server">The API server's URL.</param>
/// <param name="CertificateAuthorityPem">Of whom the server's certificate must be.</param>
/// <param name="ClientKeyPem">Of <paramref name="ClientCertificatePem"/>.</param>
/// <param name="Namespace">Of commands that name none; null leaves it to kubectl ("default").</param>
public sealed record KubeconfigEntry(
    string Name, Uri Server, string CertificateAuthorityPem, string ClientCertificatePem, string ClientKeyPem, string? Namespace = null);
