using Orchestrator.Api;

namespace Orchestrator.Runtime.Informers;

public enum InformerChangeType
{
    Added,

    /// <summary>Changed; or a resync, and then old and new are the same object.</summary>
    Updated,
    Deleted,
}

/// <summary>What a handler is told.</summary>
/// <param name="Old">The state known before; null for an added object.</param>
/// <param name="New">The state now; null for a deleted object.</param>
/// <param name="IsInitial">The object was there when the handler came, or in the first list.</param>
/// <param name="IsFinalStateUnknown">The deletion itself was missed: <paramref name="Old"/> is what was last known of it.</param>
public readonly record struct InformerChange(
    InformerChangeType Type, IKubernetesObject? Old, IKubernetesObject? New, bool IsInitial = false,
    bool IsFinalStateUnknown = false)
{
    /// <summary>The newer of the two.</summary>
    public IKubernetesObject Current => New ?? Old!;
}
