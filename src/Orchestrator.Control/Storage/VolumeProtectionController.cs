namespace Orchestrator.Control.Storage;

/// <summary>Keeps a deleted volume while it is bound to a claim: it holds its finalizer and lets go of it.</summary>
public static class VolumeProtectionController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "pv-protection-controller",
        Reconcile = Reconcile,
        Watches = [Watch.Self<PersistentVolume>()],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<PersistentVolume>("", input.Key.Name) is not { } volume)
            return Decision.Nothing;
        var intent = StorageFinalizers.Settle(volume, StorageFinalizers.Volume, isUsed: volume.Status.Phase == "Bound");
        return intent is null ? Decision.Nothing : Decision.Of(intent);
    }
}
