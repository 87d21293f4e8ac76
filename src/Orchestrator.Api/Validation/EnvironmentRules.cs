using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Validation;

/// <summary>A container's environment, and what the downward API can say of its pod.</summary>
internal static class EnvironmentRules
{
    private static readonly string[] _fieldPaths =
    [
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
        "status.hostIPs", "status.podIP", "status.podIPs",
    ];

    private static readonly string[] _convertible =
    [
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
        "spec.restartPolicy", "spec.serviceAccountName", "spec.schedulerName", "status.phase", "status.hostIP", "status.hostIPs",
        "status.podIP", "status.podIPs",
    ];

    private static readonly string[] _resources =
    [
        "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory",
    ];

    private static readonly string[] _byteDivisors =
        ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

    public static void Check(Field field, List<EnvVar>? variables)
    {
        foreach (var (index, variable) in variables.OrEmpty().Index())
        {
            field[index]["name"].Named(variable.Name, NameRules.EnvironmentName);
            if (variable.ValueFrom is { } source)
                CheckSource(field[index]["valueFrom"], source, hasValue: !string.IsNullOrEmpty(variable.Value));
        }
    }

    public static void CheckFrom(Field field, List<EnvFromSource>? sources)
    {
        foreach (var (index, source) in sources.OrEmpty().Index())
        {
            field[index]["prefix"].NamedOrAbsent(source.Prefix, NameRules.EnvironmentName);
            if (source.ConfigMapRef is { } map)
                field[index]["configMapRef"]["name"].Named(map.Name, NameRules.DnsSubdomain);
            if (source.SecretRef is { } secret)
                field[index]["secretRef"]["name"].Named(secret.Name, NameRules.DnsSubdomain);
            if (source.ConfigMapRef is null && source.SecretRef is null)
                field.Invalid("", "must specify one of: `configMapRef` or `secretRef`");
            else if (source.ConfigMapRef is not null && source.SecretRef is not null)
                field.Invalid("", "may not have more than one field specified at a time");
        }
    }

    private static void CheckSource(Field field, EnvVarSource source, bool hasValue)
    {
        int count = 0;
        if (source.FieldRef is { } reference)
        {
            count++;
            CheckFieldRef(field["fieldRef"], reference, _fieldPaths);
        }
        if (source.ResourceFieldRef is { } resource)
        {
            count++;
            CheckResourceRef(field["resourceFieldRef"], resource, needsContainer: false);
        }
        if (source.ConfigMapKeyRef is { } map)
        {
            count++;
            CheckKeyRef(field["configMapKeyRef"], map.Name, map.Key);
        }
        if (source.SecretKeyRef is { } secret)
        {
            count++;
            CheckKeyRef(field["secretKeyRef"], secret.Name, secret.Key);
        }
        if (source.FileKeyRef is { } file)
        {
            count++;
            field["fileKeyRef"]["key"].Named(file.Key, NameRules.EnvironmentName);
            field["fileKeyRef"]["path"].Filled(file.Path);
            field["fileKeyRef"]["volumeName"].Named(file.VolumeName, NameRules.DnsLabel);
        }
        if (count == 0)
            field.Invalid("", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
        else if (hasValue)
            field.Invalid("", "may not be specified when `value` is not empty");
        else if (count > 1)
            field.Invalid("", "may not have more than one field specified at a time");
    }

    private static void CheckKeyRef(Field field, string? name, string? key)
    {
        field["name"].Invalid(name ?? "", NameRules.DnsSubdomain(name ?? ""));
        field["key"].Named(key, NameRules.ConfigMapKey);
    }

    /// <summary>A field of the pod: one of <paramref name="supported"/>, or one label or annotation: <c>metadata.labels['app']</c>.</summary>
    public static void CheckFieldRef(Field field, ObjectFieldSelector reference, string[] supported)
    {
        if (string.IsNullOrEmpty(reference.ApiVersion))
        {
            field["apiVersion"].Required();
            return;
        }
        if (string.IsNullOrEmpty(reference.FieldPath))
        {
            field["fieldPath"].Required();
            return;
        }
        string path = reference.FieldPath;
        var (map, key) = Subscripted(path);
        if (reference.ApiVersion != "v1")
            field["fieldPath"].Invalid(path, $"error converting fieldPath: unsupported pod version: {reference.ApiVersion}");
        else if (!_convertible.Contains(map ?? path))
            field["fieldPath"].Invalid(path, $"error converting fieldPath: field label not supported: {path}");
        else if (map is "metadata.annotations")
            field.Invalid(key!.ToLowerInvariant(), NameRules.QualifiedName(key.ToLowerInvariant()));
        else if (map is "metadata.labels")
            field.Invalid(key, NameRules.QualifiedName(key!));
        else if (map is not null)
            field.Invalid(map, "does not support subscript");
        else if (!supported.Contains(path))
            field["fieldPath"].NotSupported(path, supported);
    }

    public static void CheckResourceRef(Field field, ResourceFieldSelector reference, bool needsContainer)
    {
        string resource = reference.Resource ?? "";
        if (needsContainer && string.IsNullOrEmpty(reference.ContainerName))
            field["containerName"].Required();
        else if (resource.Length == 0)
            field["resource"].Required();
        else if (!_resources.Contains(resource) && !IsHugePages(resource))
            field["resource"].NotSupported(resource, _resources);
        if (reference.Divisor is { IsZero: false } divisor)
            CheckDivisor(field["divisor"], resource, divisor.ToString());
    }

    private static void CheckDivisor(Field field, string resource, string divisor)
    {
        if (resource.EndsWith(".cpu", StringComparison.Ordinal))
        {
            if (divisor is not ("1m" or "1"))
                field.Invalid(resource, "only divisor's values 1m and 1 are supported with the cpu resource");
            return;
        }
        string? kind = resource.EndsWith(".memory", StringComparison.Ordinal) ? "memory"
            : resource.EndsWith(".ephemeral-storage", StringComparison.Ordinal) ? "local ephemeral storage"
            : IsHugePages(resource) ? "hugepages" : null;
        if (kind is not null && !_byteDivisors.Contains(divisor))
            field.Invalid(resource, $"only divisor's values {string.Join(", ", _byteDivisors)} are supported with the {kind} resource");
    }

    private static bool IsHugePages(string resource) => resource.StartsWith("limits.hugepages-", StringComparison.Ordinal)
        || resource.StartsWith("requests.hugepages-", StringComparison.Ordinal);

    private static (string? Map, string? Key) Subscripted(string path)
    {
        int bracket = path.IndexOf("['", StringComparison.Ordinal);
        return bracket > 0 && path.EndsWith("']", StringComparison.Ordinal)
            ? (path[..bracket], path[(bracket + 2)..^2])
            : (null, null);
    }
}
