using System.Globalization;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Strategies;

/// <summary>What is allowed in a pod and still hardly meant: hidden variables, ports twice, fields without effect.</summary>
internal static class PodWarnings
{
    private const string SeccompPodAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
    private const string SeccompContainerAnnotation = "container.seccomp.security.alpha.kubernetes.io/";
    private const string AppArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/";

    private static readonly Dictionary<string, string> _deprecatedAnnotations = new(StringComparer.Ordinal)
    {
        ["scheduler.alpha.kubernetes.io/critical-pod"] = "non-functional in v1.16+; use the \"priorityClassName\" field instead",
        ["security.alpha.kubernetes.io/sysctls"] = "non-functional in v1.11+; use the \"sysctls\" field instead",
        ["security.alpha.kubernetes.io/unsafe-sysctls"] = "non-functional in v1.11+; use the \"sysctls\" field instead",
    };

    public static IReadOnlyList<string> Of(Pod pod, Pod? old)
    {
        var warnings = new List<string>();
        if (old is null && LabelFaults(pod.Name) is { } faults)
            warnings.Add("metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
                + $"a DNS label is recommended: {faults}");
        Add(warnings, "", pod.Spec, pod.Metadata, isTemplate: false);
        return warnings;
    }

    /// <summary>Of a workload, whose name is part of its pods' names too. A template that stays the same is not warned of again.</summary>
    public static IReadOnlyList<string> OfTemplate(IKubernetesObject owner, PodTemplateSpec template, PodTemplateSpec? old)
    {
        var warnings = new List<string>();
        if (old is null)
            AddOwnerName(warnings, owner.Name);
        warnings.AddRange(OfTemplate(template, old, "spec.template"));
        return warnings;
    }

    public static IReadOnlyList<string> OfTemplate(PodTemplateSpec template, PodTemplateSpec? old, string path)
    {
        var warnings = new List<string>();
        if (old is null || !template.DeepEquals(old))
            Add(warnings, path + ".", template.Spec, template.Metadata, isTemplate: true);
        return warnings;
    }

    public static void AddOwnerName(List<string> warnings, string name)
    {
        if (LabelFaults(name) is { } faults)
            warnings.Add("metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
                + $"a DNS label is recommended: {faults}");
    }

    private static string? LabelFaults(string name) =>
        name.Length > 0 && NameRules.DnsLabel(name) is { Count: > 0 } faults ? $"[{string.Join(' ', faults)}]" : null;

    private static void Add(List<string> warnings, string path, PodSpec spec, ObjectMeta metadata, bool isTemplate)
    {
        AddNodeLabels(warnings, path, spec);
        AddAnnotations(warnings, path, spec, metadata, isTemplate);
        AddVolumes(warnings, path, spec);
        AddLists(warnings, path, spec);
        foreach (var (container, place) in Containers(spec, path))
        {
            AddFractions(warnings, $"{place}.resources.limits", container.Resources?.Limits);
            AddFractions(warnings, $"{place}.resources.requests", container.Resources?.Requests);
            AddVariables(warnings, place, container);
        }
        AddPorts(warnings, path, spec);
        if (spec.TerminationGracePeriodSeconds < 0)
            warnings.Add($"{path}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1");
    }

    private static IEnumerable<(Container Container, string Path)> Containers(PodSpec spec, string path)
    {
        foreach (var (index, container) in spec.InitContainers.OrEmpty().Index())
            yield return (container, string.Create(CultureInfo.InvariantCulture, $"{path}spec.initContainers[{index}]"));
        foreach (var (index, container) in spec.Containers.OrEmpty().Index())
            yield return (container, string.Create(CultureInfo.InvariantCulture, $"{path}spec.containers[{index}]"));
    }

    private static void AddNodeLabels(List<string> warnings, string path, PodSpec spec)
    {
        foreach (string key in spec.NodeSelector.OrEmpty().Keys)
        {
            if (NodeLabelDeprecation(key) is { } message)
                warnings.Add($"{path}spec.nodeSelector[{key}]: {message}");
        }
        foreach (var (index, constraint) in spec.TopologySpreadConstraints.OrEmpty().Index())
        {
            string place = string.Create(CultureInfo.InvariantCulture, $"{path}spec.topologySpreadConstraints[{index}]");
            if (NodeLabelDeprecation(constraint.TopologyKey) is { } message)
                warnings.Add($"{place}.topologyKey: {constraint.TopologyKey} is {message}");
            if (constraint.LabelSelector is null)
                warnings.Add($"{place}.labelSelector: a null labelSelector results in matching no pod");
        }
    }

    /// <summary>Labels of nodes that have a newer name.</summary>
    public static string? NodeLabelDeprecation(string? key) => key switch
    {
        "beta.kubernetes.io/arch" => "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os" => "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region" => "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
        "failure-domain.beta.kubernetes.io/zone" => "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
        "beta.kubernetes.io/instance-type" => "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
        _ => null,
    };

