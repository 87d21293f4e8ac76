namespace Orchestrator.Runtime.Controllers;

/// <summary>A certificate request that can never be signed; <paramref name="reason"/> is for the request's condition.</summary>
public sealed class CertificateRefusedException(string reason, string message) : Exception(message)
{
    public string Reason => reason;
}
