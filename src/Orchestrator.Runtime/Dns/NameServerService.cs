using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Control.Dns;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Dns;

/// <summary>Keeps the service <c>kube-system/kube-dns</c> and the slice that leads it to the name server.</summary>
/// <remarks>Only whoever runs a name server calls it: a cluster of hollow nodes has neither.</remarks>
public sealed class NameServerService(ApiClient client, NameServerObjects objects)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>Lost so often to others' writes, it is left to the next time.</summary>
    private const int AttemptLimit = 5;

    /// <summary>Makes both what they should be.</summary>
    /// <exception cref="ApiException">The server refuses: another service has the address, say.</exception>
    /// <exception cref="InvalidOperationException">The service is there with another address.</exception>
    public async Task EnsureAsync(CancellationToken ct)
    {
        await EnsureAsync(objects.ToService, objects.Correct, ct);
        await EnsureAsync(objects.ToSlice, objects.Correct, ct);
    }

    /// <summary>Looks again and again until cancelled; faults are left to the next time.</summary>
    public async Task KeepAsync(ILogger log, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await EnsureAsync(ct);
            }
            catch (Exception e) when (e is ApiException or TransportException or InvalidOperationException)
            {
                log.LogWarning("the name server's service was not kept up: {Fault}", e.Message);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            await Task.Delay(Interval, client.Time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task EnsureAsync<T>(Func<T> make, Func<T, T?> correct, CancellationToken ct)
        where T : class, IKubernetesObject<T>
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                if (await client.FindAsync<T>(NameServerObjects.Namespace, NameServerObjects.Name, ct) is not { } existing)
                    await client.CreateAsync(make(), cancellation: ct);
                else if (correct(existing) is { } corrected)
                    await client.UpdateAsync(corrected, cancellation: ct);
                return;
            }
            catch (ApiException refusal) when ((refusal.IsAlreadyExists || refusal.IsConflict) && attempt < AttemptLimit)
            {
                // Somebody else was faster: look again.
            }
        }
    }
}
