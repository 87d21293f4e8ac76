using Orchestrator.Api;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>Volumes and claims get a finalizer: they stay while somebody uses them.</summary>
internal sealed class StorageObjectInUseProtection : IAdmissionPlugin
{
    public string Name => "StorageObjectInUseProtection";

    public ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsCreate() || request.Object is not { } made)
            return ValueTask.CompletedTask;
        string? finalizer = request.IsFor("", "persistentvolumeclaims") ? StorageFinalizers.Claim
            : request.IsFor("", "persistentvolumes") ? StorageFinalizers.Volume : null;
        if (finalizer is not null && !made.Metadata.Finalizers.OrEmpty().Contains(finalizer))
            (made.Metadata.Finalizers ??= []).Add(finalizer);
        return ValueTask.CompletedTask;
    }
}
