using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Grpc;

namespace KvStore.Crash.Tests.Load;

/// <summary>The clients of one life of the member, and one that watches all keys meanwhile.</summary>
internal sealed class LoadRound : IDisposable
{
    private const int ClientCount = 8;

    private readonly EtcdClient _watchClient;
    private readonly WatchReader _watcher;
    private readonly LoadClient[] _clients;
    private readonly TaskCompletionSource _enough = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _left;
    private volatile bool _isBreakExpected;
    private volatile bool _isOver;

    /// <param name="watchFrom">The first revision that the watcher was not told yet.</param>
    /// <param name="target">The acknowledgements after which <see cref="RunAsync"/> comes back.</param>
    public LoadRound(string url, int number, Ledger ledger, Chronicle chronicle, long watchFrom, int target, Random random)
    {
        (Url, Number, Ledger, WatchFrom, _left) = (url, number, ledger, watchFrom, target);
        _watchClient = new EtcdClient(url);
        _watcher = new WatchReader(_watchClient, chronicle, "the watcher", watchFrom);
        _clients = [.. Enumerable.Range(0, ClientCount).Select(client => new LoadClient(this, client, new Random(random.Next())))];
    }

    public string Url { get; }

    public int Number { get; }

    public Ledger Ledger { get; }

    public long WatchedRevision => _watcher.LastRevision;

    public long WatchedEvents => _watcher.EventCount;

    /// <summary>The clients shall come to an end.</summary>
    public bool IsOver => _isOver;

    private long WatchFrom { get; }

    private Task Running { get; set; } = Task.CompletedTask;

    /// <summary>Puts the member under load; comes back when enough was acknowledged, with the load going on.</summary>
    public async Task RunAsync()
    {
        Running = Task.WhenAll([WatchAsync(), .. _clients.Select(client => Task.Run(client.RunAsync))]);
        if (await Task.WhenAny(_enough.Task, Running).WaitAsync(Limits.Patience) == Running)
            await Running;
    }

    /// <summary>From here on requests may fail, since the member is about to be broken.</summary>
    public void ExpectBreak() => _isBreakExpected = true;

    /// <summary>Waits until all clients have noticed.</summary>
    /// <exception cref="HistoryException">One of them was told what cannot be.</exception>
    public Task EndAsync()
    {
        _isOver = true;
        return Running.WaitAsync(Limits.Patience);
    }

    public async Task<CallEnd> AttemptAsync(Func<Task> call)
    {
        try
        {
            await call();
            if (Interlocked.Decrement(ref _left) == 0)
                _enough.TrySetResult();
            return CallEnd.Acknowledged;
        }
        catch (RpcException refusal) when (IsRefusal(refusal))
        {
            return CallEnd.Refused;
        }
        catch (RpcException) when (_isBreakExpected)
        {
            _isOver = true;
            return CallEnd.Unknown;
        }
    }

    public void Dispose()
    {
        _watchClient.Dispose();
        foreach (var client in _clients)
            client.Dispose();
    }

    // A lease that is gone, a compaction that was overtaken. An end of the stream by the breaking member has other codes.
    private static bool IsRefusal(RpcException refusal) =>
        refusal.StatusCode is StatusCode.NotFound or StatusCode.OutOfRange or StatusCode.FailedPrecondition
        && refusal.Status.Detail.StartsWith("etcdserver: ", StringComparison.Ordinal);

    private async Task WatchAsync()
    {
        try
        {
            long compacted = await _watcher.ReadAsync(long.MaxValue);
            throw new HistoryException($"the watcher from {WatchFrom} was cut off by a compaction at {compacted} that nobody asked for");
        }
        catch (RpcException) when (_isBreakExpected)
        {
            _isOver = true;
        }
    }
}
