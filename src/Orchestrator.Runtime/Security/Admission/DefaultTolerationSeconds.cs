using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>A pod stays five minutes on a node that is not ready or not reached, unless it says otherwise.</summary>
internal sealed class DefaultTolerationSeconds : IAdmissionPlugin
{
    private const long Seconds = 300;

    private static readonly string[] Taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

    public string Name => "DefaultTolerationSeconds";

    public ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.IsFor("", "pods") && !request.IsDelete() && request.Object is Pod pod)
        {
            foreach (string taint in Taints.Where(taint => !Tolerates(pod, taint)))
                (pod.Spec.Tolerations ??= []).Add(new Toleration { Key = taint, Operator = "Exists", Effect = "NoExecute", TolerationSeconds = Seconds });
        }
        return ValueTask.CompletedTask;
    }

    private static bool Tolerates(Pod pod, string taint) => pod.Spec.Tolerations.OrEmpty().Any(toleration =>
        (string.IsNullOrEmpty(toleration.Key) || toleration.Key == taint) && (string.IsNullOrEmpty(toleration.Effect) || toleration.Effect == "NoExecute"));
}
