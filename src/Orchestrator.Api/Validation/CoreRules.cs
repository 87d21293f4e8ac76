using System.Globalization;
using System.Text.Json;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Validation;

/// <summary>v1's kinds besides pods, services and volumes.</summary>
internal static class CoreRules
{
    private const int DataLimit = 1024 * 1024;
    private const string ImmutableOnce = "field is immutable when `immutable` is set";

    public static void Check(Field root, ConfigMap map)
    {
        long size = 0;
        foreach (var (key, value) in map.Data.OrEmpty().OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            root["data"].Key(key).Invalid(key, NameRules.ConfigMapKey(key));
            if (map.BinaryData.OrEmpty().ContainsKey(key))
                root["data"].Key(key).Invalid(key, "duplicate of key present in binaryData");
            size += System.Text.Encoding.UTF8.GetByteCount(value);
        }
        foreach (var (key, value) in map.BinaryData.OrEmpty().OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            root["binaryData"].Key(key).Invalid(key, NameRules.ConfigMapKey(key));
            size += value.Length;
        }
        if (size > DataLimit)
            root[""].TooLong(DataLimit);
    }

    public static void CheckUpdate(Field root, ConfigMap map, ConfigMap old)
    {
        if (old.Immutable != true)
            return;
        if (map.Immutable != true)
            root["immutable"].Forbidden(ImmutableOnce);
        if (!Strategies.Copies.Same(map.Data, old.Data))
            root["data"].Forbidden(ImmutableOnce);
        if (!Same(map.BinaryData, old.BinaryData))
            root["binaryData"].Forbidden(ImmutableOnce);
    }

    public static void Check(Field root, Secret secret)
    {
        var data = secret.Data.OrEmpty();
        foreach (string key in data.Keys.Order(StringComparer.Ordinal))
            root["data"].Key(key).Invalid(key, NameRules.ConfigMapKey(key));
        if (data.Values.Sum(value => (long)value.Length) > DataLimit)
            root["data"].TooLong(DataLimit);
        CheckType(root, secret, data);
    }

    public static void CheckUpdate(Field root, Secret secret, Secret old)
    {
        root["type"].Unchanged(secret.Type ?? "", old.Type ?? "");
        if (old.Immutable != true)
            return;
        if (secret.Immutable != true)
            root["immutable"].Forbidden(ImmutableOnce);
        if (!Same(secret.Data, old.Data))
            root["data"].Forbidden(ImmutableOnce);
    }

    private static void CheckType(Field root, Secret secret, Dictionary<string, byte[]> data)
    {
        var field = root["data"];
        void Need(string key)
        {
            if (!data.ContainsKey(key))
                field.Key(key).Required();
        }

        switch (secret.Type)
        {
            case "kubernetes.io/service-account-token":
                const string annotation = "kubernetes.io/service-account.name";
                if (string.IsNullOrEmpty(secret.Annotations.GetValueOrDefault(annotation)))
                    root["metadata"]["annotations"].Key(annotation).Required();
                break;
            case "kubernetes.io/dockercfg": CheckDocument(field.Key(".dockercfg"), data.GetValueOrDefault(".dockercfg")); break;
            case "kubernetes.io/dockerconfigjson":
                CheckDocument(field.Key(".dockerconfigjson"), data.GetValueOrDefault(".dockerconfigjson"));
                break;
            case "kubernetes.io/basic-auth":
                if (!data.ContainsKey("username") && !data.ContainsKey("password"))
                {
                    Need("username");
                    Need("password");
                }
                break;
            case "kubernetes.io/ssh-auth":
                if (data.GetValueOrDefault("ssh-privatekey") is not { Length: > 0 })
                    field.Key("ssh-privatekey").Required();
                break;
            case "kubernetes.io/tls":
                Need("tls.crt");
                Need("tls.key");
                break;
        }
    }

    private static void CheckDocument(Field field, byte[]? document)
    {
        if (document is null)
        {
            field.Required();
            return;
        }
        try
        {
            using var parsed = JsonDocument.Parse(document);
            if (parsed.RootElement.ValueKind != JsonValueKind.Object)
                field.Invalid("<secret contents redacted>", "json: cannot unmarshal into Go value of type map[string]interface {}");
        }
        catch (JsonException)
        {
            field.Invalid("<secret contents redacted>",
                document.Length == 0 ? "unexpected end of JSON input" : "invalid character in JSON text");
        }
    }

    private static bool Same(Dictionary<string, byte[]>? left, Dictionary<string, byte[]>? right) =>
        left.OrEmpty().Count == right.OrEmpty().Count
        && left.OrEmpty().All(entry => right.OrEmpty().TryGetValue(entry.Key, out byte[]? other) && entry.Value.AsSpan().SequenceEqual(other));

