using System.Globalization;
using KvStore.Client;
using KvStore.Protocol;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Runtime.ApiServer.Storage;

/// <summary>Compacts the store every interval to the revision of an interval ago. Of several API servers one does it: whose
/// transaction on <c>compact_rev_key</c> finds the version that it saw last.</summary>
internal sealed partial class Compactor : IAsyncDisposable
{
    private const string Key = "compact_rev_key";

    private readonly EtcdClient _store;
    private readonly TimeSpan _interval;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;

    public Compactor(EtcdClient store, TimeSpan interval, TimeProvider clock, ILogger log)
    {
        _store = store;
        _interval = interval;
        _clock = clock;
        _log = log;
        _run = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    /// <summary>One round.</summary>
    /// <param name="version">Of the key, as seen in the round before; 0 at first.</param>
    /// <param name="revision">Of the store, as seen in the round before; 0 at first.</param>
    /// <returns>Both for the next round.</returns>
    internal static async Task<(long Version, long Revision)> CompactAsync(
        EtcdClient store, long version, long revision, CancellationToken cancellationToken)
    {
        var response = await store.Kv.TxnAsync(
            new Txn()
                .When(If.Version(Key).Is(version))
                .Then(Do.Put(Key, revision.ToString(CultureInfo.InvariantCulture)))
                .Else(Do.Get((KeyRange)Key)),
            cancellationToken: cancellationToken).ConfigureAwait(false);
        long current = response.Header.Revision;
        if (!response.Succeeded)
            return (VersionOf(response), current); // Another one did it.
        if (revision > 0)
        {
            try
            {
                await store.Kv.CompactAsync(revision, cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            catch (EtcdException exception) when (exception.Is(EtcdErrors.Compacted))
            {
                // Somebody compacted further by hand.
            }
        }

        return (version + 1, current);
    }

    private static long VersionOf(TxnResponse response)
    {
        var kvs = response.Responses[0].ResponseRange.Kvs;
        return kvs.Count == 0 ? 0 : kvs[0].Version;
    }

    private async Task RunAsync()
    {
        long version = 0;
        long revision = 0;
        while (true)
        {
            await Task.Delay(_interval, _clock, _stop.Token).ConfigureAwait(false);
            try
            {
                (version, revision) = await CompactAsync(_store, version, revision, _stop.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (!_stop.IsCancellationRequested)
            {
                LogFailed(exception);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the store was not compacted; the next round tries again")]
    private partial void LogFailed(Exception exception);
}
