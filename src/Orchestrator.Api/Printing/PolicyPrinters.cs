using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.FlowcontrolV1;
using Orchestrator.Api.NodeV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Api.SchedulingV1;
using static Orchestrator.Api.Printing.PrinterTable;
using Subject = Orchestrator.Api.RbacV1.Subject;

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
        yield return Of<FlowSchema>(
            ColumnSet.Named()
                .Text("PriorityLevel", "The level that its requests belong to.")
                .Text("MatchingPrecedence", "Which schema counts when several fit: the lowest.")
                .Text("DistinguisherMethod", "What tells one flow from another.")
                .Age()
                .Text("MissingPL", "Whether its priority level is missing."),
            (schema, now) =>
            [
                schema.Name, schema.Spec.PriorityLevelConfiguration?.Name ?? "", (long)(schema.Spec.MatchingPrecedence ?? 0),
                schema.Spec.DistinguisherMethod?.Type ?? "<none>", Age(schema, now),
                schema.Status.Conditions.OrEmpty().FirstOrDefault(condition => condition.Type == "Dangling")?.Status ?? "?",
            ]);
        yield return Of<PriorityLevelConfiguration>(
            ColumnSet.Named()
                .Text("Type", "Exempt or limited.")
                .Text("NominalConcurrencyShares", "Its part of the requests that are served at once.")
                .Text("Queues", "How many queues its requests wait in.")
                .Text("HandSize", "How many queues one flow may use.")
                .Text("QueueLengthLimit", "The most requests that wait in one queue.")
                .Age(),
            LevelCells);
    }

    private static object?[] LevelCells(PriorityLevelConfiguration level, DateTimeOffset now)
    {
        static object Shown(int? number) => number is { } value ? (long)value : "<none>";
        var queuing = level.Spec.Limited?.LimitResponse?.Queuing;
        return
        [
            level.Name, level.Spec.Type ?? "", Shown(level.Spec.Limited?.NominalConcurrencyShares), Shown(queuing?.Queues),
            Shown(queuing?.HandSize), Shown(queuing?.QueueLengthLimit), Age(level, now),
        ];
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
