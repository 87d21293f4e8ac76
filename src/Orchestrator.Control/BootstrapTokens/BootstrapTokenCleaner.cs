namespace Orchestrator.Control.BootstrapTokens;

/// <summary>Takes bootstrap tokens away when their time is over.</summary>
public static class BootstrapTokenCleaner
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "token-cleaner",
        Reconcile = Reconcile,
        Workers = 1,
        Watches = [Watch.On<Secret>(static (_, after, _) => after is { Type: BootstrapToken.SecretType } ? [after.Key] : [])],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<Secret>(input.Key.Namespace, input.Key.Name) is not { IsBeingDeleted: false } secret
            || BootstrapToken.Of(secret)?.Expiration is not { } end)
        {
            return Decision.Nothing;
        }
        return end > input.Now ? new Decision { RequeueAt = end } : Decision.Of(new Delete(ObjectRef.To(secret)));
    }
}
