using System.Text.RegularExpressions;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>What a namespace's labels say about the pods in it.</summary>
internal sealed partial record NamespacePolicy(LevelAndVersion Enforce, LevelAndVersion Audit, LevelAndVersion Warn)
{
    private const string Prefix = "pod-security.kubernetes.io/";

    public bool IsPrivileged => Enforce.Level == PodSecurityLevel.Privileged && Audit.Level == PodSecurityLevel.Privileged
        && Warn.Level == PodSecurityLevel.Privileged;

    /// <summary>What cannot be read is taken for the strictest.</summary>
    public static NamespacePolicy Read(IReadOnlyDictionary<string, string> labels, out List<FieldError> errors)
    {
        var found = new List<FieldError>();
        var policy = new NamespacePolicy(Mode("enforce"), Mode("audit"), Mode("warn"));
        errors = found;
        return policy;

        LevelAndVersion Mode(string mode)
        {
            var level = PodSecurityLevel.Privileged;
            if (labels.TryGetValue(Prefix + mode, out string? text) && !TryReadLevel(text, out level))
            {
                level = PodSecurityLevel.Restricted;
                found.Add(FieldError.Invalid(Label(mode), text, "must be one of privileged, baseline, restricted"));
            }
            string version = "latest";
            if (labels.TryGetValue($"{Prefix}{mode}-version", out string? asked))
            {
                if (asked == "latest" || Versions().IsMatch(asked))
                    version = asked;
                else
                    found.Add(FieldError.Invalid(Label($"{mode}-version"), asked, "must be \"latest\" or \"v1.x\""));
            }
            return new(level, version);
        }
    }

    private static FieldPath Label(string name) => FieldPath.Of("metadata").Child("labels").Key(Prefix + name);

    private static bool TryReadLevel(string text, out PodSecurityLevel level)
    {
        (level, bool isLevel) = text switch
        {
            "privileged" => (PodSecurityLevel.Privileged, true),
            "baseline" => (PodSecurityLevel.Baseline, true),
            "restricted" => (PodSecurityLevel.Restricted, true),
            _ => (PodSecurityLevel.Restricted, false),
        };
        return isLevel;
    }

    [GeneratedRegex(@"^v1\.(0|[1-9][0-9]*)$")]
    private static partial Regex Versions();
}