    public static void Check(Field root, Node node)
    {
        AffinityRules.CheckTaints(root["metadata"]["taints"], node.Spec.Taints);
        CheckAmounts(root["status"]["capacity"], node.Status.Capacity);
        CheckAmounts(root["status"]["allocatable"], node.Status.Allocatable);
    }

    public static void CheckCreate(Field root, Node node)
    {
        var field = root["spec"]["podCIDRs"];
        var ranges = node.Spec.PodCIDRs.OrEmpty();
        foreach (var (index, range) in ranges.Index())
            field[index].Invalid(range, NameRules.Cidr(range));
        if (ranges.Count < 2)
            return;
        bool isDual = Addresses.TryParseCidr(ranges[0], out var first, out _) && Addresses.TryParseCidr(ranges[1], out var second, out _)
            && first.IsIPv4 != second.IsIPv4;
        if (!isDual || ranges.Count > 2)
            field.Invalid(GoLiteral.Of(ranges), "may specify no more than one CIDR for each IP family");
    }

    public static void CheckUpdate(Field root, Node node, Node old)
    {
        var seen = new HashSet<(string?, string?)>();
        foreach (var (index, address) in node.Status.Addresses.OrEmpty().Index())
        {
            if (!seen.Add((address.Type, address.Address)))
                root["status"]["addresses"][index].Duplicate(address);
        }
        if (old.Spec.PodCIDRs is { Count: > 0 } ranges && !ranges.SequenceEqual(node.Spec.PodCIDRs.OrEmpty()))
            root["spec"]["podCIDRs"].Forbidden("node updates may not change podCIDR except from \"\" to valid");
        if (!string.IsNullOrEmpty(old.Spec.ProviderID) && old.Spec.ProviderID != node.Spec.ProviderID)
            root["spec"]["providerID"].Forbidden("node updates may not change providerID except from \"\" to valid");
        if ((node.Spec.ExternalID ?? "") != (old.Spec.ExternalID ?? ""))
            root["spec"]["externalID"].Forbidden("may not be updated");
    }

    private static void CheckAmounts(Field field, Dictionary<string, Quantity>? amounts)
    {
        foreach (var (name, amount) in ResourceRules.Sorted(amounts))
            ResourceRules.CheckQuantity(field[name], name, amount);
    }

    public static void CheckFinalizers(Field root, Namespace ns)
    {
        foreach (string finalizer in ns.Spec.Finalizers.OrEmpty())
        {
            root["spec"]["finalizers"].Invalid(finalizer, NameRules.QualifiedName(finalizer));
            MetadataRules.CheckPlainFinalizer(root["spec"]["finalizers"], finalizer);
        }
    }

