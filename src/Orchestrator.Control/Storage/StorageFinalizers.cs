namespace Orchestrator.Control.Storage;

/// <summary>The finalizers that keep storage while somebody uses it.</summary>
public static class StorageFinalizers
{
    public const string Claim = "kubernetes.io/pvc-protection";
    public const string Volume = "kubernetes.io/pv-protection";

    /// <summary>Puts the finalizer on what is not being deleted, and takes it off what is once nobody uses it.</summary>
    /// <returns>Null if all is as it should be.</returns>
    internal static Intent? Settle<T>(T target, string finalizer, bool isUsed) where T : class, IKubernetesObject<T>
    {
        bool isThere = target.Metadata.Finalizers.OrEmpty().Contains(finalizer);
        bool isWanted = !target.IsBeingDeleted || (isThere && isUsed);
        if (isThere == isWanted)
            return null;
        var changed = target.DeepClone();
        if (isWanted)
            (changed.Metadata.Finalizers ??= []).Add(finalizer);
        else
            changed.Metadata.Finalizers!.Remove(finalizer);
        return new Update(changed);
    }
}
