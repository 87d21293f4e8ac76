namespace Orchestrator.Api.Validation;

/// <summary>The rules of one kind besides those for its metadata.</summary>
internal abstract class KindRules
{
    public NameRule Name { get; init; } = NameRule.Subdomain;

    /// <summary>Whether what holds of a new object is asked of an updated one too; a few kinds keep what was once let in.</summary>
    public bool ChecksOnUpdate { get; init; } = true;

    public abstract void CheckCreate(Field root, IKubernetesObject created);

    public abstract void CheckUpdate(Field root, IKubernetesObject updated, IKubernetesObject old);

    public abstract void CheckStatusUpdate(Field root, IKubernetesObject updated, IKubernetesObject old);

    /// <returns>False where the subresource has no rules of its own.</returns>
    public abstract bool CheckSubresource(string subresource, Field root, IKubernetesObject updated, IKubernetesObject old);
}

/// <inheritdoc/>
internal sealed class KindRules<T> : KindRules
    where T : class, IKubernetesObject
{
    /// <summary>What holds at all times.</summary>
    public Action<Field, T>? Always { get; init; }

    /// <summary>What is asked only of a new one.</summary>
    public Action<Field, T>? OnCreate { get; init; }

    /// <summary>(new, old): what may not change.</summary>
    public Action<Field, T, T>? OnUpdate { get; init; }

    public Action<Field, T, T>? OnStatusUpdate { get; init; }

    public IReadOnlyDictionary<string, Action<Field, T, T>>? OnSubresource { get; init; }

    public override void CheckCreate(Field root, IKubernetesObject created)
    {
        Always?.Invoke(root, (T)created);
        OnCreate?.Invoke(root, (T)created);
    }

    public override void CheckUpdate(Field root, IKubernetesObject updated, IKubernetesObject old)
    {
        if (ChecksOnUpdate)
            Always?.Invoke(root, (T)updated);
        OnUpdate?.Invoke(root, (T)updated, (T)old);
    }

    public override void CheckStatusUpdate(Field root, IKubernetesObject updated, IKubernetesObject old) =>
        OnStatusUpdate?.Invoke(root, (T)updated, (T)old);

    public override bool CheckSubresource(string subresource, Field root, IKubernetesObject updated, IKubernetesObject old)
    {
        if (OnSubresource is null || !OnSubresource.TryGetValue(subresource, out var check))
            return false;
        check(root, (T)updated, (T)old);
        return true;
    }
}
