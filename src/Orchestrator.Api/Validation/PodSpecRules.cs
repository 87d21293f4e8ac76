using System.Globalization;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Validation;

/// <summary>What a pod is asked to be, in a pod of its own and in templates.</summary>
internal static class PodSpecRules
{
    private const int NameserverLimit = 3;
    private const int SearchLimit = 32;
    private const int SearchLengthLimit = 2048;

    /// <param name="field">Where the spec is.</param>
    /// <param name="spec">The spec, with its defaults.</param>
    /// <param name="pod">The metadata of the pod itself; null for a template.</param>
    public static void Check(Field field, PodSpec spec, ObjectMeta? pod)
    {
        if (spec.TerminationGracePeriodSeconds is null)
            field["terminationGracePeriodSeconds"].Required();
        var volumes = VolumeRules.Check(field["volumes"], spec.Volumes, pod);
        CheckClaims(field["resourceClaims"], spec.ResourceClaims);
        var containers = new ContainerRules(spec, volumes);
        containers.CheckContainers(field["containers"]);
        containers.CheckInitContainers(field["initContainers"]);
        containers.CheckEphemeralContainers(field["ephemeralContainers"]);
        CheckResources(field["resources"], spec);
        CheckHostNetwork(field["containers"], spec, isPod: pod is not null);
        CheckPolicies(field, spec);
        SecurityContextRules.Check(field["securityContext"], spec.SecurityContext, spec);
        SecurityContextRules.CheckHostUsers(field, spec);
        CheckScheduling(field, spec);
        CheckDns(field["dnsConfig"], spec);
        CheckNames(field, spec);
        if (spec.ActiveDeadlineSeconds is { } deadline && (deadline < 1 || deadline > int.MaxValue))
            field["activeDeadlineSeconds"].Invalid(deadline, NameRules.Range(1, int.MaxValue));
        CheckHostAliases(field["hostAliases"], spec.HostAliases);
        if (spec.Overhead is { } overhead)
            ResourceRules.Check(field["overhead"], new ResourceRequirements { Limits = overhead }, []);
        CheckSystem(field, spec);
    }

    public static void CheckTemplate(Field field, PodTemplateSpec template)
    {
        MetadataRules.CheckLabels(field["labels"], template.Metadata.Labels);
        MetadataRules.CheckAnnotations(field["annotations"], template.Metadata.Annotations);
        Check(field["spec"], template.Spec, null);
        if (template.Spec.EphemeralContainers is { Count: > 0 })
            field["spec"]["ephemeralContainers"].Forbidden("ephemeral containers not allowed in pod template");
    }

    private static void CheckPolicies(Field field, PodSpec spec)
    {
        field["restartPolicy"].OneOf(spec.RestartPolicy, "Always", "Never", "OnFailure");
        field["dnsPolicy"].OneOf(spec.DnsPolicy, "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None");
        if (spec.PreemptionPolicy is { } preemption)
            field["preemptionPolicy"].OneOf(preemption, "Never", "PreemptLowerPriority");
    }

