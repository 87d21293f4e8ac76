using Orchestrator.Api.CertificatesV1;

namespace Orchestrator.Api.Strategies;

/// <summary>Requests for certificates: the request itself never changes, approval and certificate come each by a way of their own.</summary>
/// <remarks>Who asks (user, uid, groups, extra) is written into the spec by the server, never taken from the client.</remarks>
internal static class CertificateStrategy
{
    public static KindStrategy<CertificateSigningRequest> Create() => new()
    {
        ResetStatus = request => request.Status = new CertificateSigningRequestStatus(),
        KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
        KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        OnUpdate = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        OnStatusUpdate = OnStatusUpdate,
        OnSubresource = new Dictionary<string, Action<CertificateSigningRequest, CertificateSigningRequest, DateTimeOffset>>(
            StringComparer.Ordinal)
        {
            ["approval"] = OnApproval,
        },
    };

    // The signer may add Failed but not touch what the approver said.
    private static void OnStatusUpdate(CertificateSigningRequest updated, CertificateSigningRequest old, DateTimeOffset now) =>
        StampConditions(updated, old, now);

    private static void OnApproval(CertificateSigningRequest updated, CertificateSigningRequest old, DateTimeOffset now)
    {
        updated.Spec = old.Spec.DeepClone();
        var conditions = updated.Status.Conditions;
        updated.Status = old.Status.DeepClone();
        updated.Status.Conditions = conditions;
        StampConditions(updated, old, now);
    }

    private static void StampConditions(CertificateSigningRequest updated, CertificateSigningRequest old, DateTimeOffset now)
    {
        if (now == default)
            return;
        foreach (var condition in updated.Status.Conditions.OrEmpty())
        {
            var before = old.Status.Conditions.OrEmpty()
                .FirstOrDefault(candidate => candidate.Type == condition.Type && candidate.Status == condition.Status);
            condition.LastUpdateTime ??= Strategy.WholeSeconds(now);
            condition.LastTransitionTime ??= before?.LastTransitionTime ?? Strategy.WholeSeconds(now);
        }
    }
}
