using System.Globalization;
using System.Text.RegularExpressions;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Validation;

/// <summary>Under which rights pods and containers run.</summary>
internal static partial class SecurityContextRules
{
    private const int SysctlLimit = 253;
    private const string SysctlSegment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
    private const string SysctlPattern = "^(" + SysctlSegment + "[\\./])*" + SysctlSegment + "$";

    public static void Check(Field field, SecurityContext? context, bool usesHostUsers)
    {
        if (context is null)
            return;
        CheckId(field["runAsUser"], context.RunAsUser);
        CheckId(field["runAsGroup"], context.RunAsGroup);
        field["procMount"].OneOfOrAbsent(context.ProcMount, "Default", "Unmasked");
        if (usesHostUsers && context.ProcMount == "Unmasked")
            field["procMount"].Invalid(context.ProcMount, "`hostUsers` must be false to use `Unmasked`");
        CheckSeccomp(field["seccompProfile"], context.SeccompProfile);
        if (context.AllowPrivilegeEscalation == false)
        {
            if (context.Privileged == true)
                field.Invalid(context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
            if ((context.Capabilities?.Add).OrEmpty().Contains("CAP_SYS_ADMIN"))
                field.Invalid(context, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
        }
        CheckAppArmor(field["appArmorProfile"], context.AppArmorProfile);
    }

    public static void Check(Field field, PodSecurityContext? context, PodSpec spec)
    {
        if (context is null)
            return;
        CheckId(field["fsGroup"], context.FsGroup);
        CheckId(field["runAsUser"], context.RunAsUser);
        CheckId(field["runAsGroup"], context.RunAsGroup);
        foreach (var (index, group) in context.SupplementalGroups.OrEmpty().Index())
            CheckId(field["supplementalGroups"][index], group);
        if (spec is { ShareProcessNamespace: true, HostPID: true })
            field["shareProcessNamespace"].Invalid(true, "ShareProcessNamespace and HostPID cannot both be enabled");
        CheckSysctls(field["sysctls"], context.Sysctls, spec);
        field["fsGroupChangePolicy"].OneOfOrAbsent(context.FsGroupChangePolicy, "Always", "OnRootMismatch");
        CheckSeccomp(field["seccompProfile"], context.SeccompProfile);
        CheckAppArmor(field["appArmorProfile"], context.AppArmorProfile);
        field["supplementalGroupsPolicy"].OneOfOrAbsent(context.SupplementalGroupsPolicy, "Merge", "Strict");
        field["seLinuxChangePolicy"].OneOfOrAbsent(context.SeLinuxChangePolicy, "MountOption", "Recursive");
    }

    /// <summary>A pod whose users are not the node's may not share the node's namespaces.</summary>
    public static void CheckHostUsers(Field field, PodSpec spec)
    {
        if (spec.HostUsers != false)
            return;
        const string text = "when `pod.Spec.HostUsers` is false";
        if (spec.HostNetwork == true)
            field["hostNetwork"].Forbidden(text);
        if (spec.HostPID == true)
            field["HostPID"].Forbidden(text);
        if (spec.HostIPC == true)
            field["HostIPC"].Forbidden(text);
    }

    private static void CheckId(Field field, long? id)
    {
        if (id is { } value)
            field.Invalid(value, NameRules.UserOrGroupId(value));
    }

    private static void CheckSysctls(Field field, List<Sysctl>? sysctls, PodSpec spec)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, sysctl) in sysctls.OrEmpty().Index())
        {
            var place = field[index]["name"];
            string name = sysctl.Name ?? "";
            if (name.Length == 0)
                place.Required();
            else if (name.Length > SysctlLimit || !SysctlRegex().IsMatch(name))
                place.Invalid(name, string.Create(CultureInfo.InvariantCulture,
                    $"must have at most {SysctlLimit} characters and match regex {SysctlPattern}"));
            else if (!names.Add(name))
                place.Duplicate(name);
            string dotted = name.Replace('/', '.');
            if (spec.HostNetwork == true && dotted.StartsWith("net.", StringComparison.Ordinal))
                place.Invalid(name, "may not be specified when 'hostNetwork' is true");
            else if (spec.HostIPC == true && (dotted.StartsWith("kernel.shm", StringComparison.Ordinal)
                || dotted.StartsWith("kernel.msg", StringComparison.Ordinal) || dotted == "kernel.sem"
                || dotted.StartsWith("fs.mqueue.", StringComparison.Ordinal)))
                place.Invalid(name, "may not be specified when 'hostIPC' is true");
        }
    }

    private static void CheckSeccomp(Field field, SeccompProfile? profile)
    {
        if (profile is null)
            return;
        if (string.IsNullOrEmpty(profile.Type))
            field["type"].Required("type is required when seccompProfile is set");
        else
            field["type"].OneOfOrAbsent(profile.Type, "Localhost", "RuntimeDefault", "Unconfined");
        if (profile.Type != "Localhost")
        {
            if (profile.LocalhostProfile is not null)
                field["localhostProfile"].Invalid(profile, "can only be set when seccomp type is Localhost");
        }
        else if (profile.LocalhostProfile is null)
            field["localhostProfile"].Required("must be set when seccomp type is Localhost");
        else
            VolumeRules.CheckDescending(field["localhostProfile"], profile.LocalhostProfile);
    }

    private static void CheckAppArmor(Field field, AppArmorProfile? profile)
    {
        if (profile is null)
            return;
        var place = field["localhostProfile"];
        switch (profile.Type)
        {
            case "Localhost":
                if (string.IsNullOrWhiteSpace(profile.LocalhostProfile))
                    place.Required("must be set when AppArmor type is Localhost");
                else if (profile.LocalhostProfile.Trim() != profile.LocalhostProfile)
                    place.Invalid(profile.LocalhostProfile, "must not be padded with whitespace");
                break;
            case "RuntimeDefault" or "Unconfined":
                if (profile.LocalhostProfile is not null)
                    place.Invalid(profile.LocalhostProfile, "can only be set when AppArmor type is Localhost");
                break;
            case null or "":
                field["type"].Required("type is required when appArmorProfile is set");
                break;
            default:
                field["type"].NotSupported(profile.Type, "Localhost", "RuntimeDefault", "Unconfined");
                break;
        }
    }

    [GeneratedRegex(SysctlPattern)]
    private static partial Regex SysctlRegex();
}
