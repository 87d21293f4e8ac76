namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>How much pods may ask of their node, from everything to very little.</summary>
internal enum PodSecurityLevel
{
    Privileged,
    Baseline,
    Restricted,
}

/// <param name="Version">"latest" or "v1.N". The checks are those of the newest version whatever it says.</param>
internal readonly record struct LevelAndVersion(PodSecurityLevel Level, string Version)
{
    public static LevelAndVersion Privileged { get; } = new(PodSecurityLevel.Privileged, "latest");

    public override string ToString() => $"{Level.ToString().ToLowerInvariant()}:{Version}";
}
