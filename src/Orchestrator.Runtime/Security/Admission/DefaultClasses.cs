using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.NetworkingV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>A claim that names no class gets the default one.</summary>
internal sealed class DefaultStorageClass : IAdmissionPlugin
{
    private const string Default = "storageclass.kubernetes.io/is-default-class";
    private const string BetaDefault = "storageclass.beta.kubernetes.io/is-default-class";
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
        claim.Spec.StorageClassName = DefaultOf.Newest(classes, Default, BetaDefault)?.Name;
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
        ingress.Spec.IngressClassName = DefaultOf.Newest(classes, Default)?.Name;
    }
}

internal static class DefaultOf
{
    /// <summary>Of several defaults the newest; of those made in the same second the first by name.</summary>
    public static T? Newest<T>(IReadOnlyList<T> classes, params string[] annotations)
        where T : class, IKubernetesObject
    {
        return classes.Where(IsDefault).OrderByDescending(found => found.Metadata.CreationTimestamp)
            .ThenBy(found => found.Name, StringComparer.Ordinal).FirstOrDefault();

        bool IsDefault(T found) => annotations.Any(annotation => found.Annotations.TryGetValue(annotation, out string? value) && value == "true");
    }
}
