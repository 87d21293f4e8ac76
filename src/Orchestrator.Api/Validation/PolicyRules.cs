using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.NodeV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Api.SchedulingV1;

namespace Orchestrator.Api.Validation;

/// <summary>Who may do what, what comes first, and who holds what.</summary>
internal static class PolicyRules
{
    private const string RbacGroup = "rbac.authorization.k8s.io";
    private const int HighestUserPriority = 1_000_000_000;
    private const int DomainPathLimit = 250;
    private const int ShortestCertificateSeconds = 600;

    private static readonly Dictionary<string, int> _systemPriorities = new(StringComparer.Ordinal)
    {
        ["system-cluster-critical"] = 2_000_000_000,
        ["system-node-critical"] = 2_000_001_000,
    };

    private static readonly string[] _usages =
    [
        "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
        "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
        "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping",
    ];

    public static void Check(Field root, PodDisruptionBudget budget)
    {
        var field = root["spec"];
        var spec = budget.Spec;
        if (spec.MinAvailable is not null && spec.MaxUnavailable is not null)
            field.Invalid(spec, "minAvailable and maxUnavailable cannot be both set");
        WorkloadRules.CheckCountOrPercent(field["minAvailable"], spec.MinAvailable);
        WorkloadRules.CheckNotMoreThanAll(field["minAvailable"], spec.MinAvailable);
        WorkloadRules.CheckCountOrPercent(field["maxUnavailable"], spec.MaxUnavailable);
        WorkloadRules.CheckNotMoreThanAll(field["maxUnavailable"], spec.MaxUnavailable);
        MetadataRules.CheckSelector(field["selector"], spec.Selector);
        field["unhealthyPodEvictionPolicy"].OneOfOrAbsent(spec.UnhealthyPodEvictionPolicy, "AlwaysAllow", "IfHealthyBudget");
    }

    public static void CheckStatusUpdate(Field root, PodDisruptionBudget budget, PodDisruptionBudget old)
    {
        var field = root["status"];
        field["podDisruptionsAllowed"].NotNegative(budget.Status.DisruptionsAllowed);
        field["currentHealthy"].NotNegative(budget.Status.CurrentHealthy);
        field["desiredHealthy"].NotNegative(budget.Status.DesiredHealthy);
        field["expectedPods"].NotNegative(budget.Status.ExpectedPods);
    }

    public static void Check(Field root, Role role) => CheckRules(root["rules"], role.Rules, isNamespaced: true);

    public static void Check(Field root, ClusterRole role)
    {
        CheckRules(root["rules"], role.Rules, isNamespaced: false);
        if (role.AggregationRule is not { } aggregation)
            return;
        var field = root["aggregationRule"]["clusterRoleSelectors"];
        if (aggregation.ClusterRoleSelectors is not { Count: > 0 })
            field.Required("at least one clusterRoleSelector required if aggregationRule is non-nil");
        foreach (var (index, selector) in aggregation.ClusterRoleSelectors.OrEmpty().Index())
            MetadataRules.CheckSelector(field[index], selector);
    }

    public static void Check(Field root, RoleBinding binding)
    {
        CheckRoleRef(root["roleRef"], binding.RoleRef, "ClusterRole", "Role");
        CheckSubjects(root["subjects"], binding.Subjects, isNamespaced: true);
    }

    public static void CheckUpdate(Field root, RoleBinding binding, RoleBinding old) =>
        CheckRoleRefKept(root["roleRef"], binding.RoleRef, old.RoleRef);

    public static void Check(Field root, ClusterRoleBinding binding)
    {
        CheckRoleRef(root["roleRef"], binding.RoleRef, "ClusterRole");
        CheckSubjects(root["subjects"], binding.Subjects, isNamespaced: false);
    }

    public static void CheckUpdate(Field root, ClusterRoleBinding binding, ClusterRoleBinding old) =>
        CheckRoleRefKept(root["roleRef"], binding.RoleRef, old.RoleRef);

