using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;

namespace Orchestrator.Api.Validation;

/// <summary>Pods: nearly nothing of a spec changes once it is made.</summary>
internal static class PodRules
{
    private const string MirrorAnnotation = "kubernetes.io/config.mirror";
    private const string DeletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

    private const string Updatable = "pod updates may not change fields other than `spec.containers[*].image`,"
        + "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

    /// <summary>Holds of a pod at all times.</summary>
    public static void Check(Field root, Pod pod)
    {
        var spec = root["spec"];
        CheckAnnotations(root["metadata"]["annotations"], pod);
        PodSpecRules.Check(spec, pod.Spec, pod.Metadata);
        if (string.IsNullOrEmpty(pod.Spec.ServiceAccountName))
            CheckNoTokens(spec["volumes"], pod.Spec);
        foreach (var (index, container) in pod.Spec.Containers.OrEmpty().Index())
            ContainerRules.CheckImageOfPod(spec["containers"][index]["image"], container.Image);
        foreach (var (index, container) in pod.Spec.InitContainers.OrEmpty().Index())
            ContainerRules.CheckImageOfPod(spec["initContainers"][index]["image"], container.Image);
    }

    public static void CheckCreate(Field root, Pod pod)
    {
        if (pod.Spec.EphemeralContainers is { Count: > 0 })
            root["spec"]["ephemeralContainers"].Forbidden("cannot be set on create");
        if (!string.IsNullOrEmpty(pod.Spec.NodeName) && pod.Spec.SchedulingGates is { Count: > 0 })
            root["spec"]["nodeName"].Forbidden("cannot be set until all schedulingGates have been cleared");
    }

    public static void CheckUpdate(Field root, Pod pod, Pod old)
    {
        CheckMirrorAnnotation(root["metadata"]["annotations"], pod, old);
        var spec = root["spec"];
        if (!CheckContainerCount(spec["containers"], pod.Spec.Containers, old.Spec.Containers)
            || !CheckContainerCount(spec["initContainers"], pod.Spec.InitContainers, old.Spec.InitContainers)
            || !CheckDeadline(spec["activeDeadlineSeconds"], pod.Spec.ActiveDeadlineSeconds, old.Spec.ActiveDeadlineSeconds))
            return;
        CheckTolerationsOnlyAdded(spec["tolerations"], pod.Spec.Tolerations, old.Spec.Tolerations);
        CheckGatesOnlyRemoved(spec["schedulingGates"], pod.Spec.SchedulingGates, old.Spec.SchedulingGates);
        if (pod.Spec.DeepEquals(old.Spec))
            return;
        var masked = WithChangesTakenBack(pod.Spec, old.Spec);
        if (old.Spec.SchedulingGates is { Count: > 0 })
            CheckGated(spec, masked, old.Spec);
        if (!masked.DeepEquals(old.Spec))
            spec.Forbidden($"{Updatable}\n{Difference.Of(old.Spec, masked)}");
    }

    public static void CheckStatusUpdate(Field root, Pod pod, Pod old)
    {
        CheckMirrorAnnotation(root["metadata"]["annotations"], pod, old);
        var status = root["status"];
        foreach (var (index, condition) in pod.Status.Conditions.OrEmpty().Index())
        {
            if (condition.Type is not ("PodScheduled" or "Ready" or "Initialized"))
                MetadataRules.CheckLabelKey(root["metadata"]["conditions"][index]["Type"], condition.Type);
        }
        if (pod.Status.NominatedNodeName != old.Status.NominatedNodeName)
            status["nominatedNodeName"].NamedOrAbsent(pod.Status.NominatedNodeName, NameRules.DnsSubdomain);
        status["qosClass"].Unchanged(pod.Status.QosClass ?? "", old.Status.QosClass ?? "");
        CheckTransitions(status["containerStatuses"], pod.Status.ContainerStatuses, old.Status.ContainerStatuses, old.Spec.RestartPolicy);
        CheckTransitions(status["initContainerStatuses"], pod.Status.InitContainerStatuses,
            old.Status.InitContainerStatuses.OrEmpty().FindAll(container => !IsSidecar(old.Spec, container.Name)), old.Spec.RestartPolicy);
        CheckTransitions(status["ephemeralContainerStatuses"], pod.Status.EphemeralContainerStatuses,
            old.Status.EphemeralContainerStatuses, "Never");
        CheckAddresses(status["podIPs"], pod.Status.PodIPs.OrEmpty().ConvertAll(ip => ip.Ip ?? ""));
        CheckAddresses(status["hostIPs"], pod.Status.HostIPs.OrEmpty().ConvertAll(ip => ip.Ip ?? ""));
    }

