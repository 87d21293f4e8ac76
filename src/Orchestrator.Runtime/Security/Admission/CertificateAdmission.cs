using Orchestrator.Api;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Control.Certificates;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>Who approves or denies a request must be allowed to for its signer.</summary>
internal sealed class CertificateApproval(IAuthorizer authorizer) : IAdmissionPlugin
{
    public string Name => "CertificateApproval";

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("certificates.k8s.io", "certificatesigningrequests", "approval") || !request.IsUpdate())
            return;
        // The signer is the stored one: it cannot be changed here.
        string signer = (request.OldObject as CertificateSigningRequest)?.Spec.SignerName ?? "";
        if (!await SignerAccess.IsAllowedAsync(authorizer, request.User, "approve", signer, cancellationToken))
            throw AdmissionRefusals.Forbidden(request, $"user not permitted to approve requests with signerName {Quoted.Text(signer)}");
    }
}

/// <summary>Who writes a certificate into a request must be allowed to sign for its signer.</summary>
internal sealed class CertificateSigning(IAuthorizer authorizer) : IAdmissionPlugin
{
    public string Name => "CertificateSigning";

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("certificates.k8s.io", "certificatesigningrequests", "status") || !request.IsUpdate()
            || request.Object is not CertificateSigningRequest updated || request.OldObject is not CertificateSigningRequest old)
            return;
        bool isSigned = !(old.Status.Certificate ?? []).AsSpan().SequenceEqual(updated.Status.Certificate);
        bool hasFailed = HasFailed(updated) && !HasFailed(old);
        if (!isSigned && !hasFailed)
            return;
        string signer = old.Spec.SignerName ?? "";
        if (!await SignerAccess.IsAllowedAsync(authorizer, request.User, "sign", signer, cancellationToken))
            throw AdmissionRefusals.Forbidden(request, $"user not permitted to sign requests with signerName {Quoted.Text(signer)}");
    }

    private static bool HasFailed(CertificateSigningRequest request) => request.Status.Conditions.OrEmpty().Any(condition => condition.Type == "Failed");
}

/// <summary>Nobody becomes a master by a certificate request.</summary>
internal sealed class CertificateSubjectRestriction : IAdmissionPlugin
{
    public string Name => "CertificateSubjectRestriction";

    public ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        bool isConcerned = request.IsFor("certificates.k8s.io", "certificatesigningrequests") && request.IsCreate()
            && request.Object is CertificateSigningRequest { Spec.SignerName: CertificateSigners.ApiServerClient };
        if (!isConcerned)
            return ValueTask.CompletedTask;
        var made = (CertificateSigningRequest)request.Object!;
        if (CertificateRequests.Read(made.Spec.Request ?? []) is { } subject && subject.Organizations.Contains(UserInfo.Masters))
        {
            throw AdmissionRefusals.Forbidden(request,
                $"use of {CertificateSigners.ApiServerClient} signer with {UserInfo.Masters} group is not allowed");
        }
        return ValueTask.CompletedTask;
    }
}

internal static class SignerAccess
{
    /// <summary>By the signer's own name or by all of its domain: <c>example.com/*</c>.</summary>
    public static async ValueTask<bool> IsAllowedAsync(
        IAuthorizer authorizer, UserInfo user, string verb, string signer, CancellationToken cancellationToken)
    {
        string domain = signer.Split('/', 2)[0];
        foreach (string name in new[] { signer, $"{domain}/*" })
        {
            var attributes = RequestAttributes.ForResource(user, verb, "certificates.k8s.io", "*", "signers", "", name);
            if ((await authorizer.AuthorizeAsync(attributes, cancellationToken)).IsAllowed)
                return true;
        }
        return false;
    }
}
