using System.Net;
using KvStore.Client;

namespace Orchestrator.Runtime.ApiServer.Services;

/// <summary>Which API servers there are: each keeps <c>/registry/masterleases/ADDRESS</c> on a lease of its own.</summary>
internal sealed class MasterLeases(EtcdClient store)
{
    private const string Prefix = "/registry/masterleases/";

    /// <summary>A server that says nothing for so long is gone.</summary>
    public static readonly TimeSpan TimeToLive = TimeSpan.FromSeconds(15);

    public async Task AnnounceAsync(IPAddress address, LeaseId lease, CancellationToken cancellationToken) =>
        await store.Kv.PutAsync(Prefix + address, $"{{\"ip\":\"{address}\"}}", lease, cancellationToken: cancellationToken)
            .ConfigureAwait(false);

    /// <summary>Their addresses, in order.</summary>
    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken)
    {
        var response = await store.Kv.RangeAsync(KeyRange.Prefix(Prefix), cancellationToken: cancellationToken).ConfigureAwait(false);
        return [.. response.Kvs.Select(kv => kv.Key.ToStringUtf8()[Prefix.Length..]).Order(StringComparer.Ordinal)];
    }
}
