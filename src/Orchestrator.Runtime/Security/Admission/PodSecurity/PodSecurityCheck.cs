namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>What a pod does that its level forbids.</summary>
internal readonly record struct Violation(string Reason, string Detail)
{
    public override string ToString() => Detail.Length == 0 ? Reason : $"{Reason} ({Detail})";
}

/// <param name="Id">Violations are told in the order of ids.</param>
/// <param name="Find">Null when the pod does nothing that is forbidden.</param>
internal sealed record PodSecurityCheck(string Id, Func<PodUnderTest, Violation?> Find);
