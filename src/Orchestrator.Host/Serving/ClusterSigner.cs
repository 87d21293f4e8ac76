using System.Security.Cryptography;
using Orchestrator.Api;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Runtime.Controllers;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Host.Serving;

/// <summary>Signs approved requests with the authority that their signer has.</summary>
internal sealed class ClusterSigner(ClusterCertificates certificates, TimeProvider clock) : ICertificateSigner
{
    public Task<byte[]> SignAsync(CertificateSigningRequest request, TimeSpan validity, CancellationToken cancellation)
    {
        var authority = certificates.AuthorityFor(request.Spec.SignerName);
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
