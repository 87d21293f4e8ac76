using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>What a resource needs besides its own key: a service its addresses, a namespace its finalizer.</summary>
internal interface IStorageRule
{
    /// <summary>Before an object is created or replaced: fills in and claims.</summary>
    /// <param name="old">Null for a create.</param>
    /// <returns>Undoes the claims if the write is not made; null if there are none.</returns>
    Task<IClaim?> ClaimAsync(
        WriteContext context, IKubernetesObject value, IKubernetesObject? old, CancellationToken cancellationToken);

    /// <summary>After an object went away.</summary>
    Task ReleaseAsync(IKubernetesObject old, CancellationToken cancellationToken);
}

/// <summary>What was taken for a write that is under way.</summary>
internal interface IClaim
{
    /// <summary>The write was made: what the old object held and the new one does not is given back.</summary>
    Task CommitAsync(CancellationToken cancellationToken);

    /// <summary>The write was not made.</summary>
    Task UndoAsync();
}