    public static void CheckStatusUpdate(Field root, Namespace ns, Namespace old)
    {
        string phase = ns.Status.Phase ?? "";
        if (!ns.IsBeingDeleted && phase != "Active")
            root["status"]["Phase"].Invalid(phase, "may only be 'Active' if `deletionTimestamp` is empty");
        else if (ns.IsBeingDeleted && phase != "Terminating")
            root["status"]["Phase"].Invalid(phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
    }

    private static readonly string[] _scopes =
        ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"];

    private static readonly string[] _ofBestEffort = ["pods"];

    private static readonly string[] _computing =
    [
        "pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
    ];

    public static void Check(Field root, ResourceQuota quota)
    {
        CheckHard(root["spec"]["hard"], quota.Spec.Hard);
        CheckHard(root["status"]["hard"], quota.Status.Hard);
        CheckHard(root["status"]["used"], quota.Status.Used);
        CheckScopes(root["spec"], quota.Spec);
    }

    public static void CheckUpdate(Field root, ResourceQuota quota, ResourceQuota old)
    {
        if (!quota.Spec.Scopes.OrEmpty().ToHashSet().SetEquals(old.Spec.Scopes.OrEmpty()))
            root["spec"]["scopes"].Invalid(GoLiteral.Of(quota.Spec.Scopes, "core.ResourceQuotaScope"), Field.Immutable);
    }

    private static void CheckHard(Field field, Dictionary<string, Quantity>? amounts)
    {
        foreach (var (name, amount) in ResourceRules.Sorted(amounts))
        {
            ResourceRules.CheckQuotaName(field.Key(name), name);
            ResourceRules.CheckQuantity(field.Key(name), name, amount);
        }
    }

    private static void CheckScopes(Field field, ResourceQuotaSpec spec)
    {
        var scopes = spec.Scopes.OrEmpty();
        object literal = GoLiteral.Of(scopes, "core.ResourceQuotaScope");
        foreach (string scope in scopes)
        {
            if (!_scopes.Contains(scope))
                field["scopes"].Invalid(literal, "unsupported scope");
            foreach (string name in spec.Hard.OrEmpty().Keys.Where(name => IsOutOfScope(scope, name)).Order(StringComparer.Ordinal))
                field["scopes"].Invalid(literal, "unsupported scope applied to resource");
        }
        CheckConflict(field["scopes"], scopes, literal);
        foreach (var requirement in (spec.ScopeSelector?.MatchExpressions).OrEmpty())
            CheckScope(field["scopeSelector"]["matchExpressions"], requirement);
        CheckConflict(field["scopeSelector"]["matchExpressions"],
            (spec.ScopeSelector?.MatchExpressions).OrEmpty().ConvertAll(requirement => requirement.ScopeName ?? ""), literal);
    }

    private static bool IsOutOfScope(string scope, string name) => ResourceRules.IsOfQuotas(name) && scope switch
    {
        "BestEffort" => !_ofBestEffort.Contains(name),
        "Terminating" or "NotTerminating" or "NotBestEffort" or "PriorityClass" or "CrossNamespacePodAffinity" => !_computing.Contains(name),
        _ => false,
    };

    private static void CheckConflict(Field field, List<string> scopes, object literal)
    {
        if ((scopes.Contains("BestEffort") && scopes.Contains("NotBestEffort"))
            || (scopes.Contains("Terminating") && scopes.Contains("NotTerminating")))
            field.Invalid(literal, "conflicting scopes");
    }

    private static void CheckScope(Field field, ScopedResourceSelectorRequirement requirement)
    {
        string scope = requirement.ScopeName ?? "";
        if (!_scopes.Contains(scope))
            field["scopeName"].Invalid(scope, "unsupported scope");
        if (scope is "BestEffort" or "NotBestEffort" or "Terminating" or "NotTerminating" or "CrossNamespacePodAffinity"
            && requirement.Operator != "Exists")
            field["operator"].Invalid(requirement.Operator ?? "", "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                + "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                + "ResourceQuotaScopeCrossNamespacePodAffinity");
        int count = requirement.Values.OrEmpty().Count;
        switch (requirement.Operator)
        {
            case "In" or "NotIn":
                if (count == 0)
                    field["values"].Required("must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
                break;
            case "Exists" or "DoesNotExist":
                if (count > 0)
                    field["values"].Invalid(GoLiteral.Of(requirement.Values),
                        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
                break;
            default:
                field["operator"].Invalid(requirement.Operator ?? "", "not a valid selector operator");
                break;
        }
    }

    public static void Check(Field root, LimitRange range)
    {
        var types = new HashSet<string?>(StringComparer.Ordinal);
        foreach (var (index, item) in range.Spec.Limits.OrEmpty().Index())
        {
            var field = root["spec"]["limits"][index];
            CheckLimitType(field["type"], item.Type ?? "");
            if (!types.Add(item.Type))
                field["type"].Duplicate(item.Type ?? "");
            CheckLimitNames(field, item);
            CheckLimits(field, item);
        }
    }

    private static void CheckLimitType(Field field, string type)
    {
        var faults = NameRules.QualifiedName(type);
        field.Invalid(type, faults);
        if (faults.Count == 0 && !type.Contains('/') && type is not ("Container" or "Pod" or "PersistentVolumeClaim"))
            field.Invalid(type, "must be a standard limit type or fully qualified");
    }

    private static void CheckLimitNames(Field field, LimitRangeItem item)
    {
        void Check(string part, Dictionary<string, Quantity>? amounts)
        {
            foreach (var (name, _) in ResourceRules.Sorted(amounts))
            {
                if (item.Type is "Pod" or "Container")
                    ResourceRules.CheckContainerName(field[part].Key(name), name);
                else
                    ResourceRules.CheckName(field[part].Key(name), name);
            }
        }

        Check("max", item.Max);
        Check("min", item.Min);
        if (item.Type == "Pod")
        {
            if (item.Default is { Count: > 0 })
                field["default"].Forbidden("may not be specified when `type` is 'Pod'");
            if (item.DefaultRequest is { Count: > 0 })
                field["defaultRequest"].Forbidden("may not be specified when `type` is 'Pod'");
        }
        else
        {
            Check("default", item.Default);
            Check("defaultRequest", item.DefaultRequest);
        }
        if (item.Type == "PersistentVolumeClaim" && !item.Min.OrEmpty().ContainsKey("storage") && !item.Max.OrEmpty().ContainsKey("storage"))
            field["limits"].Required("either minimum or maximum storage value is required, but neither was provided");
        Check("maxLimitRequestRatio", item.MaxLimitRequestRatio);
    }

    // min <= default request <= default <= max, as far as they are given.
    private static void CheckLimits(Field field, LimitRangeItem item)
    {
        bool isPod = item.Type == "Pod";
        var (minima, maxima) = (item.Min.OrEmpty(), item.Max.OrEmpty());
        var defaults = isPod ? [] : item.Default.OrEmpty();
        var requests = isPod ? [] : item.DefaultRequest.OrEmpty();
        var ratios = item.MaxLimitRequestRatio.OrEmpty();
        foreach (string name in minima.Keys.Concat(maxima.Keys).Concat(defaults.Keys).Concat(requests.Keys).Concat(ratios.Keys)
            .Distinct().Order(StringComparer.Ordinal))
        {
            bool hasMin = minima.TryGetValue(name, out var min);
            bool hasMax = maxima.TryGetValue(name, out var max);
            bool hasDefault = defaults.TryGetValue(name, out var limit);
            bool hasRequest = requests.TryGetValue(name, out var request);
            if (hasMin && hasMax && min > max)
                field["min"].Key(name).Invalid(min, $"min value {min} is greater than max value {max}");
            if (hasRequest && hasMin && min > request)
                field["defaultRequest"].Key(name).Invalid(request, $"min value {min} is greater than default request value {request}");
            if (hasRequest && hasMax && request > max)
                field["defaultRequest"].Key(name).Invalid(request, $"default request value {request} is greater than max value {max}");
            if (hasRequest && hasDefault && request > limit)
                field["defaultRequest"].Key(name).Invalid(
                    request, $"default request value {request} is greater than default limit value {limit}");
            if (hasDefault && hasMin && min > limit)
                field["default"].Key(name).Invalid(min, $"min value {min} is greater than default value {limit}");
            if (hasDefault && hasMax && limit > max)
                field["default"].Key(name).Invalid(max, $"default value {limit} is greater than max value {max}");
            if (ratios.TryGetValue(name, out var ratio))
                CheckRatio(field["maxLimitRequestRatio"].Key(name), ratio, hasMin && hasMax ? (min, max) : null);
            if (!ResourceRules.IsOvercommitAllowed(name) && hasDefault && hasRequest && limit != request)
                field["defaultRequest"].Key(name).Invalid(
                    request, $"default value {limit} must equal to defaultRequest value {request} in {name}");
        }
    }

    private static void CheckRatio(Field field, Quantity ratio, (Quantity Min, Quantity Max)? bounds)
    {
        if (ratio < Quantity.FromInt64(1))
            field.Invalid(ratio, $"ratio {ratio} is less than 1");
        if (bounds is not var (min, max) || min.IsZero)
            return;
        double limit = max.ApproximateValue / min.ApproximateValue;
        if (ratio.ApproximateValue > limit)
            field.Invalid(ratio, string.Create(CultureInfo.InvariantCulture, $"ratio {ratio} is greater than max/min = {limit:F6}"));
    }

    public static void Check(Field root, Event seen)
    {
        // Events of nodes and the like lie in the default namespace.
        string about = seen.InvolvedObject?.Namespace ?? "";
        if (about.Length == 0 ? seen.Namespace is not ("" or "default" or "kube-system") : about != seen.Namespace)
            root["involvedObject"]["namespace"].Invalid(about, "does not match event.namespace");
    }

    public static void Check(Field root, EventsV1.Event seen)
    {
        string about = seen.Regarding?.Namespace ?? "";
        if (about.Length == 0 ? seen.Namespace is not ("" or "default" or "kube-system") : about != seen.Namespace)
            root["involvedObject"]["namespace"].Invalid(about, "does not match event.namespace");
    }

    public static void CheckCreate(Field root, EventsV1.Event seen)
    {
        if (seen.EventTime is null)
            root["eventTime"].Required();
        if (seen.Type is not ("Normal" or "Warning"))
            root["type"].Invalid("", $"has invalid value: {seen.Type}");
        root["reportingController"].Named(seen.ReportingController, NameRules.QualifiedName);
        root["reportingInstance"].Filled(seen.ReportingInstance);
        root["action"].Filled(seen.Action);
        root["reason"].Filled(seen.Reason);
        foreach (var (text, name, limit) in new[]
            {
                (seen.ReportingInstance, "reportingInstance", 128), (seen.Action, "action", 128), (seen.Reason, "reason", 128),
                (seen.Note, "message", 1024),
            })
        {
            if (text?.Length > limit)
                root[name].Invalid("", string.Create(CultureInfo.InvariantCulture, $"can have at most {limit} characters"));
        }
        if (seen.Series is { } series)
        {
            if (series.Count is null or < 2)
                root["series"]["count"].Invalid("", "should be at least 2");
            if (series.LastObservedTime is null)
                root["series"]["lastObservedTime"].Required();
        }
    }
}
