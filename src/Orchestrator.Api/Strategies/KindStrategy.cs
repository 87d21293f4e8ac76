namespace Orchestrator.Api.Strategies;

/// <summary>The rules of one kind, put together of small parts; a part left out does nothing.</summary>
internal sealed class KindStrategy<T> : Strategy
    where T : class, IKubernetesObject
{
    /// <summary>Takes the status that a client sent with a create away.</summary>
    public Action<T>? ResetStatus { get; init; }

    /// <summary>(new, old): the stored status stays on an ordinary update.</summary>
    public Action<T, T>? KeepStatus { get; init; }

    /// <summary>(new, old): the stored spec stays on an update of the status.</summary>
    public Action<T, T>? KeepSpec { get; init; }

    /// <summary>(new, old): equal means that the generation stays. Absent: the kind has no generation.</summary>
    public Func<T, T, bool>? SameSpec { get; init; }

    public Action<T, DateTimeOffset>? OnCreate { get; init; }

    public Action<T, T>? OnUpdate { get; init; }

    public Action<T, T, DateTimeOffset>? OnStatusUpdate { get; init; }

    /// <summary>(new, old, now) by subresource: what takes the place of an ordinary update there.</summary>
    public IReadOnlyDictionary<string, Action<T, T, DateTimeOffset>>? OnSubresource { get; init; }

    public Func<T, T?, IReadOnlyList<string>>? Warns { get; init; }

    /// <summary>(object, requested seconds) to seconds.</summary>
    public Func<T, long?, long>? GracePeriod { get; init; }

    public override void PrepareForCreate(IKubernetesObject created, DateTimeOffset now)
    {
        base.PrepareForCreate(created, now);
        var target = (T)created;
        ResetStatus?.Invoke(target);
        if (SameSpec is not null)
            created.Metadata.Generation = 1;
        OnCreate?.Invoke(target, now);
    }

    public override void PrepareForUpdate(IKubernetesObject updated, IKubernetesObject old)
    {
        base.PrepareForUpdate(updated, old);
        var (target, stored) = ((T)updated, (T)old);
        KeepStatus?.Invoke(target, stored);
        OnUpdate?.Invoke(target, stored);
        CountGeneration(target, stored);
    }

    public override void PrepareForStatusUpdate(IKubernetesObject updated, IKubernetesObject old, DateTimeOffset now = default)
    {
        base.PrepareForStatusUpdate(updated, old, now);
        var (target, stored) = ((T)updated, (T)old);
        KeepSpec?.Invoke(target, stored);
        OnStatusUpdate?.Invoke(target, stored, now);
    }

    public override void PrepareForSubresourceUpdate(
        string subresource, IKubernetesObject updated, IKubernetesObject old, DateTimeOffset now)
    {
        if (OnSubresource is null || !OnSubresource.TryGetValue(subresource, out var prepare))
        {
            base.PrepareForSubresourceUpdate(subresource, updated, old, now);
            return;
        }
        base.PrepareForUpdate(updated, old);
        prepare((T)updated, (T)old, now);
        CountGeneration((T)updated, (T)old);
    }

    public override IReadOnlyList<string> Warnings(IKubernetesObject written, IKubernetesObject? old = null) =>
        Warns?.Invoke((T)written, (T?)old) ?? [];

    public override long? DefaultGracePeriodSeconds(IKubernetesObject deleted) => GracePeriodSeconds(deleted, null);

    public override long? GracePeriodSeconds(IKubernetesObject deleted, long? requested) =>
        GracePeriod?.Invoke((T)deleted, requested);

    private void CountGeneration(T updated, T old)
    {
        if (SameSpec is not null && !SameSpec(updated, old))
            updated.Metadata.Generation = (old.Metadata.Generation ?? 0) + 1;
    }
}