    private static void AddAnnotations(List<string> warnings, string path, PodSpec spec, ObjectMeta metadata, bool isTemplate)
    {
        if (metadata.Annotations is not { Count: > 0 } annotations)
            return;
        foreach (var (key, message) in _deprecatedAnnotations)
        {
            if (annotations.ContainsKey(key))
                warnings.Add($"{path}metadata.annotations[{key}]: {message}");
        }
        if (spec.SecurityContext?.SeccompProfile is null && annotations.ContainsKey(SeccompPodAnnotation))
            warnings.Add(Seccomp(SeccompPodAnnotation));
        foreach (var (container, _) in Containers(spec, path))
        {
            if (container.SecurityContext?.SeccompProfile is null
                && annotations.ContainsKey(SeccompContainerAnnotation + container.Name))
                warnings.Add(Seccomp(SeccompContainerAnnotation + container.Name));
            bool hasProfile = spec.SecurityContext?.AppArmorProfile is not null
                || container.SecurityContext?.AppArmorProfile is not null;
            if (isTemplate && !hasProfile && annotations.ContainsKey(AppArmorAnnotation + container.Name))
                warnings.Add($"{path}metadata.annotations[{AppArmorAnnotation + container.Name}]: "
                    + "deprecated since v1.30; use the \"appArmorProfile\" field instead");
        }

        string Seccomp(string key) =>
            $"{path}metadata.annotations[{key}]: non-functional in v1.27+; use the \"seccompProfile\" field instead";
    }

    private static void AddVolumes(List<string> warnings, string path, PodSpec spec)
    {
        foreach (var (index, volume) in spec.Volumes.OrEmpty().Index())
        {
            string place = string.Create(CultureInfo.InvariantCulture, $"{path}spec.volumes[{index}]");
            void Warn(object? source, string field, string text)
            {
                if (source is not null)
                    warnings.Add($"{place}.{field}: {text}");
            }

            Warn(volume.PhotonPersistentDisk, "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+");
            Warn(volume.GitRepo, "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+");
            Warn(volume.ScaleIO, "scaleIO", "deprecated in v1.16, non-functional in v1.22+");
            Warn(volume.Flocker, "flocker", "deprecated in v1.22, non-functional in v1.25+");
            Warn(volume.Storageos, "storageOS", "deprecated in v1.22, non-functional in v1.25+");
            Warn(volume.Quobyte, "quobyte", "deprecated in v1.22, non-functional in v1.25+");
            Warn(volume.Glusterfs, "glusterfs", "deprecated in v1.25, non-functional in v1.26+");
            Warn(volume.Cephfs, "cephfs", "deprecated in v1.28, non-functional in v1.31+");
            Warn(volume.Rbd, "rbd", "deprecated in v1.28, non-functional in v1.31+");
        }
    }

    private static void AddLists(List<string> warnings, string path, PodSpec spec)
    {
        var ips = new HashSet<string?>(StringComparer.Ordinal);
        foreach (var (index, alias) in spec.HostAliases.OrEmpty().Index())
        {
            if (!ips.Add(alias.Ip))
                warnings.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{path}spec.hostAliases[{index}].ip: duplicate ip {GoText.Quote(alias.Ip ?? "")}"));
        }
        var secrets = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, secret) in spec.ImagePullSecrets.OrEmpty().Index())
        {
            string place = string.Create(CultureInfo.InvariantCulture, $"{path}spec.imagePullSecrets[{index}].name");
            string name = secret.Name ?? "";
            if (!secrets.Add(name))
                warnings.Add($"{place}: duplicate name {GoText.Quote(name)}");
            if (name.Length == 0)
                warnings.Add($"{place}: invalid empty name \"\"");
        }
        AddFractions(warnings, $"{path}spec.overhead", spec.Overhead);
    }

    private static void AddFractions(List<string> warnings, string place, Dictionary<string, Quantity>? amounts)
    {
        foreach (string name in new[] { "memory", "ephemeral-storage" })
        {
            if (amounts.OrEmpty().TryGetValue(name, out var amount) && amount.MilliValue % 1000 != 0)
                warnings.Add($"{place}[{name}]: fractional byte value {GoText.Quote(amount.ToString())} is invalid, must be an integer");
        }
    }

    // X=$(X)1 after X=1 is meant; X=2 after X=1 hides it, and a client-side apply may then drop one of the two.
    private static void AddVariables(List<string> warnings, string place, Container container)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, variable) in container.Env.OrEmpty().Index())
        {
            string name = variable.Name ?? "";
            if (seen.Add(name))
                continue;
            string reference = $"$({name})";
            string value = variable.Value ?? "";
            if (variable.ValueFrom is not null || value == reference || !value.Contains(reference, StringComparison.Ordinal))
                warnings.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{place}.env[{index}]: hides previous definition of {GoText.Quote(name)}, which may be dropped when using apply"));
        }
    }

    private static void AddPorts(List<string> warnings, string path, PodSpec spec)
    {
        var known = new List<(string Path, ContainerPort Port)>();
        foreach (var (container, place) in Containers(spec, path))
        {
            foreach (var (index, port) in container.Ports.OrEmpty().Index())
            {
                string portPath = string.Create(CultureInfo.InvariantCulture, $"{place}.ports[{index}]");
                foreach (var (otherPath, other) in known)
                {
                    if (other.ContainerPortValue == port.ContainerPortValue && other.Protocol == port.Protocol
                        && Overlap(port, other) is { } how)
                        warnings.Add($"{portPath}: {how} port definition with {otherPath}");
                }
                known.Add((portPath, port));
            }
        }
    }

    private static string? Overlap(ContainerPort port, ContainerPort other)
    {
        string ip = port.HostIP ?? "";
        string otherIP = other.HostIP ?? "";
        int host = port.HostPort ?? 0;
        int otherHost = other.HostPort ?? 0;
        if (ip == otherIP && host == otherHost)
            return "duplicate";
        if (host == 0 || otherHost == 0)
            return "overlapping";
        bool isOneEverywhere = ip.Length == 0 || otherIP.Length == 0;
        return host == otherHost && isOneEverywhere ? "dangerously ambiguous" : null;
    }
}
