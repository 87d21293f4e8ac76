using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api;

/// <summary>A list of objects of one kind, as a collection is answered.</summary>
public interface IKubernetesList : IKubernetesValue
{
    string? ApiVersion { get; set; }

    string? Kind { get; set; }

    ListMeta Metadata { get; set; }
}

public interface IKubernetesList<TSelf, TItem> : IKubernetesList, IKubernetesValue<TSelf>
    where TSelf : class, IKubernetesList<TSelf, TItem>
{
    static abstract GroupVersionKind StaticKind { get; }

    List<TItem> Items { get; set; }
}