    public static void CheckEphemeralContainersUpdate(Field root, Pod pod, Pod old)
    {
        if (old.Annotations.ContainsKey(MirrorAnnotation))
        {
            root.Forbidden("static pods do not support ephemeral containers");
            return;
        }
        var field = root["spec"]["ephemeralContainers"];
        foreach (var before in old.Spec.EphemeralContainers.OrEmpty())
        {
            string name = GoText.Quote(before.Name ?? "");
            var after = pod.Spec.EphemeralContainers.OrEmpty().Find(container => container.Name == before.Name);
            if (after is null)
                field.Forbidden($"existing ephemeral containers {name} may not be removed\n");
            else if (!after.DeepEquals(before))
                field.Forbidden($"existing ephemeral containers {name} may not be changed\n{Difference.Of(before, after)}");
        }
    }

    public static void CheckResize(Field root, Pod pod, Pod old)
    {
        if (old.Annotations.ContainsKey(MirrorAnnotation))
        {
            root.Forbidden("static pods cannot be resized");
            return;
        }
        var spec = root["spec"];
        if (QualityOfService.ClassOf(old.Spec) != QualityOfService.ClassOf(pod.Spec))
            spec.Invalid(pod.Status.QosClass ?? "", "Pod QOS Class may not change as a result of resizing");
        foreach (var (index, container) in pod.Spec.Containers.OrEmpty().Index())
        {
            if (index < old.Spec.Containers.OrEmpty().Count)
                CheckResize(spec, spec["containers"][index]["resources"], container, old.Spec.Containers![index]);
        }
    }

    public static void Check(Field root, Binding binding)
    {
        var target = binding.Target ?? new ObjectReference();
        if (!string.IsNullOrEmpty(target.Kind) && target.Kind != "Node")
            root["target"]["kind"].NotSupported(target.Kind, "<empty>", "Node");
        root["target"]["name"].Filled(target.Name);
    }

    private static void CheckResize(Field spec, Field field, Container container, Container old)
    {
        var (resources, before) = (container.Resources ?? new(), old.Resources ?? new());
        if (before.Requests.OrEmpty().Keys.Except(resources.Requests.OrEmpty().Keys).Any())
            field["requests"].Forbidden("resource requests cannot be removed");
        if (before.Limits.OrEmpty().Keys.Except(resources.Limits.OrEmpty().Keys).Any())
            field["limits"].Forbidden("resource limits cannot be removed");
        string? policy = container.ResizePolicy.OrEmpty().Find(entry => entry.ResourceName == "memory")?.RestartPolicy;
        if (policy != "RestartContainer" && resources.Limits.OrEmpty().TryGetValue("memory", out var limit))
        {
            if (!before.Limits.OrEmpty().TryGetValue("memory", out var oldLimit))
                field["limits"].Key("memory").Forbidden("memory limits cannot be added unless resizePolicy is RestartContainer");
            else if (limit < oldLimit)
                field["limits"].Key("memory").Forbidden("memory limits cannot be decreased unless resizePolicy is RestartContainer");
        }
        if (!SameOthers(resources.Requests, before.Requests) || !SameOthers(resources.Limits, before.Limits))
            spec.Forbidden("only cpu and memory resources are mutable");
    }

