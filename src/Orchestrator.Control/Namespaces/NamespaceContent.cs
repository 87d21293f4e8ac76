namespace Orchestrator.Control.Namespaces;

/// <summary>What is left in a namespace, as the API showed it.</summary>
internal sealed class NamespaceContent
{
    private readonly string _namespace;
    private readonly List<(GroupVersionResource Resource, IReadOnlyList<IKubernetesObject> Items)> _left = [];
    private readonly List<string> _errors = [];

    public NamespaceContent(IEnumerable<GroupVersionResource> resources, string namespaceName, Findings found)
    {
        _namespace = namespaceName;
        foreach (var resource in resources)
        {
            var list = new Lookup.List(resource, namespaceName);
            if (found.Errors.TryGetValue(list, out string? error))
                _errors.Add(error);
            else if (found.Lists.TryGetValue(list, out var items) && items.Count > 0)
                _left.Add((resource, items));
        }
    }

    public bool IsEmpty => _left.Count == 0 && _errors.Count == 0;

    private bool HasPods => _left.Any(left => IsPods(left.Resource));

    /// <summary>Deletes pods as long as there are any, then all the rest.</summary>
    public IReadOnlyList<Intent> Deletions()
    {
        bool hasPods = HasPods;
        return _left.Where(left => !hasPods || IsPods(left.Resource)).Select(Intent (left) =>
            new DeleteCollection(left.Resource, _namespace, PropagationPolicy.Background) { ContinueOnFailure = true }).ToList();
    }

    public List<NamespaceCondition> Conditions(List<NamespaceCondition>? former, DateTimeOffset now)
    {
        List<NamespaceCondition> wanted =
        [
            _errors.Count == 0
                ? Make("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered",
                    "All resources successfully discovered")
                : Make("NamespaceDeletionDiscoveryFailure", "True", "DiscoveryFailed",
                    $"Discovery failed for some groups, {_errors.Count} failing: {string.Join(", ", _errors)}"),
            Make("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
                "All legacy kube types successfully parsed"),
            HasPods
                ? Make("NamespaceDeletionContentFailure", "True", "ContentDeletionFailed",
                    "Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: "
                    + $"{_namespace} for gvr: /v1, Resource=pods")
                : Make("NamespaceDeletionContentFailure", "False", "ContentDeleted",
                    "All content successfully deleted, may be waiting on finalization"),
            _left.Count == 0
                ? Make("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed")
                : Make("NamespaceContentRemaining", "True", "SomeResourcesRemain",
                    $"Some resources are remaining: {RemainingText()}"),
            FinalizersText() is { Length: > 0 } finalizers
                ? Make("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain",
                    $"Some content in the namespace has finalizers remaining: {finalizers}")
                : Make("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers",
                    "All content-preserving finalizers finished"),
        ];
        var others = former.OrEmpty().Where(condition => wanted.All(w => w.Type != condition.Type));
        return [.. others, .. wanted.Select(condition => KeepTime(condition, former, now))];
    }

    private static NamespaceCondition Make(string type, string status, string reason, string message) =>
        new() { Type = type, Status = status, Reason = reason, Message = message };

    private static NamespaceCondition KeepTime(NamespaceCondition condition, List<NamespaceCondition>? former, DateTimeOffset now)
    {
        var before = former.OrEmpty().FirstOrDefault(c => c.Type == condition.Type);
        condition.LastTransitionTime = before?.Status == condition.Status ? before?.LastTransitionTime : now;
        return condition;
    }

    private string RemainingText() => string.Join(", ", _left
        .Select(left => $"{left.Resource.Resource}.{left.Resource.Group} has {left.Items.Count} resource instances")
        .Order(StringComparer.Ordinal));

    private string FinalizersText() => string.Join(", ", _left
        .SelectMany(left => left.Items).SelectMany(item => item.Metadata.Finalizers.OrEmpty())
        .GroupBy(finalizer => finalizer)
        .Select(group => $"{group.Key} in {group.Count()} resource instances").Order(StringComparer.Ordinal));

    private static bool IsPods(GroupVersionResource resource) => resource is { Group: "", Resource: "pods" };
}
