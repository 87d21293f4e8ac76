using Google.Protobuf;
using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>Mutual exclusion, kept by the server under a lease of the owner.</summary>
/// <remarks>Only as good as the lease: an owner whose lease has run out may not know it yet. Guard what the lock protects by a
/// condition on the lock's key (its CreateRevision) in the same transaction.</remarks>
public sealed class LockClient
{
    private readonly CallRunner _calls;

    internal LockClient(CallRunner calls) => _calls = calls;

    /// <summary>Waits for the lock, as long as it takes unless the options say otherwise. A write.</summary>
    /// <returns>The key that is the lock: it exists as long as the lock is held.</returns>
    /// <exception cref="EtcdException">Refused, such as <see cref="EtcdErrors.LeaseNotFound"/>, or never sent.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered: asking again under the same lease is safe and gives the
    /// same lock. Revoking the lease gives it up for certain.</exception>
    public async Task<ByteString> LockAsync(
        Bytes name, LeaseId lease, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        var response = await _calls.WriteAsync(
            Api.Lock, new LockRequest { Name = name.Value, Lease = lease.Value },
            RequestOptions.WithoutTimeout(options), cancellationToken)
            .ConfigureAwait(false);
        return response.Key;
    }

    /// <summary>Gives the lock up. A write; repeating it is safe.</summary>
    /// <param name="key">What <see cref="LockAsync"/> gave.</param>
    /// <exception cref="EtcdException">Refused, or never sent.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered.</exception>
    public Task<UnlockResponse> UnlockAsync(
        Bytes key, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.Unlock, new UnlockRequest { Key = key.Value }, options, cancellationToken);
}
