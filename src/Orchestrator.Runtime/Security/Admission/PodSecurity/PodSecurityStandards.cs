namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>The pod security standards: which checks each level has.</summary>
internal static class PodSecurityStandards
{
    private static readonly PodSecurityCheck[] Baseline = BaselineChecks.All;

    // What is stricter takes the place of what it includes.
    private static readonly PodSecurityCheck[] Restricted =
    [
        .. Baseline.Where(check => check.Id is not ("capabilities_baseline" or "seccompProfile_baseline" or "hostPathVolumes")),
        .. RestrictedChecks.All,
    ];

    /// <summary>Of the baseline first, then of the restricted level.</summary>
    public static List<Violation> Violations(PodSecurityLevel level, PodUnderTest pod)
    {
        var checks = level switch
        {
            PodSecurityLevel.Baseline => Baseline,
            PodSecurityLevel.Restricted => Restricted,
            _ => [],
        };
        return [.. checks.Select(check => check.Find(pod)).OfType<Violation>()];
    }

    /// <summary>All on one line.</summary>
    public static string Describe(IEnumerable<Violation> violations) => string.Join(", ", violations);
}