    private static bool SameOthers(Dictionary<string, Quantity>? amounts, Dictionary<string, Quantity>? old) =>
        amounts.OrEmpty().Where(entry => entry.Key is not ("cpu" or "memory")).ToHashSet()
            .SetEquals(old.OrEmpty().Where(entry => entry.Key is not ("cpu" or "memory")));

    private static void CheckAnnotations(Field field, Pod pod)
    {
        if (pod.Annotations.TryGetValue(MirrorAnnotation, out string? mirror) && string.IsNullOrEmpty(pod.Spec.NodeName))
            field.Key(MirrorAnnotation).Invalid(mirror, "must set spec.nodeName if mirror pod annotation is set");
        if (pod.Annotations.TryGetValue(DeletionCostAnnotation, out string? cost) && !IsDeletionCost(cost))
            field.Key(DeletionCostAnnotation).Invalid(cost, "must be a 32bit integer");
    }

    private static bool IsDeletionCost(string text) =>
        int.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out int cost)
        && text == cost.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static void CheckNoTokens(Field field, PodSpec spec)
    {
        foreach (var (index, volume) in spec.Volumes.OrEmpty().Index())
        {
            foreach (var (position, source) in (volume.Projected?.Sources).OrEmpty().Index())
            {
                if (source.ServiceAccountToken is not null)
                    field[index]["projected"]["sources"][position]["serviceAccountToken"].Forbidden(
                        "must not be specified when serviceAccountName is not set");
            }
        }
    }

    private static void CheckMirrorAnnotation(Field field, Pod pod, Pod old)
    {
        bool has = pod.Annotations.TryGetValue(MirrorAnnotation, out string? value);
        bool had = old.Annotations.TryGetValue(MirrorAnnotation, out string? before);
        if (had && (!has || value != before))
            field.Key(MirrorAnnotation).Forbidden("may not remove or update mirror pod annotation");
        else if (has && !had)
            field.Key(MirrorAnnotation).Forbidden("may not add mirror pod annotation");
    }

    private static bool CheckContainerCount(Field field, List<Container>? containers, List<Container>? old)
    {
        if (containers.OrEmpty().Count == old.OrEmpty().Count)
            return true;
        field.Forbidden("pod updates may not add or remove containers");
        return false;
    }

    // A deadline may be set once, and be drawn nearer.
    private static bool CheckDeadline(Field field, long? seconds, long? old)
    {
        if (seconds is < 0 or > int.MaxValue)
            field.Invalid(seconds, NameRules.Range(0, int.MaxValue));
        else if (seconds > old)
            field.Invalid(seconds, "must be less than or equal to previous value");
        else
        {
            if (seconds is null && old is not null)
                field.Invalid(null, "must not update from a positive integer to nil value");
            return true;
        }
        return false;
    }

    private static void CheckTolerationsOnlyAdded(Field field, List<Toleration>? tolerations, List<Toleration>? old)
    {
        foreach (var before in old.OrEmpty())
        {
            bool isKept = tolerations.OrEmpty().Exists(toleration =>
            {
                var same = before.DeepClone();
                same.TolerationSeconds = toleration.TolerationSeconds;
                return same.DeepEquals(toleration);
            });
            if (isKept)
                continue;
            field.Forbidden("existing toleration can not be modified except its tolerationSeconds");
            return;
        }
    }

    private static void CheckGatesOnlyRemoved(Field field, List<PodSchedulingGate>? gates, List<PodSchedulingGate>? old)
    {
        foreach (var (index, gate) in gates.OrEmpty().Index())
        {
            if (!old.OrEmpty().Exists(before => before.Name == gate.Name))
                field[index]["name"].Forbidden($"only deletion is allowed, but found new scheduling gate '{gate.Name}'");
        }
    }

    /// <summary>The new spec with everything that may change as it was: what still differs must not.</summary>
    private static PodSpec WithChangesTakenBack(PodSpec spec, PodSpec old)
    {
        var masked = spec.DeepClone();
        foreach (var (container, before) in masked.Containers.OrEmpty().Zip(old.Containers.OrEmpty()))
            container.Image = before.Image;
        foreach (var (container, before) in masked.InitContainers.OrEmpty().Zip(old.InitContainers.OrEmpty()))
            container.Image = before.Image;
        masked.ActiveDeadlineSeconds = old.ActiveDeadlineSeconds;
        masked.SchedulingGates = old.SchedulingGates;
        masked.Tolerations = old.Tolerations;
        if (old.TerminationGracePeriodSeconds < 0 && masked.TerminationGracePeriodSeconds == 1)
            masked.TerminationGracePeriodSeconds = old.TerminationGracePeriodSeconds;
        return masked;
    }

    // Until its gates are gone a pod may still be directed to fewer nodes.
    private static void CheckGated(Field spec, PodSpec masked, PodSpec old)
    {
        if (old.NodeSelector.OrEmpty().Any(entry => masked.NodeSelector.OrEmpty().GetValueOrDefault(entry.Key) != entry.Value))
            spec["nodeSelector"].Invalid(
                GoLiteral.Of(masked.NodeSelector), "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
        masked.NodeSelector = old.NodeSelector;
        var terms = (masked.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution?.NodeSelectorTerms).OrEmpty();
        var before = (old.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution?.NodeSelectorTerms).OrEmpty();
        var place = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
        if (before.Count > 0 && before.Count != terms.Count)
            place.Invalid(GoLiteral.Raw($"{terms.Count} terms"), "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
        else
        {
            foreach (var (index, term) in before.Index())
            {
                if (!HasOnlyAdditions(terms[index], term))
                    place[index].Invalid(terms[index], "only additions are allowed (no mutations or deletions)");
            }
        }
        if (masked.Affinity is null && old.Affinity?.NodeAffinity is null)
            return;
        masked.Affinity ??= new Affinity();
        masked.Affinity.NodeAffinity = old.Affinity?.NodeAffinity;
        if (masked.Affinity.IsEmpty && old.Affinity is null)
            masked.Affinity = null;
    }

    private static bool HasOnlyAdditions(NodeSelectorTerm term, NodeSelectorTerm old)
    {
        if (old.IsEmpty)
            return term.IsEmpty;
        return StartsWith(term.MatchExpressions.OrEmpty(), old.MatchExpressions.OrEmpty())
            && StartsWith(term.MatchFields.OrEmpty(), old.MatchFields.OrEmpty());
    }

    private static bool StartsWith(List<NodeSelectorRequirement> list, List<NodeSelectorRequirement> start) =>
        list.Count >= start.Count && start.Zip(list).All(pair => pair.First.DeepEquals(pair.Second));

    private static bool IsSidecar(PodSpec spec, string? name) =>
        spec.InitContainers.OrEmpty().Exists(container => container.Name == name && container.RestartPolicy == "Always");

    private static void CheckTransitions(Field field, List<ContainerStatus>? statuses, List<ContainerStatus>? old, string? restartPolicy)
    {
        if (restartPolicy == "Always")
            return;
        foreach (var (index, before) in old.OrEmpty().Index())
        {
            if (before.State?.Terminated is not { } ended || (ended.ExitCode is not (null or 0) && restartPolicy == "OnFailure"))
                continue;
            if (statuses.OrEmpty().Exists(status => status.Name == before.Name && status.State?.Terminated is null))
                field[index]["state"].Forbidden("may not be transitioned to non-terminated state");
        }
    }

    private static void CheckAddresses(Field field, List<string> ips)
    {
        foreach (var (index, ip) in ips.Index())
            field[index].Invalid(ip, NameRules.IpAddress(ip));
        if (ips.Count < 2)
            return;
        bool isDual = Addresses.TryParse(ips[0], out var first) && Addresses.TryParse(ips[1], out var second)
            && first.IsIPv4 != second.IsIPv4;
        if (!isDual || ips.Count > 2)
            field.Invalid(GoLiteral.Of(ips), "may specify no more than one IP for each IP family");
    }
}
