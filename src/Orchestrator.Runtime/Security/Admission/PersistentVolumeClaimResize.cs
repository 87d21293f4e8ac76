using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>A claim grows only where its class allows it.</summary>
internal sealed class PersistentVolumeClaimResize : IAdmissionPlugin
{
    public string Name => "PersistentVolumeClaimResize";

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("", "persistentvolumeclaims") || !request.IsUpdate()
            || request.Object is not PersistentVolumeClaim updated || request.OldObject is not PersistentVolumeClaim old)
            return;
        if (SizeOf(updated).CompareTo(SizeOf(old)) <= 0)
            return;
        if (old.Status.Phase != "Bound")
            throw AdmissionRefusals.Forbidden(request, "Only bound persistent volume claims can be expanded");
        var storageClass = string.IsNullOrEmpty(updated.Spec.StorageClassName)
            ? null
            : await request.Objects.GetAsync<StorageClass>("", updated.Spec.StorageClassName, cancellationToken);
        if (storageClass?.AllowVolumeExpansion != true)
        {
            throw AdmissionRefusals.Forbidden(request,
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize");
        }
    }

    private static Quantity SizeOf(PersistentVolumeClaim claim) =>
        (claim.Spec.Resources?.Requests).OrEmpty().TryGetValue("storage", out var size) ? size : default;
}
