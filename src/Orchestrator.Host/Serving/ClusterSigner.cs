using System.Security.Cryptography;
using Orchestrator.Api;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Runtime.Controllers;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Host.Serving;

/// <summary>Signs approved requests: servers' certificates with the authority for servers, all others with that for clients.</summary>
internal sealed class ClusterSigner(ClusterCertificates certificates, TimeProvider clock) : ICertificateSigner
{
    private const string KubeletServing = "kubernetes.io/kubelet-serving";

    public Task<byte[]> SignAsync(CertificateSigningRequest request, TimeSpan validity, CancellationToken cancellation)
    {
        var authority = request.Spec.SignerName == KubeletServing ? certificates.ServerAuthority : certificates.ClientAuthority;
        try
        {
            return Task.FromResult(
                CertificateRequests.Sign(authority, request.Spec.Request ?? [], request.Spec.Usages.OrEmpty(), validity, clock.GetUtcNow()));
        }
        catch (CryptographicException fault)
        {
            throw new CertificateRefusedException("SignerValidationFailure", fault.Message);
        }
    }
}