    public static void Check(Field root, PriorityClass priority)
    {
        int value = priority.Value ?? 0;
        if (priority.Name.StartsWith("system-", StringComparison.Ordinal))
        {
            if (!_systemPriorities.TryGetValue(priority.Name, out int known))
                root["metadata"]["name"].Forbidden("priority class names with 'system-' prefix are reserved for system use only. "
                    + $"error: {priority.Name} is not a known system priority class");
            else if (value != known)
                root["metadata"]["name"].Forbidden("priority class names with 'system-' prefix are reserved for system use only. "
                    + $"error: value of {priority.Name} PriorityClass must be {known}");
        }
        else if (value > HighestUserPriority)
            root["value"].Forbidden($"maximum allowed value of a user defined priority is {HighestUserPriority}");
        if (priority.PreemptionPolicy is { } policy)
            root["preemptionPolicy"].OneOf(policy, "Never", "PreemptLowerPriority");
    }

    public static void CheckUpdate(Field root, PriorityClass priority, PriorityClass old)
    {
        if ((priority.Value ?? 0) != (old.Value ?? 0))
            root["value"].Forbidden("may not be changed in an update.");
        root["preemptionPolicy"].Unchanged(priority.PreemptionPolicy, old.PreemptionPolicy);
    }

    public static void Check(Field root, RuntimeClass runtime)
    {
        root["handler"].Invalid(runtime.Handler ?? "", NameRules.DnsLabel(runtime.Handler ?? ""));
        if (runtime.Overhead?.PodFixed is { } overhead)
            ResourceRules.Check(root["overhead"]["podFixed"], new CoreV1.ResourceRequirements { Limits = overhead }, []);
        MetadataRules.CheckLabels(root["scheduling"]["nodeSelector"], runtime.Scheduling?.NodeSelector);
        AffinityRules.CheckTolerations(root["scheduling"]["tolerations"], runtime.Scheduling?.Tolerations);
    }

    public static void CheckUpdate(Field root, RuntimeClass runtime, RuntimeClass old) =>
        root["handler"].Unchanged(runtime.Handler, old.Handler);

    public static void Check(Field root, Lease lease)
    {
        var field = root["spec"];
        if (lease.Spec.LeaseDurationSeconds <= 0)
            field["leaseDurationSeconds"].Invalid(lease.Spec.LeaseDurationSeconds, "must be greater than 0");
        if (lease.Spec.LeaseTransitions < 0)
            field["leaseTransitions"].Invalid(lease.Spec.LeaseTransitions, Field.Negative);
        if (lease.Spec.Strategy is { } strategy and not "")
            field["strategy"].OneOf(strategy, "OldestEmulationVersion");
    }

