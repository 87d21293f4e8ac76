using System.Collections.Concurrent;
using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Quotas;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission.Quotas;

/// <summary>Takes what is about to be made from its namespace's quotas before it is made: by a compare-and-swap on each quota's status,
/// so that several servers never give out more than there is.</summary>
/// <remarks>The last of all plugins: what it has taken and is then not made, a controller gives back when it counts anew.</remarks>
internal sealed class ResourceQuotaAdmission(IObjectWriter writer, TimeProvider clock) : IAdmissionPlugin
{
    private const int Attempts = 10;
    private const int RememberedLimit = 10_000;

    // Requests of one namespace wait for each other here instead of overtaking each other in the store.
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new();

    // What was written last: the cache may be behind it.
    private readonly ConcurrentDictionary<(string Namespace, string Name), ResourceQuota> _written = new();

    public string Name => "ResourceQuota";

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.Object is not { } value || request.Namespace.Length == 0 || !IsCounted(request))
            return;
        if ((await request.Objects.ListAsync<ResourceQuota>(request.Namespace, cancellationToken)).Count == 0)
            return;
        var now = clock.GetUtcNow();
        var added = QuotaMeasure.Of(value, now);
        if (request.IsUpdate() && request.OldObject is { } old)
            Subtract(added, QuotaMeasure.Of(old, now));
        if (request.IsUpdate() && added.Values.All(quantity => quantity.Sign <= 0))
            return;
        await ChargeAsync(request, value, added, cancellationToken);
    }

    private static bool IsCounted(AdmissionRequest request)
    {
        if (request.IsUpdate())
        {
            return request.IsFor("", "services") || request.IsFor("", "persistentvolumeclaims") || request.IsFor("", "pods", "resize");
        }
        return request.IsCreate() && !request.IsSubresource;
    }

    private static void Subtract(Dictionary<string, Quantity> added, Dictionary<string, Quantity> before)
    {
        foreach (var (name, quantity) in before)
            added[name] = added.GetValueOrDefault(name) - quantity;
    }

    private async ValueTask ChargeAsync(
        AdmissionRequest request, IKubernetesObject value, Dictionary<string, Quantity> added, CancellationToken cancellationToken)
    {
        var turn = _turns.GetOrAdd(request.Namespace, _ => new SemaphoreSlim(1, 1));
        await turn.WaitAsync(cancellationToken);
        try
        {
            var quotas = await request.Objects.ListAsync<ResourceQuota>(request.Namespace, cancellationToken);
            var current = quotas.Select(Newest).OrderBy(quota => quota.Name, StringComparer.Ordinal).ToList();
            // All are asked before one is charged: a refusal leaves no trace.
            var charges = current.Select(quota => (Quota: quota, Charged: Check(request, value, quota, added))).Where(pair => pair.Charged.Count > 0).ToList();
            if (request.IsDryRun)
                return;
            foreach (var (quota, _) in charges)
                await ChargeAsync(request, value, quota, added, cancellationToken);
        }
        finally
        {
            turn.Release();
        }
    }

    private async ValueTask ChargeAsync(
        AdmissionRequest request, IKubernetesObject value, ResourceQuota quota, Dictionary<string, Quantity> added, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            var charged = Check(request, value, quota, added);
            if (charged.Count == 0)
                return;
            try
            {
                var updated = await writer.UpdateStatusAsync(QuotaCheck.Charge(quota, charged), cancellationToken);
                Remember(updated);
                return;
            }
            catch (ApiException conflict) when (conflict.Status.Code == 409 && attempt < Attempts)
            {
                var live = await request.Objects.GetLiveAsync<ResourceQuota>(quota.Namespace, quota.Name, cancellationToken);
                if (live is null)
                    return; // Deleted: it limits nothing any more.
                quota = live;
            }
            catch (ApiException gone) when (gone.Status.Code == 404)
            {
                return;
            }
        }
    }

    /// <summary>What is to be charged; empty when the quota does not count the object.</summary>
    private static Dictionary<string, Quantity> Check(AdmissionRequest request, IKubernetesObject value, ResourceQuota quota, Dictionary<string, Quantity> added)
    {
        bool isNewPod = request.IsCreate() && value is Pod && QuotaMeasure.Counts(quota, value);
        if (isNewPod && QuotaConstraint.Refusal((Pod)value, quota.Spec.Hard.OrEmpty().Keys) is { } missing)
            throw AdmissionRefusals.Forbidden(request, $"failed quota: {quota.Name}: {missing}");
        var charged = QuotaCheck.Charged(quota, value, added);
        if (QuotaCheck.Unknown(quota, charged.Keys) is { Count: > 0 } unknown)
            throw AdmissionRefusals.Forbidden(request, $"status unknown for quota: {quota.Name}, resources: {string.Join(',', unknown)}");
        if (QuotaCheck.Refusal(quota, charged) is { } refusal)
            throw AdmissionRefusals.Forbidden(request, refusal);
        return charged.Where(pair => pair.Value.Sign != 0).ToDictionary(pair => pair.Key, pair => pair.Value);
    }

    private ResourceQuota Newest(ResourceQuota cached)
    {
        var key = (cached.Namespace, cached.Name);
        if (!_written.TryGetValue(key, out var written))
            return cached;
        if (written.Uid == cached.Uid && Revision(written) > Revision(cached))
            return written;
        _written.TryRemove(key, out _);
        return cached;
    }

    private void Remember(ResourceQuota quota)
    {
        if (_written.Count >= RememberedLimit)
            _written.Clear();
        _written[(quota.Namespace, quota.Name)] = quota;
    }

    // Clients may not look into a resource version; the server may: it is the store's revision.
    private static long Revision(ResourceQuota quota) =>
        long.TryParse(quota.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out long revision) ? revision : 0;
}
