using KvStore.Client;

namespace Orchestrator.Runtime.ApiServer.Storage;

/// <summary>Leases for objects that go by themselves. Many share one, so that the store has few of them.</summary>
internal sealed class EventLeases(EtcdClient store, TimeSpan timeToLive, TimeProvider clock) : IDisposable
{
    /// <summary>Objects on a lease.</summary>
    private const int ShareLimit = 1_000;

    /// <summary>So long after its beginning a lease takes no further objects; it lives so much longer.</summary>
    private static readonly TimeSpan ShareTime = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _gate = new(1);
    private LeaseId _lease;
    private int _count;
    private DateTimeOffset _granted;

    /// <summary>Makes a write with a lease. One that the store does not know (any more) is no good for the next ones either: that write
    /// is made again with another.</summary>
    public async Task<T> WriteAsync<T>(Func<LeaseId, Task<T>> write, CancellationToken cancellationToken)
    {
        var lease = await TakeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await write(lease).ConfigureAwait(false);
        }
        catch (EtcdException lost) when (lost.Is(EtcdErrors.LeaseNotFound))
        {
            Forget(lease);
            return await write(await TakeAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        }
    }

    public void Dispose() => _gate.Dispose();

    /// <summary>A lease that ends between <c>timeToLive</c> and a minute more from now.</summary>
    private async Task<LeaseId> TakeAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var now = clock.GetUtcNow();
            if (_lease == LeaseId.None || _count >= ShareLimit || now - _granted >= ShareTime)
            {
                var granted = await store.Lease.GrantAsync(
                    timeToLive + ShareTime, cancellationToken: cancellationToken).ConfigureAwait(false);
                (_lease, _count, _granted) = (granted.Id, 0, now);
            }

            _count++;
            return _lease;
        }
        finally
        {
            _gate.Release();
        }
    }

    private void Forget(LeaseId lease)
    {
        if (_lease == lease)
            _lease = LeaseId.None;
    }
}