    private static void CheckScheduling(Field field, PodSpec spec)
    {
        MetadataRules.CheckLabels(field["nodeSelector"], spec.NodeSelector);
        AffinityRules.Check(field["affinity"], spec.Affinity);
        foreach (var (index, gate) in spec.ReadinessGates.OrEmpty().Index())
            MetadataRules.CheckLabelKey(field["readinessGates"][index]["conditionType"], gate.ConditionType);
        var gates = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, gate) in spec.SchedulingGates.OrEmpty().Index())
        {
            MetadataRules.CheckLabelKey(field["schedulingGates"][index], gate.Name);
            if (!gates.Add(gate.Name ?? ""))
                field["schedulingGates"][index].Duplicate(gate.Name ?? "");
        }
        AffinityRules.CheckSpread(field["topologySpreadConstraints"], spec.TopologySpreadConstraints);
        AffinityRules.CheckTolerations(field["tolerations"], spec.Tolerations);
    }

    private static void CheckNames(Field field, PodSpec spec)
    {
        field["serviceAccountName"].NamedOrAbsent(spec.ServiceAccountName, NameRules.DnsSubdomain);
        field["nodeName"].NamedOrAbsent(spec.NodeName, NameRules.DnsSubdomain);
        field["hostname"].NamedOrAbsent(spec.Hostname, NameRules.DnsLabel);
        field["subdomain"].NamedOrAbsent(spec.Subdomain, NameRules.DnsLabel);
        field["priorityClassName"].NamedOrAbsent(spec.PriorityClassName, NameRules.DnsSubdomain);
        if (spec.RuntimeClassName is { } runtime)
            field["runtimeClassName"].Invalid(runtime, NameRules.DnsSubdomain(runtime));
    }

    private static void CheckClaims(Field field, List<PodResourceClaim>? claims)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, claim) in claims.OrEmpty().Index())
        {
            var place = field[index];
            string name = claim.Name ?? "";
            if (name.Length > 0 && !names.Add(name))
                place["name"].Duplicate(name);
            else
                place["name"].Named(name, NameRules.DnsLabel);
            if (claim.ResourceClaimName is not null && claim.ResourceClaimTemplateName is not null)
                place.Invalid(claim, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
            if (claim.ResourceClaimName is null && claim.ResourceClaimTemplateName is null)
                place.Invalid(claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
            place["resourceClaimName"].NamedOrAbsent(claim.ResourceClaimName, NameRules.DnsSubdomain);
            place["resourceClaimTemplateName"].NamedOrAbsent(claim.ResourceClaimTemplateName, NameRules.DnsSubdomain);
        }
    }

    // What the pod has as a whole must be enough for what its containers ask for.
    private static void CheckResources(Field field, PodSpec spec)
    {
        if (spec.Resources is not { IsEmpty: false } resources)
            return;
        if (resources.Claims is not null)
            field["claims"].Forbidden("claims cannot be set for Resources at pod-level");
        ResourceRules.Check(field, new ResourceRequirements { Limits = resources.Limits, Requests = resources.Requests }, [],
            (place, name) =>
            {
                if (name is not ("cpu" or "memory") && !ResourceRules.IsHugePages(name))
                    place.NotSupported(name, "cpu", "memory");
            });
        foreach (var (name, amount) in ResourceRules.Sorted(resources.Requests))
        {
            var asked = spec.Containers.OrEmpty().Select(container => (container.Resources?.Requests).OrEmpty().GetValueOrDefault(name))
                .Aggregate(Quantity.Zero, (sum, next) => sum + next);
            if (asked > amount)
                field["requests"].Key(name).Invalid(
                    amount.ToString(), $"must be greater than or equal to aggregate container requests of {asked}");
        }
    }

    private static void CheckHostNetwork(Field field, PodSpec spec, bool isPod)
    {
        if (spec.HostNetwork != true)
            return;
        foreach (var (container, ports) in spec.Containers.OrEmpty().Select(container => container.Ports.OrEmpty()).Index())
        {
            foreach (var (index, port) in ports.Index())
            {
                int host = port.HostPort ?? 0;
                // A template leaves the port open: the pod made from it gets it.
                if ((isPod || host != 0) && host != (port.ContainerPortValue ?? 0))
                    field[container]["ports"][index]["hostPort"].Invalid(host, "must match `containerPort` when `hostNetwork` is true");
            }
        }
    }

    private static void CheckDns(Field field, PodSpec spec)
    {
        if (spec.DnsPolicy == "None")
        {
            if (spec.DnsConfig is null)
                field.Required("must provide `dnsConfig` when `dnsPolicy` is None");
            else if (spec.DnsConfig.Nameservers is not { Count: > 0 })
                field["nameservers"].Required("must provide at least one DNS nameserver when `dnsPolicy` is None");
        }
        if (spec.DnsConfig is not { } config)
            return;
        var servers = config.Nameservers.OrEmpty();
        if (servers.Count > NameserverLimit)
            field["nameservers"].Invalid(GoLiteral.Of(servers),
                string.Create(CultureInfo.InvariantCulture, $"must not have more than {NameserverLimit} nameservers"));
        foreach (var (index, server) in servers.Index())
            field["nameservers"][index].Invalid(server, NameRules.IpAddress(server));
        var searches = config.Searches.OrEmpty();
        if (searches.Count > SearchLimit)
            field["searches"].Invalid(GoLiteral.Of(searches),
                string.Create(CultureInfo.InvariantCulture, $"must not have more than {SearchLimit} search paths"));
        if (searches.Sum(search => search.Length) + searches.Count - 1 > SearchLengthLimit)
            field["searches"].Invalid(GoLiteral.Of(searches), string.Create(CultureInfo.InvariantCulture,
                $"must not have more than {SearchLengthLimit} characters (including spaces) in the search list"));
        foreach (var (index, search) in searches.Index())
        {
            string name = search.EndsWith('.') ? search[..^1] : search;
            // Resolvers take underscores here, and the root.
            if (search != ".")
                field["searches"][index].Invalid(name, NameRules.DnsSubdomain(name.Replace('_', 'x')));
        }
        foreach (var (index, option) in config.Options.OrEmpty().Index())
        {
            if (string.IsNullOrEmpty(option.Name))
                field["options"][index].Required("must not be empty");
        }
    }

    private static void CheckHostAliases(Field field, List<HostAlias>? aliases)
    {
        foreach (var (index, alias) in aliases.OrEmpty().Index())
        {
            field[index]["ip"].Invalid(alias.Ip ?? "", NameRules.IpAddress(alias.Ip ?? ""));
            foreach (var (position, name) in alias.Hostnames.OrEmpty().Index())
                field[index]["hostnames"][position].Invalid(name, NameRules.DnsSubdomain(name));
        }
    }

    private static void CheckSystem(Field field, PodSpec spec)
    {
        if (spec.Os is not { } system)
            return;
        if (string.IsNullOrEmpty(system.Name))
            field["os"]["name"].Required("cannot be empty");
        else
            field["os"].OneOf(system.Name, "linux", "windows");
        if (system.Name == "linux")
            CheckLinux(field, spec);
        else if (system.Name == "windows")
            CheckWindows(field, spec);
    }

    private static void CheckLinux(Field field, PodSpec spec)
    {
        const string text = "windows options cannot be set for a linux pod";
        if (spec.SecurityContext?.WindowsOptions is not null)
            field["securityContext"]["windowsOptions"].Forbidden(text);
        foreach (var (index, container) in spec.Containers.OrEmpty().Index())
        {
            if (container.SecurityContext?.WindowsOptions is not null)
                field["containers"][index]["securityContext"]["windowsOptions"].Forbidden(text);
        }
    }

    private static void CheckWindows(Field field, PodSpec spec)
    {
        void Forbid(Field place, object? part, string name)
        {
            if (part is not null and not false)
                place[name].Forbidden("cannot be set for a windows pod");
        }

        Forbid(field, spec.HostUsers, "hostUsers");
        Forbid(field, spec.HostPID, "hostPID");
        Forbid(field, spec.HostIPC, "hostIPC");
        Forbid(field, spec.ShareProcessNamespace, "shareProcessNamespace");
        if (spec.SecurityContext is { } pod)
        {
            var place = field["securityContext"];
            Forbid(place, pod.AppArmorProfile, "appArmorProfile");
            Forbid(place, pod.SeLinuxOptions, "seLinuxOptions");
            Forbid(place, pod.SeccompProfile, "seccompProfile");
            Forbid(place, pod.FsGroup, "fsGroup");
            Forbid(place, pod.FsGroupChangePolicy, "fsGroupChangePolicy");
            Forbid(place, pod.Sysctls is { Count: > 0 } ? pod.Sysctls : null, "sysctls");
            Forbid(place, pod.RunAsUser, "runAsUser");
            Forbid(place, pod.RunAsGroup, "runAsGroup");
            Forbid(place, pod.SupplementalGroups, "supplementalGroups");
            Forbid(place, pod.SupplementalGroupsPolicy, "supplementalGroupsPolicy");
            Forbid(place, pod.SeLinuxChangePolicy, "seLinuxChangePolicy");
        }
        foreach (var (index, container) in spec.Containers.OrEmpty().Index())
        {
            if (container.SecurityContext is not { } context)
                continue;
            var place = field["containers"][index]["securityContext"];
            Forbid(place, context.AppArmorProfile, "appArmorProfile");
            Forbid(place, context.SeLinuxOptions, "seLinuxOptions");
            Forbid(place, context.SeccompProfile, "seccompProfile");
            Forbid(place, context.Capabilities, "capabilities");
            Forbid(place, (object?)context.ReadOnlyRootFilesystem ?? null, "readOnlyRootFilesystem");
            Forbid(place, (object?)context.Privileged ?? null, "privileged");
            Forbid(place, (object?)context.AllowPrivilegeEscalation ?? null, "allowPrivilegeEscalation");
            Forbid(place, context.ProcMount, "procMount");
            Forbid(place, context.RunAsUser, "runAsUser");
            Forbid(place, context.RunAsGroup, "runAsGroup");
        }
    }
}
