using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.NodeV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>A pod takes over from its runtime class what the runtime itself uses, and where it can run.</summary>
internal sealed class RuntimeClassAdmission : IAdmissionPlugin
{
    public string Name => "RuntimeClass";

    public async ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!IsNewPod(request, out var pod) || await FindAsync(request, pod, cancellationToken) is not { } runtimeClass)
            return;
        SetOverhead(request, pod, runtimeClass);
        SetScheduling(request, pod, runtimeClass);
    }

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!IsNewPod(request, out var pod))
            return;
        var runtimeClass = await FindAsync(request, pod, cancellationToken);
        bool hasOverhead = pod.Spec.Overhead is { Count: > 0 };
        if (hasOverhead && runtimeClass?.Overhead?.PodFixed is not { Count: > 0 })
            throw AdmissionRefusals.Forbidden(request, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
    }

    private static bool IsNewPod(AdmissionRequest request, out Pod pod)
    {
        pod = (request.Object as Pod)!;
        return request.IsFor("", "pods") && request.IsCreate() && pod is not null;
    }

    private static async ValueTask<RuntimeClass?> FindAsync(AdmissionRequest request, Pod pod, CancellationToken cancellationToken)
    {
        if (pod.Spec.RuntimeClassName is not { } name)
            return null;
        return await request.Objects.GetAsync<RuntimeClass>("", name, cancellationToken)
            ?? await request.Objects.GetLiveAsync<RuntimeClass>("", name, cancellationToken)
            ?? throw AdmissionRefusals.Forbidden(request, $"pod rejected: RuntimeClass {Quoted.Text(name)} not found");
    }

    private static void SetOverhead(AdmissionRequest request, Pod pod, RuntimeClass runtimeClass)
    {
        if (runtimeClass.Overhead?.PodFixed is not { Count: > 0 } overhead)
            return;
        if (pod.Spec.Overhead is { Count: > 0 } given && !IsSame(given, overhead))
            throw AdmissionRefusals.Forbidden(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
        pod.Spec.Overhead = new(overhead);
    }

    private static void SetScheduling(AdmissionRequest request, Pod pod, RuntimeClass runtimeClass)
    {
        if (runtimeClass.Scheduling is not { } scheduling)
            return;
        foreach (var (key, value) in scheduling.NodeSelector.OrEmpty().OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var selector = pod.Spec.NodeSelector ??= [];
            if (selector.TryGetValue(key, out string? given) && given != value)
            {
                throw AdmissionRefusals.Forbidden(request,
                    $"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}] = {given}");
            }
            selector[key] = value;
        }
        foreach (var toleration in scheduling.Tolerations.OrEmpty())
        {
            if (!pod.Spec.Tolerations.OrEmpty().Any(toleration.DeepEquals))
                (pod.Spec.Tolerations ??= []).Add(toleration.DeepClone());
        }
    }

    private static bool IsSame(Dictionary<string, Quantity> some, Dictionary<string, Quantity> others) =>
        some.Count == others.Count && some.All(pair => others.TryGetValue(pair.Key, out var other) && other.CompareTo(pair.Value) == 0);
}
