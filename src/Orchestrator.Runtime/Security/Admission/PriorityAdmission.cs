using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.SchedulingV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>Turns a pod's priority class into its priority; at most one class is the default.</summary>
internal sealed class PriorityAdmission : IAdmissionPlugin
{
    private const string DefaultPreemption = "PreemptLowerPriority";

    /// <summary>The classes of every cluster: nothing of a user's comes before what runs the cluster.</summary>
    public static IReadOnlyList<PriorityClass> SystemClasses() =>
    [
        new()
        {
            Metadata = new() { Name = "system-node-critical" },
            Value = 2_000_001_000,
            PreemptionPolicy = DefaultPreemption,
            Description = "Used for system critical pods that must not be moved from their current node.",
        },
        new()
        {
            Metadata = new() { Name = "system-cluster-critical" },
            Value = 2_000_000_000,
            PreemptionPolicy = DefaultPreemption,
            Description = "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        },
    ];

    public string Name => "Priority";

    public async ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("", "pods") || request.Object is not Pod pod)
            return;
        if (request.IsCreate())
            await ResolveAsync(request, pod, cancellationToken);
        else if (request.OldObject is Pod old)
            Keep(pod, old);
    }

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!request.IsFor("scheduling.k8s.io", "priorityclasses") || request.Object is not PriorityClass { GlobalDefault: true } made)
            return;
        var current = await DefaultClassAsync(request, cancellationToken);
        if (current is not null && current.Name != made.Name)
        {
            throw AdmissionRefusals.Forbidden(request,
                $"PriorityClass {current.Name} is already marked as default. Only one default can exist");
        }
    }

    private static async ValueTask ResolveAsync(AdmissionRequest request, Pod pod, CancellationToken cancellationToken)
    {
        PriorityClass? chosen;
        if (string.IsNullOrEmpty(pod.Spec.PriorityClassName))
        {
            chosen = await DefaultClassAsync(request, cancellationToken);
            pod.Spec.PriorityClassName = chosen?.Name;
        }
        else
        {
            chosen = await request.Objects.GetAsync<PriorityClass>("", pod.Spec.PriorityClassName, cancellationToken)
                ?? throw AdmissionRefusals.Forbidden(request, $"no PriorityClass with name {pod.Spec.PriorityClassName} was found");
        }
        int priority = chosen?.Value ?? 0;
        string preemption = chosen?.PreemptionPolicy ?? DefaultPreemption;
        if (pod.Spec.Priority is { } given && given != priority)
        {
            throw AdmissionRefusals.Forbidden(request, $"the integer value of priority ({given}) must not be provided in pod spec; "
                + $"priority admission controller computed {priority} from the given PriorityClass name");
        }
        if (pod.Spec.PreemptionPolicy is { Length: > 0 } givenPreemption && givenPreemption != preemption)
        {
            throw AdmissionRefusals.Forbidden(request, $"the string value of PreemptionPolicy ({givenPreemption}) must not be provided in pod spec; "
                + $"priority admission controller computed {preemption} from the given PriorityClass name");
        }
        pod.Spec.Priority = priority;
        pod.Spec.PreemptionPolicy = preemption;
    }

    /// <summary>Who leaves out of an update what admission had filled in means no change.</summary>
    private static void Keep(Pod pod, Pod old)
    {
        pod.Spec.Priority ??= old.Spec.Priority;
        pod.Spec.PreemptionPolicy ??= old.Spec.PreemptionPolicy;
        pod.Spec.PriorityClassName ??= old.Spec.PriorityClassName;
    }

    /// <summary>Of several the lowest: two servers may each have let one in.</summary>
    private static async ValueTask<PriorityClass?> DefaultClassAsync(AdmissionRequest request, CancellationToken cancellationToken) =>
        (await request.Objects.ListAsync<PriorityClass>(null, cancellationToken)).Where(found => found.GlobalDefault == true)
            .MinBy(found => found.Value ?? 0);
}
