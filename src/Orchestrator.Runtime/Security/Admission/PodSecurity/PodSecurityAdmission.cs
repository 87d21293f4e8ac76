using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>Holds pods to the level that their namespace's labels enforce, and warns of what breaks the level that they warn of.</summary>
internal sealed class PodSecurityAdmission : IAdmissionPlugin
{
    // Of the pods of a namespace whose level is raised, so many are looked at: the answer must come in time.
    private const int ExistingPodsLimit = 3000;

    public string Name => "PodSecurity";

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.IsDelete() || request.Operation == AdmissionOperation.Connect)
            return;
        switch (request.Object)
        {
            case Namespace changed when request.Subresource.Length == 0:
                await ValidateNamespaceAsync(request, changed, cancellationToken);
                break;
            case Pod pod when request.Subresource is "" or "ephemeralcontainers" or "resize":
                if (request.OldObject is not Pod old || IsSignificant(pod, old))
                    await JudgeAsync(request, new PodUnderTest(pod.Annotations, pod.Spec), isEnforced: true, cancellationToken);
                break;
            case { } workload when request.Subresource.Length == 0 && TemplateOf(workload) is { } template:
                await JudgeAsync(request, new PodUnderTest(template.Metadata.Annotations ?? [], template.Spec), isEnforced: false, cancellationToken);
                break;
        }
    }

    private static async ValueTask JudgeAsync(AdmissionRequest request, PodUnderTest pod, bool isEnforced, CancellationToken cancellationToken)
    {
        // A namespace that was made a moment ago may not have reached the cache: its level holds all the same.
        var found = await request.Objects.GetAsync<Namespace>("", request.Namespace, cancellationToken)
            ?? await request.Objects.GetLiveAsync<Namespace>("", request.Namespace, cancellationToken);
        if (found is null)
            return; // The namespace's own rule has refused it.
        var policy = NamespacePolicy.Read(found.Labels, out _);
        if (policy.IsPrivileged)
            return;
        if (isEnforced && PodSecurityStandards.Violations(policy.Enforce.Level, pod) is { Count: > 0 } enforced)
        {
            throw AdmissionRefusals.Forbidden(request,
                $"violates PodSecurity {Quoted.Text(policy.Enforce.ToString())}: {PodSecurityStandards.Describe(enforced)}");
        }
        if (PodSecurityStandards.Violations(policy.Warn.Level, pod) is { Count: > 0 } warned)
            request.Warnings.Add($"would violate PodSecurity {Quoted.Text(policy.Warn.ToString())}: {PodSecurityStandards.Describe(warned)}");
    }

    private static async ValueTask ValidateNamespaceAsync(AdmissionRequest request, Namespace changed, CancellationToken cancellationToken)
    {
        var policy = NamespacePolicy.Read(changed.Labels, out var errors);
        if (request.OldObject is not Namespace old)
        {
            if (errors.Count > 0)
                throw ApiErrors.Invalid(new GroupKind("", "Namespace"), changed.Name, errors);
            return;
        }
        var before = NamespacePolicy.Read(old.Labels, out var oldErrors);
        // What was wrong before may stay: else nothing of such a namespace could be changed.
        if (errors.Count > 0 && oldErrors.Count == 0)
            throw ApiErrors.Invalid(new GroupKind("", "Namespace"), changed.Name, errors);
        if (policy.Enforce.Level <= before.Enforce.Level || policy.Enforce.Level == PodSecurityLevel.Privileged)
            return;
        var pods = await request.Objects.ListAsync<Pod>(changed.Name, cancellationToken);
        WarnOfExisting(request, changed.Name, policy.Enforce, pods);
    }

    /// <summary>One line for all pods that break it in the same way.</summary>
    private static void WarnOfExisting(AdmissionRequest request, string namespaceName, LevelAndVersion enforce, IReadOnlyList<Pod> pods)
    {
        var groups = pods.Take(ExistingPodsLimit)
            .Select(pod => (pod.Name, Text: PodSecurityStandards.Describe(PodSecurityStandards.Violations(enforce.Level, new PodUnderTest(pod.Annotations, pod.Spec)).Select(violation => violation with { Detail = "" }))))
            .Where(pair => pair.Text.Length > 0)
            .GroupBy(pair => pair.Text)
            .Select(group => (Names: group.Select(pair => pair.Name).Order(StringComparer.Ordinal).ToList(), Text: group.Key))
            .OrderBy(group => group.Names[0], StringComparer.Ordinal).ToList();
        if (groups.Count == 0)
            return;
        request.Warnings.Add($"existing pods in namespace {Quoted.Text(namespaceName)} violate the new PodSecurity enforce level {Quoted.Text(enforce.ToString())}");
        foreach (var (names, text) in groups)
        {
            string others = names.Count switch
            {
                1 => "",
                2 => " (and 1 other pod)",
                _ => $" (and {names.Count - 1} other pods)",
            };
            request.Warnings.Add($"{names[0]}{others}: {text}");
        }
    }

    /// <summary>Of an existing pod only few things can change that a check looks at.</summary>
    private static bool IsSignificant(Pod pod, Pod old)
    {
        if (!pod.Annotations.OrderBy(pair => pair.Key).SequenceEqual(old.Annotations.OrderBy(pair => pair.Key)))
            return true;
        var (after, before) = (pod.Spec.DeepClone(), old.Spec.DeepClone());
        foreach (var spec in new[] { after, before })
        {
            spec.Tolerations = null;
            spec.ActiveDeadlineSeconds = null;
            spec.SchedulingGates = null;
        }
        return !after.DeepEquals(before);
    }

    private static PodTemplateSpec? TemplateOf(IKubernetesObject workload) => workload switch
    {
        PodTemplate template => template.Template,
        ReplicationController controller => controller.Spec.Template,
        ReplicaSet set => set.Spec.Template,
        Deployment deployment => deployment.Spec.Template,
        StatefulSet set => set.Spec.Template,
        DaemonSet set => set.Spec.Template,
        Job job => job.Spec.Template,
        CronJob job => job.Spec.JobTemplate?.Spec.Template,
        _ => null,
    };
}
