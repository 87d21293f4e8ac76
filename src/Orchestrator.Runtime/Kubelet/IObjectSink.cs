using Orchestrator.Api;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>Hears of objects of one kind; quick, and called by one thread at a time.</summary>
public interface IObjectSink<T>
    where T : class, IKubernetesObject
{
    /// <summary>An object is new, or has changed, or may have.</summary>
    void Changed(T value);

    void Deleted(T value);

    /// <summary>All that were there at the beginning have been told.</summary>
    void Synced();
}
