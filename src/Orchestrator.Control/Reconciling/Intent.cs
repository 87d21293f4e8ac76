namespace Orchestrator.Control.Reconciling;

/// <summary>One thing that a controller wants done. Records, so that tests compare them; objects inside are not shared with
/// the cache (whoever decides clones before changing).</summary>
public abstract record Intent
{
    /// <summary>An event to emit once this has succeeded; null for none.</summary>
    public EventNote? OnSuccess { get; init; }

    /// <summary>An event to emit when this has failed; null for none.</summary>
    public EventNote? OnFailure { get; init; }

    /// <summary>Whether the decision's later intents are carried out although this one failed. The failure is reported all
    /// the same (<see cref="ReconcileInput.Failures"/>).</summary>
    public bool ContinueOnFailure { get; init; }
}

/// <summary>Creates an object. Names of generated objects come from <c>metadata.generateName</c>.</summary>
public sealed record Create(IKubernetesObject Object) : Intent;

/// <summary>Puts a whole object, or one of its subresources: "status", "finalize" (namespaces), "approval" (certificate
/// signing requests), else "". The object carries uid and resourceVersion; a conflict is a failure.</summary>
public sealed record Update(IKubernetesObject Object, string Subresource = "") : Intent
{
    public static Update Status(IKubernetesObject changed) => new(changed, "status");
}

/// <summary>Patches an object or a subresource ("status", "scale"). The target's uid and resourceVersion, where given, are
/// already part of <paramref name="Body"/>'s metadata.</summary>
/// <param name="Body">JSON.</param>
public sealed record Patch(ObjectRef Target, PatchType Type, string Body, string Subresource = "") : Intent;

/// <summary>Deletes an object; one that is gone already, or that has another uid, counts as done.</summary>
/// <param name="Propagation">Null: the kind's default.</param>
/// <param name="GracePeriodSeconds">Null: the object's own.</param>
public sealed record Delete(
    ObjectRef Target, PropagationPolicy? Propagation = null, long? GracePeriodSeconds = null) : Intent;

/// <summary>Deletes all objects of a resource in a namespace.</summary>
public sealed record DeleteCollection(
    GroupVersionResource Resource, string Namespace, PropagationPolicy? Propagation = null) : Intent;

/// <summary>Asks for a pod's eviction (pods/eviction): disruption budgets may refuse it with 429, a failure.</summary>
public sealed record Evict(ObjectRef Pod, long? GracePeriodSeconds = null) : Intent;

/// <summary>Signs an approved certificate request with the cluster's authority and puts the certificate into its status; the
/// shell holds the key. A failure to sign is put into the status as a condition Failed by the shell.</summary>
/// <param name="Validity">The time for which the certificate is to be valid.</param>
public sealed record SignCertificate(
    Orchestrator.Api.CertificatesV1.CertificateSigningRequest Request, TimeSpan Validity) : Intent;

/// <summary>Signs a token for the service account that the secret's annotations name, puts it into the secret and writes that; the
/// shell holds the key.</summary>
/// <param name="Secret">As it is to be written but for the token; it carries uid and resourceVersion.</param>
public sealed record IssueToken(Secret Secret) : Intent;

/// <summary>Emits an event on its own.</summary>
public sealed record EmitEvent(EventNote Note) : Intent;

/// <summary>Several intents that do not depend on each other and may run side by side.</summary>
/// <param name="IsSlowStart">Carried out in groups of 1, 2, 4, 8, ...; the groups after one in which something failed are
/// dropped: what fails for one (a quota, a webhook) would fail for all. Without it all are tried.</param>
public sealed record Batch(IReadOnlyList<Intent> Intents, bool IsSlowStart = false) : Intent;

public enum PatchType
{
    JsonPatch,
    Merge,
    StrategicMerge,
}

public enum PropagationPolicy
{
    Background,
    Foreground,
    Orphan,
}
