using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>A new node takes no pods until somebody has seen that it is ready.</summary>
internal sealed class TaintNodesByCondition : IAdmissionPlugin
{
    private const string NotReady = "node.kubernetes.io/not-ready";

    public string Name => "TaintNodesByCondition";

    public ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.IsFor("", "nodes") && request.IsCreate() && request.Object is Node node
            && !node.Spec.Taints.OrEmpty().Any(taint => taint is { Key: NotReady, Effect: "NoSchedule" }))
            (node.Spec.Taints ??= []).Add(new Taint { Key = NotReady, Effect = "NoSchedule" });
        return ValueTask.CompletedTask;
    }
}
