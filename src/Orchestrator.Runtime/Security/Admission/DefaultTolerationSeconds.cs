using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>A pod stays for a while on a node that is not ready or not reached, unless it says otherwise: Kubernetes' five minutes, say.</summary>
internal sealed class DefaultTolerationSeconds(long notReadySeconds, long unreachableSeconds) : IAdmissionPlugin
{
    private readonly (string Taint, long Seconds)[] _stays =
        [("node.kubernetes.io/not-ready", notReadySeconds), ("node.kubernetes.io/unreachable", unreachableSeconds)];

    public string Name => "DefaultTolerationSeconds";

    public ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.IsFor("", "pods") && !request.IsDelete() && request.Object is Pod pod)
        {
            foreach (var (taint, seconds) in _stays.Where(stay => !Tolerates(pod, stay.Taint)))
                (pod.Spec.Tolerations ??= []).Add(new Toleration { Key = taint, Operator = "Exists", Effect = "NoExecute", TolerationSeconds = seconds });
        }
        return ValueTask.CompletedTask;
    }

    private static bool Tolerates(Pod pod, string taint) => pod.Spec.Tolerations.OrEmpty().Any(toleration =>
        (string.IsNullOrEmpty(toleration.Key) || toleration.Key == taint) && (string.IsNullOrEmpty(toleration.Effect) || toleration.Effect == "NoExecute"));
}
