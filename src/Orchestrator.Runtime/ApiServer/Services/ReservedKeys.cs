using KvStore.Client;
using KvStore.Protocol;

namespace Orchestrator.Runtime.ApiServer.Services;

/// <summary>Things that only one holder may have (an address, a port): one key each, created by the transaction that creates
/// objects, so that of several API servers one gets it.</summary>
/// <remarks>The value names the holder: <c>namespace/name/uid</c>. What is held by nobody that exists is freed by
/// <see cref="ServiceRepair"/>.</remarks>
internal sealed class ReservedKeys(EtcdClient store, string prefix)
{
    /// <returns>False if somebody else has it.</returns>
    public async Task<bool> TryTakeAsync(string item, string holder, CancellationToken cancellationToken)
    {
        string key = prefix + item;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                var response = await store.Kv.TxnAsync(
                    new Txn().When(If.ModRevision(key).Is(0)).Then(Do.Put(key, holder)).Else(Do.Get((KeyRange)key)),
                    cancellationToken: cancellationToken).ConfigureAwait(false);
                return response.Succeeded || Holder(response) == holder;
            }
            catch (UnknownOutcomeException) when (attempt < 5)
            {
                // Asked again, the key itself tells.
            }
        }
    }

    /// <summary>Gives it back, if this holder has it.</summary>
    public async Task ReleaseAsync(string item, string holder, CancellationToken cancellationToken)
    {
        string key = prefix + item;
        await store.Kv.TxnAsync(
            new Txn().When(If.Value(key).Is(holder)).Then(Do.Delete((KeyRange)key)), cancellationToken: cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>All that is taken.</summary>
    public async Task<IReadOnlyDictionary<string, string>> ListAsync(CancellationToken cancellationToken)
    {
        var taken = new Dictionary<string, string>(StringComparer.Ordinal);
        await foreach (var page in store.Kv.RangeStreamAsync(
            KeyRange.Prefix(prefix), cancellationToken: cancellationToken).ConfigureAwait(false))
        {
            foreach (var kv in page.Kvs)
                taken[kv.Key.ToStringUtf8()[prefix.Length..]] = kv.Value.ToStringUtf8();
        }

        return taken;
    }

    private static string Holder(TxnResponse response)
    {
        var kvs = response.Responses[0].ResponseRange.Kvs;
        return kvs.Count == 0 ? "" : kvs[0].Value.ToStringUtf8();
    }
}