    /// <summary>A domain and a path: <c>acme.io/foo</c>.</summary>
    public static void CheckDomainPath(Field field, string? path)
    {
        if (string.IsNullOrEmpty(path))
        {
            field.Required();
            return;
        }
        if (path.Length > DomainPathLimit)
            field.TooLong(DomainPathLimit);
        int slash = path.IndexOf('/');
        if (slash <= 0 || slash == path.Length - 1)
        {
            field.Invalid(path, "must be a domain-prefixed path (such as \"acme.io/foo\")");
            return;
        }
        field.Invalid(path[..slash], NameRules.DnsSubdomain(path[..slash]));
        if (path[(slash + 1)..].Any(c => !char.IsAsciiLetterOrDigit(c) && !"/._~-%!$&'()*+,;=:@".Contains(c)))
            field.Invalid(path, "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
    }

    public static void Check(Field root, CertificateSigningRequest request)
    {
        var field = root["spec"];
        var spec = request.Spec;
        if (!IsCertificateRequest(spec.Request))
            field["request"].Invalid(GoLiteral.Raw(BytesText(spec.Request)), "PEM block type must be CERTIFICATE REQUEST");
        CheckUsages(field["usages"], spec.Usages);
        CheckSignerName(field["signerName"], spec.SignerName);
        if (spec.SignerName == "kubernetes.io/legacy-unknown")
            field["signerName"].Invalid(spec.SignerName, "the legacy signerName is not allowed via this API version");
        if (spec.ExpirationSeconds < ShortestCertificateSeconds)
            field["expirationSeconds"].Invalid(
                spec.ExpirationSeconds, "may not specify a duration less than 600 seconds (10 minutes)");
        CheckConditions(root["status"]["conditions"], request);
    }

    public static void CheckUpdate(Field root, CertificateSigningRequest request, CertificateSigningRequest old) =>
        CheckConditionsKept(root["status"]["conditions"], request, old, mayApprove: false);

    public static void CheckStatusUpdate(Field root, CertificateSigningRequest request, CertificateSigningRequest old)
    {
        CheckConditionsKept(root["status"]["conditions"], request, old, mayApprove: false);
        if (old.Status.Certificate is { Length: > 0 } certificate && !certificate.AsSpan().SequenceEqual(request.Status.Certificate))
            root["status"]["certificate"].Forbidden("updates may not modify existing certificate content");
    }

    public static void CheckApproval(Field root, CertificateSigningRequest request, CertificateSigningRequest old) =>
        CheckConditionsKept(root["status"]["conditions"], request, old, mayApprove: true);

    private static void CheckConditionsKept(
        Field field, CertificateSigningRequest request, CertificateSigningRequest old, bool mayApprove)
    {
        int Count(CertificateSigningRequest of, string type) => of.Status.Conditions.OrEmpty().Count(condition => condition.Type == type);
        foreach (string type in new[] { "Approved", "Denied", "Failed" })
        {
            int difference = Count(request, type) - Count(old, type);
            if (difference < 0)
                field.Forbidden($"updates may not remove a condition of type \"{type}\"");
            else if (difference > 0 && type != "Failed" && !mayApprove)
                field.Forbidden($"updates may not add a condition of type \"{type}\"");
        }
    }

    private static bool IsCertificateRequest(byte[]? request) => request is not null
        && System.Text.Encoding.ASCII.GetString(request) is var text
        && (text.Contains("-----BEGIN CERTIFICATE REQUEST-----", StringComparison.Ordinal)
            || text.Contains("-----BEGIN NEW CERTIFICATE REQUEST-----", StringComparison.Ordinal));

    private static string BytesText(byte[]? bytes) =>
        bytes is null ? "[]byte(nil)" : $"[]byte{{{string.Join(", ", bytes.Select(value => $"0x{value:x}"))}}}";

    private static void CheckUsages(Field field, List<string>? usages)
    {
        if (usages is not { Count: > 0 })
            field.Required();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, usage) in usages.OrEmpty().Index())
        {
            if (!_usages.Contains(usage))
                field[index].NotSupported(usage, _usages);
            else if (!seen.Add(usage))
                field[index].Duplicate(usage);
        }
    }

    /// <summary>A domain and a path, as <c>kubernetes.io/kubelet-serving</c>.</summary>
    public static void CheckSignerName(Field field, string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            field.Required();
            return;
        }
        string[] parts = name.Split('/');
        if (parts.Length != 2)
        {
            field.Invalid(name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
            return;
        }
        field.Invalid(parts[0], NameRules.DnsSubdomain(parts[0]));
        if (!parts[0].Contains('.'))
            field.Invalid(parts[0], "should be a domain with at least two segments separated by dots");
        foreach (string fault in NameRules.DnsSubdomain(parts[1]))
            field.Invalid(name, $"validating label {GoText.Quote(parts[1])}: {fault}");
    }

    private static void CheckConditions(Field field, CertificateSigningRequest request)
    {
        var types = new HashSet<string?>(StringComparer.Ordinal);
        foreach (var (index, condition) in request.Status.Conditions.OrEmpty().Index())
        {
            var place = field[index];
            place["type"].Filled(condition.Type);
            if (condition.Type is "Approved" or "Denied" or "Failed" && condition.Status != "True")
                place["status"].NotSupported(condition.Status ?? "", "True");
            else
                place["status"].OneOf(condition.Status, "False", "True", "Unknown");
            if (!types.Add(condition.Type))
                place["type"].Duplicate(condition.Type ?? "");
            if ((condition.Type == "Approved" && types.Contains("Denied")) || (condition.Type == "Denied" && types.Contains("Approved")))
                place["type"].Invalid(condition.Type, "Approved and Denied conditions are mutually exclusive");
        }
    }

    private static void CheckRules(Field field, List<PolicyRule>? rules, bool isNamespaced)
    {
        foreach (var (index, rule) in rules.OrEmpty().Index())
        {
            var place = field[index];
            if (rule.Verbs is not { Count: > 0 })
                place["verbs"].Required("verbs must contain at least one value");
            if (rule.NonResourceURLs is { Count: > 0 } urls)
            {
                if (isNamespaced)
                    place["nonResourceURLs"].Invalid(GoLiteral.Of(urls), "namespaced rules cannot apply to non-resource URLs");
                if (rule.ApiGroups is { Count: > 0 } || rule.Resources is { Count: > 0 } || rule.ResourceNames is { Count: > 0 })
                    place["nonResourceURLs"].Invalid(
                        GoLiteral.Of(urls), "rules cannot apply to both regular resources and non-resource URLs");
                continue;
            }
            if (rule.ApiGroups is not { Count: > 0 })
                place["apiGroups"].Required("resource rules must supply at least one api group");
            if (rule.Resources is not { Count: > 0 })
                place["resources"].Required("resource rules must supply at least one resource");
        }
    }

    private static void CheckRoleRef(Field field, RoleRef? reference, params string[] kinds)
    {
        if (reference?.ApiGroup != RbacGroup)
            field["apiGroup"].NotSupported(reference?.ApiGroup ?? "", RbacGroup);
        if (!kinds.Contains(reference?.Kind))
            field["kind"].NotSupported(reference?.Kind ?? "", kinds);
        field["name"].Named(reference?.Name, NameRules.PathSegment);
    }

    private static void CheckRoleRefKept(Field field, RoleRef? reference, RoleRef? old)
    {
        if (reference is null ? old is not null : !reference.DeepEquals(old))
            field.Invalid(GoLiteral.Raw($"rbac.RoleRef{{APIGroup:{GoText.Quote(reference?.ApiGroup ?? "")}, "
                + $"Kind:{GoText.Quote(reference?.Kind ?? "")}, Name:{GoText.Quote(reference?.Name ?? "")}}}"), "cannot change roleRef");
    }

    private static void CheckSubjects(Field field, List<Subject>? subjects, bool isNamespaced)
    {
        foreach (var (index, subject) in subjects.OrEmpty().Index())
        {
            var place = field[index];
            place["name"].Filled(subject.Name);
            switch (subject.Kind)
            {
                case "ServiceAccount":
                    place["name"].NamedOrAbsent(subject.Name, NameRules.DnsSubdomain);
                    if (!string.IsNullOrEmpty(subject.ApiGroup))
                        place["apiGroup"].NotSupported(subject.ApiGroup, "");
                    if (!isNamespaced && string.IsNullOrEmpty(subject.Namespace))
                        place["namespace"].Required();
                    break;
                case "User" or "Group":
                    if (subject.ApiGroup != RbacGroup)
                        place["apiGroup"].NotSupported(subject.ApiGroup ?? "", RbacGroup);
                    break;
                default:
                    place["kind"].NotSupported(subject.Kind ?? "", "Group", "ServiceAccount", "User");
                    break;
            }
        }
    }
}
