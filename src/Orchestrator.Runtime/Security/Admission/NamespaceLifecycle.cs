using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>Nothing is written into a namespace that is not there, nothing is made in one that goes, and three namespaces never go.</summary>
internal sealed class NamespaceLifecycle : IAdmissionPlugin
{
    private static readonly string[] Immortal = ["default", "kube-system", "kube-public"];

    public string Name => "NamespaceLifecycle";

    public async ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        bool isNamespace = request.Resource is { Group: "", Resource: "namespaces" };
        if (isNamespace && request.IsDelete() && Immortal.Contains(request.Name))
            throw ApiErrors.Forbidden(new GroupResource("", "namespaces"), request.Name, "this namespace may not be deleted");
        if (isNamespace || request.Namespace.Length == 0 || request.IsDelete())
            return;
        if (request.Resource is { Group: "authorization.k8s.io", Resource: "localsubjectaccessreviews" })
            return;
        var found = await FindAsync(request, cancellationToken) ?? throw ApiErrors.NotFound(new GroupResource("", "namespaces"), request.Namespace);
        if (request.IsCreate() && found.Status.Phase == "Terminating")
            throw Terminating(request);
    }

    /// <summary>A namespace that was made a moment ago may not have reached the cache.</summary>
    private static async ValueTask<Namespace?> FindAsync(AdmissionRequest request, CancellationToken cancellationToken) =>
        await request.Objects.GetAsync<Namespace>("", request.Namespace, cancellationToken)
        ?? await request.Objects.GetLiveAsync<Namespace>("", request.Namespace, cancellationToken);

    private static ApiException Terminating(AdmissionRequest request)
    {
        var refusal = AdmissionRefusals.Forbidden(request,
            $"unable to create new content in namespace {request.Namespace} because it is being terminated");
        refusal.Status.Details ??= new StatusDetails();
        (refusal.Status.Details.Causes ??= []).Add(new StatusCause
        {
            Reason = "NamespaceTerminating",
            Message = $"namespace {request.Namespace} is being terminated",
            Field = "metadata.namespace",
        });
        return refusal;
    }
}
