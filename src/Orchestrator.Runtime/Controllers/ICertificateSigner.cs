using Orchestrator.Api.CertificatesV1;

namespace Orchestrator.Runtime.Controllers;

/// <summary>Holds the cluster's authority and signs certificate requests that were approved.</summary>
public interface ICertificateSigner
{
    /// <summary>The signed certificate, PEM.</summary>
    /// <exception cref="CertificateRefusedException">The request cannot be signed; it fails for good.</exception>
    Task<byte[]> SignAsync(CertificateSigningRequest request, TimeSpan validity, CancellationToken cancellation);
}
