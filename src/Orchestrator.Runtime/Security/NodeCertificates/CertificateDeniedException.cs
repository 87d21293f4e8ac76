namespace Orchestrator.Runtime.Security.NodeCertificates;

/// <summary>Somebody, or the signer, has said no to a request, or nobody has said anything in time.</summary>
public sealed class CertificateDeniedException(string message) : Exception(message);
