using KvStore.Client;

namespace Orchestrator.Runtime.ApiServer.Storage;

/// <summary>Asks the store for its current revision, once for all who ask at the same time.</summary>
/// <remarks>An answer counts only for who asked before the question was sent: who comes while one is under way shares the
/// next.</remarks>
internal sealed class RevisionReader(EtcdClient store)
{
    /// <summary>Any key does: the answer's header is what is wanted.</summary>
    private const string Key = "compact_rev_key";

    private readonly Lock _gate = new();
    private Task _current = Task.CompletedTask;
    private Task<long>? _next;

    public Task<long> ReadAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return (_next ??= AfterAsync(_current)).WaitAsync(cancellationToken);
    }

    private async Task<long> AfterAsync(Task current)
    {
        await Task.Yield();
        await current.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task<KvStore.Protocol.RangeResponse> question;
        lock (_gate)
        {
            _next = null;
            question = store.Kv.RangeAsync((KeyRange)Key);
            _current = question;
        }

        return (await question.ConfigureAwait(false)).Header.Revision;
    }
}
