using Google.Protobuf;
using KvStore.Client;
using KvStore.Protocol;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Storage;

/// <summary>Objects in the store, by Kubernetes' own three transactions: each compares the key's ModRevision, so that what a
/// write is based on is what it replaces.</summary>
/// <remarks>A write whose outcome is unknown (the leader died) is looked up: the object itself tells whether it was done. Only
/// what can not be told ends as <see cref="UnknownOutcomeException"/>.</remarks>
internal sealed class ObjectStore(EtcdClient store)
{
    /// <summary>How often a write is made anew after an unknown outcome that turned out as "not done".</summary>
    private const int MaxAttempts = 5;

    public EtcdClient Client => store;

    /// <summary>The object as it is now; null if it is not there.</summary>
    public async Task<StoredObject?> GetAsync(StoredResource resource, string key, CancellationToken cancellationToken)
    {
        var kv = await store.Kv.GetAsync(resource.StoreKeyOf(key), cancellationToken: cancellationToken).ConfigureAwait(false);
        return kv is null ? null : resource.Read(kv);
    }

    /// <summary>Creates the object.</summary>
    /// <returns>The object, or null if the key is taken.</returns>
    public async Task<StoredObject?> CreateAsync(
        StoredResource resource, string key, byte[] value, LeaseId lease, CancellationToken cancellationToken)
    {
        string storeKey = resource.StoreKeyOf(key);
        TxnRequest txn = new Txn()
            .When(If.ModRevision(storeKey).Is(0))
            .Then(Do.Put(storeKey, value, lease))
            .Else(Do.Get((KeyRange)storeKey));
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                var response = await store.Kv.TxnAsync(txn, cancellationToken: cancellationToken).ConfigureAwait(false);
                if (response.Succeeded)
                    return resource.Written(key, value, response.Header.Revision);
                // Ours after all, from an attempt before.
                return attempt > 1 && Found(response) is { } kv && IsOurs(kv, value) ? resource.Read(kv) : null;
            }
            catch (UnknownOutcomeException) when (attempt < MaxAttempts)
            {
            }
        }
    }

    /// <summary>Replaces the object that was read at a revision.</summary>
    /// <returns>The new state, or what stands in its way: the state that is there (null if none is).</returns>
    public async Task<(bool IsDone, StoredObject? State)> UpdateAsync(
        StoredResource resource, string key, byte[] value, long revision, LeaseId lease, CancellationToken cancellationToken)
    {
        string storeKey = resource.StoreKeyOf(key);
        TxnRequest txn = new Txn()
            .When(If.ModRevision(storeKey).Is(revision))
            .Then(Do.Put(storeKey, value, lease))
            .Else(Do.Get((KeyRange)storeKey));
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                var response = await store.Kv.TxnAsync(txn, cancellationToken: cancellationToken).ConfigureAwait(false);
                if (response.Succeeded)
                    return (true, resource.Written(key, value, response.Header.Revision));
                if (Found(response) is not { } kv)
                    return (false, null);
                return (attempt > 1 && IsOurs(kv, value), resource.Read(kv));
            }
            catch (UnknownOutcomeException) when (attempt < MaxAttempts)
            {
            }
        }
    }

    /// <summary>Deletes the object that was read at a revision.</summary>
    /// <returns>Done with the revision of the deletion, or the state that stands in its way (null if nothing is there).</returns>
    public async Task<(bool IsDone, StoredObject? State, long Revision)> DeleteAsync(
        StoredResource resource, string key, long revision, CancellationToken cancellationToken)
    {
        string storeKey = resource.StoreKeyOf(key);
        TxnRequest txn = new Txn()
            .When(If.ModRevision(storeKey).Is(revision))
            .Then(Do.Delete((KeyRange)storeKey))
            .Else(Do.Get((KeyRange)storeKey));
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                var response = await store.Kv.TxnAsync(txn, cancellationToken: cancellationToken).ConfigureAwait(false);
                if (response.Succeeded)
                    return (true, null, response.Header.Revision);
                if (Found(response) is { } kv)
                    return (false, resource.Read(kv), 0);
                // Gone, perhaps by our own attempt before: that is what was wanted.
                return (attempt > 1, null, response.Header.Revision);
            }
            catch (UnknownOutcomeException) when (attempt < MaxAttempts)
            {
            }
        }
    }

    /// <summary>Deletes a value that nobody could read, as it was at a revision.</summary>
    /// <returns>False if it has changed since.</returns>
    public async Task<bool> DeleteUnreadAsync(string storeKey, long revision, CancellationToken cancellationToken)
    {
        TxnRequest txn = new Txn().When(If.ModRevision(storeKey).Is(revision)).Then(Do.Delete((KeyRange)storeKey));
        var response = await store.Kv.TxnAsync(txn, cancellationToken: cancellationToken).ConfigureAwait(false);
        return response.Succeeded;
    }

    /// <summary>A part of a resource at one revision, read from the store.</summary>
    /// <param name="start">The key to begin with, within the prefix; empty for the prefix' first.</param>
    /// <param name="revision">0 for now.</param>
    public async Task<RangeResponse> RangeAsync(
        StoredResource resource, string keyPrefix, string start, long revision, long limit, CancellationToken cancellationToken)
    {
        var all = KeyRange.Prefix(resource.Prefix + keyPrefix);
        var request = new RangeRequest
        {
            Key = start.Length == 0 ? all.Key : ByteString.CopyFromUtf8(resource.Prefix + start),
            RangeEnd = all.End,
            Revision = revision,
            Limit = limit,
        };
        return await store.Kv.RangeAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks whether the store still has the state of a revision.</summary>
    /// <exception cref="EtcdException">It is compacted, or yet to come.</exception>
    public Task EnsureKeptAsync(long revision, CancellationToken cancellationToken) => store.Kv.RangeAsync(
        new RangeRequest { Key = ByteString.CopyFromUtf8("/registry"), Revision = revision, CountOnly = true }, cancellationToken: cancellationToken);

    private static KeyValue? Found(TxnResponse response)
    {
        var kvs = response.Responses[0].ResponseRange.Kvs;
        return kvs.Count == 0 ? null : kvs[0];
    }

    // A value holds uid and time of creation, and of the last change in its managed fields: two writers do not write the same.
    private static bool IsOurs(KeyValue kv, byte[] value) => kv.Value.Span.SequenceEqual(value);
}
