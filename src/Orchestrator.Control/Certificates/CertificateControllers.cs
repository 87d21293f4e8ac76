using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.RbacV1;

namespace Orchestrator.Control.Certificates;

/// <summary>Approves kubelets' own certificates, has approved requests signed, and clears away old ones.</summary>
public static class CertificateControllers
{
    private static readonly TimeSpan PendingLife = TimeSpan.FromHours(24);
    private static readonly TimeSpan DecidedLife = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestValidity = TimeSpan.FromDays(365);
    private static readonly TimeSpan ShortestValidity = TimeSpan.FromMinutes(10);

    /// <param name="read">Reads a request's PKCS #10 bytes; null if they are none.</param>
    public static ControllerDescription DescribeApprover(Func<byte[], RequestedCertificate?> read) => new()
    {
        Name = "csrapproving",
        Reconcile = input => Approve(input, read),
        Watches =
        [
            Watch.Self<CertificateSigningRequest>(),
            // Rights that are given, and nodes' addresses that become known, let requests pass that wait.
            Watch.On<ClusterRoleBinding>(static (_, after, cache) => after is null ? [] : Undecided(cache)),
            Watch.On<ClusterRole>(static (_, after, cache) => after is null ? [] : Undecided(cache)),
            Watch.On<Node>(NodeRequests.Of),
            Watch.Silent<EndpointSlice>(),
        ],
    };

    public static ControllerDescription DescribeSigner(Func<byte[], RequestedCertificate?> read) => new()
    {
        Name = "csrsigning",
        Reconcile = input => Sign(input, read),
        Watches = [Watch.Self<CertificateSigningRequest>()],
    };

    public static ControllerDescription Cleaner { get; } = new()
    {
        Name = "csrcleaner",
        Reconcile = CleanUp,
        Workers = 1,
        Period = TimeSpan.FromHours(1),
        Watches = [Watch.Silent<CertificateSigningRequest>()],
    };

    private static IEnumerable<NamespacedName> Undecided(IObjectCache cache) =>
        cache.List<CertificateSigningRequest>().Where(request => !IsDecided(request)).Select(request => request.Key);

    private static bool IsDecided(CertificateSigningRequest request) =>
        Has(request, "Approved") || Has(request, "Denied") || request.Status.Certificate is { Length: > 0 };

    public static Decision Approve(ReconcileInput input, Func<byte[], RequestedCertificate?> read)
    {
        if (input.Cache.Get<CertificateSigningRequest>("", input.Key.Name) is not { } request || IsDecided(request)
            || request.Spec.SignerName is not (CertificateSigners.ApiServerClientKubelet or CertificateSigners.KubeletServing)
            || read(request.Spec.Request ?? []) is not { } requested
            || CertificateSigners.Refusal(request.Spec, requested) is not null)
        {
            return Decision.Nothing;
        }
        if (request.Spec.SignerName == CertificateSigners.KubeletServing)
        {
            return NodeRequests.IsOwnServing(request.Spec, requested, input.Cache)
                ? Approved(request, "Auto approving kubelet serving certificate for the node's own name and addresses.", input.Now) : Decision.Nothing;
        }
        bool isOwn = requested.CommonName == request.Spec.Username;
        if (isOwn && NodeRequests.MayHave(request.Spec, "selfnodeclient", input.Cache))
            return Approved(request, "Auto approving self kubelet client certificate after SubjectAccessReview.", input.Now);
        return NodeRequests.MayHave(request.Spec, "nodeclient", input.Cache)
            ? Approved(request, "Auto approving kubelet client certificate after SubjectAccessReview.", input.Now) : Decision.Nothing;
    }

    private static Decision Approved(CertificateSigningRequest request, string message, DateTimeOffset now)
    {
        var changed = request.DeepClone();
        (changed.Status.Conditions ??= []).Add(Condition("Approved", "AutoApproved", message, now));
        return Decision.Of(new Update(changed, "approval"));
    }

    public static Decision Sign(ReconcileInput input, Func<byte[], RequestedCertificate?> read)
    {
        if (input.Cache.Get<CertificateSigningRequest>("", input.Key.Name) is not { } request
            || !Has(request, "Approved") || Has(request, "Denied") || Has(request, "Failed")
            || request.Status.Certificate is { Length: > 0 } || !CertificateSigners.IsSignedHere(request.Spec.SignerName))
        {
            return Decision.Nothing;
        }
        if (read(request.Spec.Request ?? []) is not { } requested)
            return Failed(request, "unable to parse the request", input.Now);
        if (CertificateSigners.Refusal(request.Spec, requested) is { } refusal)
            return Failed(request, refusal, input.Now);
        return Decision.Of(new SignCertificate(request, Validity(request.Spec)));
    }

    private static TimeSpan Validity(CertificateSigningRequestSpec spec)
    {
        var asked = spec.ExpirationSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : LongestValidity;
        return asked > LongestValidity ? LongestValidity : asked < ShortestValidity ? ShortestValidity : asked;
    }

    private static Decision Failed(CertificateSigningRequest request, string message, DateTimeOffset now)
    {
        var changed = request.DeepClone();
        (changed.Status.Conditions ??= []).Add(Condition("Failed", "SignerValidationFailure", message, now));
        return Decision.Of(Update.Status(changed));
    }

    /// <summary>Requests that nobody decided on go after a day; those that are decided, signed or failed after an hour.</summary>
    public static Decision CleanUp(ReconcileInput input) => Decision.Of(
        input.Cache.List<CertificateSigningRequest>().Where(request => IsOld(request, input.Now))
            .Select(Intent (request) => new Delete(ObjectRef.To(request)) { ContinueOnFailure = true }).ToList());

    private static bool IsOld(CertificateSigningRequest request, DateTimeOffset now)
    {
        var decided = request.Status.Conditions.OrEmpty().Where(condition => condition.Type is "Approved" or "Denied" or "Failed")
            .Select(condition => condition.LastUpdateTime ?? condition.LastTransitionTime).Max();
        if (decided is not { } at)
            return request.Metadata.CreationTimestamp is { } created && created + PendingLife < now;
        bool waitsForSigner = Has(request, "Approved") && request.Status.Certificate is null && !Has(request, "Failed");
        return at + (waitsForSigner ? PendingLife : DecidedLife) < now;
    }

    private static bool Has(CertificateSigningRequest request, string type) =>
        request.Status.Conditions.OrEmpty().Any(condition => condition.Type == type);

    private static CertificateSigningRequestCondition Condition(string type, string reason, string message, DateTimeOffset now) =>
        new()
        {
            Type = type,
            Status = "True",
            Reason = reason,
            Message = message,
            LastUpdateTime = now,
            LastTransitionTime = now,
        };
}
