namespace Orchestrator.Control.ServiceAccounts;

/// <summary>Fills secrets of the type for service accounts' tokens, and deletes those whose account is gone.</summary>
/// <remarks>Nobody is given such a secret unasked any more: pods get tokens that end. Who wants one that does not makes the secret.</remarks>
public static class TokenSecretController
{
    public const string SecretType = "kubernetes.io/service-account-token";
    public const string AccountNameAnnotation = "kubernetes.io/service-account.name";
    public const string AccountUidAnnotation = "kubernetes.io/service-account.uid";
    public const string TokenKey = "token";

    private const string CertificateKey = "ca.crt";
    private const string NamespaceKey = "namespace";

    /// <param name="certificates">The authorities' certificates, PEM.</param>
    public static ControllerDescription Describe(string certificates) => new()
    {
        Name = "legacy-service-account-token-controller",
        Reconcile = input => Reconcile(input, certificates),
        Workers = 1,
        Watches =
        [
            Watch.On<Secret>(static (_, after, _) => after is { Type: SecretType } ? [after.Key] : []),
            Watch.On<ServiceAccount>(SecretsOf),
        ],
    };

    private static IEnumerable<NamespacedName> SecretsOf(ServiceAccount? before, ServiceAccount? after, IObjectCache cache)
    {
        // Changes of an account are no matter of its tokens.
        if (before is not null && after is not null && before.Uid == after.Uid)
            return [];
        var account = (after ?? before)!;
        return cache.List<Secret>(account.Namespace)
            .Where(secret => secret.Type == SecretType && AccountNameOf(secret) == account.Name).Select(secret => secret.Key);
    }

    public static Decision Reconcile(ReconcileInput input, string certificates)
    {
        bool isOurs = input.Cache.Get<Secret>(input.Key.Namespace, input.Key.Name) is { Type: SecretType, IsBeingDeleted: false };
        if (!isOurs)
            return Decision.Nothing;
        var secret = input.Cache.Get<Secret>(input.Key.Namespace, input.Key.Name)!;
        if (AccountNameOf(secret).Length == 0)
            return Decision.Nothing;
        if (input.Cache.Get<ServiceAccount>(secret.Namespace, AccountNameOf(secret)) is { } known && IsAccountOf(secret, known))
            return Fill(secret, known, certificates);
        // The cache may not have an account that was just made: the API itself has to say that it is gone.
        var lookup = new Lookup.Get(new ObjectRef(ServiceAccount.StaticKind, secret.Namespace, AccountNameOf(secret)));
        if (input.Found.Errors.ContainsKey(lookup))
            return new Decision { RetryWithBackoff = true };
        if (!input.Found.Objects.TryGetValue(lookup, out var live))
            return new Decision { Lookups = [lookup] };
        return live is ServiceAccount account && IsAccountOf(secret, account)
            ? Fill(secret, account, certificates)
            : Decision.Of(new Delete(ObjectRef.ToVersion(secret)));
    }

    private static Decision Fill(Secret secret, ServiceAccount account, string certificates)
    {
        var data = secret.Data.OrEmpty();
        bool hasToken = data.TryGetValue(TokenKey, out byte[]? token) && token.Length > 0;
        bool hasCertificate = data.TryGetValue(CertificateKey, out byte[]? certificate)
            && certificate.AsSpan().SequenceEqual(System.Text.Encoding.UTF8.GetBytes(certificates));
        bool hasNamespace = data.TryGetValue(NamespaceKey, out byte[]? name) && name.Length > 0;
        bool hasUid = secret.Annotations.ContainsKey(AccountUidAnnotation);
        if (hasToken && hasCertificate && hasNamespace && hasUid)
            return Decision.Nothing;
        var filled = secret.DeepClone();
        filled.Data ??= [];
        filled.Data[CertificateKey] = System.Text.Encoding.UTF8.GetBytes(certificates);
        if (!hasNamespace)
            filled.Data[NamespaceKey] = System.Text.Encoding.UTF8.GetBytes(secret.Namespace);
        (filled.Metadata.Annotations ??= [])[AccountUidAnnotation] = account.Uid;
        return Decision.Of(hasToken ? new Update(filled) : new IssueToken(filled));
    }

    private static bool IsAccountOf(Secret secret, ServiceAccount account) =>
        secret.Annotations.GetValueOrDefault(AccountUidAnnotation) is not { Length: > 0 } uid || uid == account.Uid;

    private static string AccountNameOf(Secret secret) => secret.Annotations.GetValueOrDefault(AccountNameAnnotation) ?? "";
}
