namespace Orchestrator.Control.ServiceAccounts;

/// <summary>Gives each namespace the account under which pods run that name none.</summary>
public static class ServiceAccountController
{
    public const string DefaultName = "default";

    public static ControllerDescription Description { get; } = new()
    {
        Name = "service-account-controller",
        Reconcile = Reconcile,
        Workers = 1,
        Watches =
        [
            Watch.On<Namespace>(static (_, after, _) => after is null ? [] : [after.Key]),
            Watch.On<ServiceAccount>(static (before, after, _) =>
                after is null && before is { } gone && gone.Name == DefaultName ? [new NamespacedName("", gone.Namespace)] : []),
        ],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        var target = input.Cache.Get<Namespace>("", input.Key.Name);
        if (target is null || target.IsBeingDeleted || target.Status.Phase == "Terminating"
            || input.Cache.Get<ServiceAccount>(target.Name, DefaultName) is not null)
        {
            return Decision.Nothing;
        }
        return Decision.Of(new Create(new ServiceAccount
        {
            Metadata = new ObjectMeta { Namespace = target.Name, Name = DefaultName },
        }));
    }
}
