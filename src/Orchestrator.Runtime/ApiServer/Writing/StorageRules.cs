using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>The storage rules of the few resources that have one.</summary>
internal sealed class StorageRules
{
    private readonly Dictionary<GroupResource, IStorageRule> _rules = [];

    public void Add(GroupResource resource, IStorageRule rule) => _rules.Add(resource, rule);

    public Task<IClaim?> ClaimAsync(
        WriteContext context, IKubernetesObject value, IKubernetesObject? old, CancellationToken cancellationToken) =>
        _rules.TryGetValue(context.Stored.GroupResource, out var rule)
            ? rule.ClaimAsync(context, value, old, cancellationToken)
            : Task.FromResult<IClaim?>(null);

    public Task ReleaseAsync(GroupResource resource, IKubernetesObject old, CancellationToken cancellationToken) =>
        _rules.TryGetValue(resource, out var rule) ? rule.ReleaseAsync(old, cancellationToken) : Task.CompletedTask;
}
