using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api;

/// <summary>An object of the API: it says what it is and has metadata.</summary>
public interface IKubernetesObject : IKubernetesValue
{
    /// <summary>As written in the document; null where it said nothing (the items of a list).</summary>
    string? ApiVersion { get; set; }

    /// <inheritdoc cref="ApiVersion"/>
    string? Kind { get; set; }

    ObjectMeta Metadata { get; set; }

    /// <summary>What the type is, whatever the document says.</summary>
    GroupVersionKind GroupVersionKind { get; }

    IKubernetesObject DeepClone();

    bool DeepEquals(IKubernetesObject? other);
}

public interface IKubernetesObject<TSelf> : IKubernetesObject, IKubernetesValue<TSelf>
    where TSelf : class, IKubernetesObject<TSelf>
{
    static abstract GroupVersionKind StaticKind { get; }

    new TSelf DeepClone();

    new bool DeepEquals(TSelf? other);

    TSelf IKubernetesValue<TSelf>.DeepClone() => DeepClone();

    bool IKubernetesValue<TSelf>.DeepEquals(TSelf? other) => DeepEquals(other);
}
