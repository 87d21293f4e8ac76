using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.NetworkingV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>A claim that names no class gets the default one.</summary>
internal sealed class DefaultStorageClass : IAdmissionPlugin
{
    private const string ClassAnnotation = "volume.beta.kubernetes.io/storage-class";

    public string Name => "DefaultStorageClass";

    public async ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("", "persistentvolumeclaims") || !request.IsCreate() || request.Object is not PersistentVolumeClaim claim)
            return;
        // An empty name is a choice: no class at all.
        if (claim.Spec.StorageClassName is not null || claim.Annotations.ContainsKey(ClassAnnotation))
            return;
        var classes = await request.Objects.ListAsync<StorageClass>(null, cancellationToken);
        claim.Spec.StorageClassName = StorageNames.DefaultOf(classes)?.Name;
    }
}

/// <summary>An ingress that names no class gets the default one.</summary>
internal sealed class DefaultIngressClass : IAdmissionPlugin
{
    private const string Default = "ingressclass.kubernetes.io/is-default-class";
    private const string ClassAnnotation = "kubernetes.io/ingress.class";

    public string Name => "DefaultIngressClass";

    public async ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("networking.k8s.io", "ingresses") || !request.IsCreate() || request.Object is not Ingress ingress)
            return;
        if (ingress.Spec.IngressClassName is not null || ingress.Annotations.ContainsKey(ClassAnnotation))
            return;
        var classes = await request.Objects.ListAsync<IngressClass>(null, cancellationToken);
        // Of several defaults the newest; of those made in the same second the first by name.
        ingress.Spec.IngressClassName = classes.Where(found => found.Annotations.GetValueOrDefault(Default) == "true")
            .OrderByDescending(found => found.Metadata.CreationTimestamp).ThenBy(found => found.Name, StringComparer.Ordinal).FirstOrDefault()?.Name;
    }
}
