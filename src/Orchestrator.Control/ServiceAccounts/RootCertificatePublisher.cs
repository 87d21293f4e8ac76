namespace Orchestrator.Control.ServiceAccounts;

/// <summary>Puts the certificate by which pods know the API server into each namespace.</summary>
public static class RootCertificatePublisher
{
    public const string ConfigMapName = "kube-root-ca.crt";
    public const string CertificateKey = "ca.crt";

    private const string DescriptionAnnotation = "kubernetes.io/description";
    private const string DescriptionText =
        "The certificates by which this cluster's API server can be told from others. Nothing else is vouched for by them.";

    /// <param name="certificates">The authorities' certificates, PEM.</param>
    public static ControllerDescription Describe(string certificates) => new()
    {
        Name = "root-ca-certificate-publisher",
        Reconcile = input => Reconcile(input, certificates),
        Workers = 1,
        Watches =
        [
            Watch.On<Namespace>(static (_, after, _) => after is null ? [] : [after.Key]),
            Watch.On<ConfigMap>(static (before, after, _) =>
                (after ?? before)!.Name == ConfigMapName ? [new NamespacedName("", (after ?? before)!.Namespace)] : []),
        ],
    };

    public static Decision Reconcile(ReconcileInput input, string certificates)
    {
        var target = input.Cache.Get<Namespace>("", input.Key.Name);
        if (target is null || target.IsBeingDeleted || target.Status.Phase == "Terminating")
            return Decision.Nothing;
        if (input.Cache.Get<ConfigMap>(target.Name, ConfigMapName) is not { } existing)
        {
            return Decision.Of(new Create(new ConfigMap
            {
                Metadata = new ObjectMeta
                {
                    Namespace = target.Name,
                    Name = ConfigMapName,
                    Annotations = new() { [DescriptionAnnotation] = DescriptionText },
                },
                Data = new() { [CertificateKey] = certificates },
            }));
        }
        bool isSame = existing.Data is { Count: 1 } data && data.GetValueOrDefault(CertificateKey) == certificates
            && existing.Annotations.ContainsKey(DescriptionAnnotation);
        if (isSame)
            return Decision.Nothing;
        var changed = existing.DeepClone();
        changed.Data = new() { [CertificateKey] = certificates };
        (changed.Metadata.Annotations ??= [])[DescriptionAnnotation] = DescriptionText;
        return Decision.Of(new Update(changed));
    }
}
