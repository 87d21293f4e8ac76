using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>All admission plugins as one.</summary>
internal sealed class AdmissionChain(IReadOnlyList<IAdmissionPlugin> plugins, IObjectReader objects)
{
    public bool IsEmpty => plugins.Count == 0;

    public AdmissionRequest Request(
        WriteContext context, AdmissionOperation operation, IKubernetesObject? value, IKubernetesObject? old,
        GroupVersionKind? kind = null) => new()
    {
        Operation = operation,
        Resource = context.View.Resource,
        Kind = kind ?? context.View.Kind,
        Subresource = context.Subresource,
        Namespace = context.Namespace,
        Name = context.Name.Length > 0 ? context.Name : value?.Name ?? "",
        Object = value,
        OldObject = old,
        User = context.User,
        IsDryRun = context.IsDryRun,
        Options = context.Options,
        Objects = objects,
    };

    public async ValueTask MutateAsync(WriteContext context, AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (context.SkipsAdmission)
            return;
        foreach (var plugin in plugins)
            await plugin.AdmitAsync(request, cancellationToken).ConfigureAwait(false);
        Warn(context, request);
    }

    public async ValueTask ValidateAsync(WriteContext context, AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (context.SkipsAdmission)
            return;
        foreach (var plugin in plugins)
            await plugin.ValidateAsync(request, cancellationToken).ConfigureAwait(false);
        Warn(context, request);
    }

    private static void Warn(WriteContext context, AdmissionRequest request)
    {
        context.Warnings.AddRange(request.Warnings);
        request.Warnings.Clear();
    }
}
