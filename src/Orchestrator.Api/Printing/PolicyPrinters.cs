using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.NodeV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Api.SchedulingV1;
using static Orchestrator.Api.Printing.PrinterTable;

namespace Orchestrator.Api.Printing;

/// <summary>Tables of who may do what, and of what comes first.</summary>
internal static class PolicyPrinters
{
    public static IEnumerable<KeyValuePair<GroupVersionKind, TablePrinter>> All()
    {
        yield return Of<PodDisruptionBudget>(
            ColumnSet.Named()
                .Text("Min Available", "The fewest pods that must stay.")
                .Text("Max Unavailable", "The most pods that may be away.")
                .Integer("Allowed Disruptions", "Pods that may be evicted now.")
                .Age(),
            (budget, now) =>
            [
                budget.Name, budget.Spec.MinAvailable?.ToString() ?? "N/A", budget.Spec.MaxUnavailable?.ToString() ?? "N/A",
                (long)(budget.Status.DisruptionsAllowed ?? 0), Age(budget, now),
            ]);
        yield return Of<RoleBinding>(ColumnsOfBindings(), (binding, now) =>
            [binding.Name, $"{binding.RoleRef?.Kind}/{binding.RoleRef?.Name}", Age(binding, now), .. SubjectsOf(binding.Subjects)]);
        yield return Of<ClusterRoleBinding>(ColumnsOfBindings(), (binding, now) =>
            [binding.Name, $"{binding.RoleRef?.Kind}/{binding.RoleRef?.Name}", Age(binding, now), .. SubjectsOf(binding.Subjects)]);
        yield return Of<CertificateSigningRequest>(
            ColumnSet.Named()
                .Age()
                .Text("SignerName", "Who is asked to sign.")
                .Text("Requestor", "Who asks.")
                .Text("RequestedDuration", "How long the certificate shall be valid.")
                .Text("Condition", "What became of the request."),
            (request, now) =>
            [
                request.Name, Age(request, now), OrNone(request.Spec.SignerName), request.Spec.Username ?? "",
                request.Spec.ExpirationSeconds is { } seconds ? HumanDuration.Format(TimeSpan.FromSeconds(seconds)) : "<none>",
                ConditionOf(request),
            ]);
        yield return Of<PriorityClass>(
            ColumnSet.Named()
                .Integer("Value", "The priority of the class's pods.")
                .Boolean("Global-Default", "Whether it is the class of pods that name none.")
                .Age()
                .Text("PreemptionPolicy", "Whether its pods may take the room of others."),
            (priority, now) =>
            [
                priority.Name, (long)(priority.Value ?? 0), priority.GlobalDefault ?? false, Age(priority, now),
                priority.PreemptionPolicy ?? "",
            ]);
        yield return Of<RuntimeClass>(
            ColumnSet.Named().Text("Handler", "What runs the containers.").Age(),
            (runtime, now) => [runtime.Name, runtime.Handler ?? "", Age(runtime, now)]);
    }

    private static ColumnSet ColumnsOfBindings() => ColumnSet.Named()
        .Text("Role", "The role that is given.")
        .Age()
        .Wide("Users", "Users who have it.")
        .Wide("Groups", "Groups who have it.")
        .Wide("ServiceAccounts", "Service accounts who have it.");

    private static object?[] SubjectsOf(List<Subject>? subjects)
    {
        string Names(string kind, Func<Subject, string?> name) =>
            string.Join(", ", subjects.OrEmpty().Where(subject => subject.Kind == kind).Select(name));
        return
        [
            Names("User", subject => subject.Name), Names("Group", subject => subject.Name),
            Names("ServiceAccount", subject => $"{subject.Namespace}/{subject.Name}"),
        ];
    }

    private static string ConditionOf(CertificateSigningRequest request)
    {
        bool Has(string type) => request.Status.Conditions.OrEmpty().Any(condition => condition.Type == type);
        string status = Has("Denied") ? "Denied" : Has("Approved") ? "Approved" : "Pending";
        if (Has("Failed"))
            status += ",Failed";
        return request.Status.Certificate is { Length: > 0 } ? status + ",Issued" : status;
    }
}
