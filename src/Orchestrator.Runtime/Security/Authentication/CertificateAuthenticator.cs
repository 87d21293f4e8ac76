using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Security.Authentication;

/// <summary>Users by client certificates of the cluster's client authority: the common name is the user, organizations are groups.</summary>
internal sealed class CertificateAuthenticator(CertificateAuthority authority, TimeProvider clock)
{
    private const string CredentialId = "authentication.kubernetes.io/credential-id";

    // A connection shows its certificate with every request as the same instance: its chain is checked once.
    private readonly ConditionalWeakTable<X509Certificate2, Judgement> _judgements = [];

    /// <summary>Null for a certificate that is not to be believed.</summary>
    public UserInfo? Authenticate(X509Certificate2 certificate)
    {
        var judgement = _judgements.GetValue(certificate, Judge);
        var now = clock.GetUtcNow();
        return now >= judgement.NotBefore && now <= judgement.NotAfter ? judgement.User : null;
    }

    private Judgement Judge(X509Certificate2 certificate)
    {
        var (from, until) = (new DateTimeOffset(certificate.NotBefore), new DateTimeOffset(certificate.NotAfter));
        // The time is compared anew at each request; the chain is checked at one at which the certificate is good, if it ever is.
        var now = clock.GetUtcNow();
        var at = now < from ? from : now > until ? until : now;
        return new(authority.IsTrusted(certificate, CertificateAuthority.ClientAuth, at) ? UserOf(certificate) : null, from, until);
    }

    private static UserInfo? UserOf(X509Certificate2 certificate)
    {
        var name = DistinguishedName.Of(certificate.SubjectName);
        if (name.CommonName.Length == 0)
            return null;
        string hash = Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
        return new(name.CommonName, "", name.Organizations,
            new Dictionary<string, IReadOnlyList<string>> { [CredentialId] = [$"X509SHA256={hash}"] });
    }

    private sealed record Judgement(UserInfo? User, DateTimeOffset NotBefore, DateTimeOffset NotAfter);
}
