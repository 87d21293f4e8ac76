using System.Collections.Concurrent;
using System.Diagnostics;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Grpc;

namespace KvStore.Crash.Tests.Clusters;

/// <summary>Clients that write at members which come and go, and a watch at each member: what they were told has to fit.</summary>
/// <remarks>
/// Each writer has a key of its own and writes 1, 2, 3, ... there, each number once, so that whatever was acknowledged has its
/// place in the history, and whatever happened was asked for. A request whose outcome stays unknown is not repeated.
/// </remarks>
internal sealed class ClusterLoad(LiveCluster cluster) : IAsyncDisposable
{
    private const int Writers = 6;

    private readonly ConcurrentQueue<(long Revision, string Key, string Value)> _acknowledged = [];
    private readonly ConcurrentDictionary<(string Key, string Value), bool> _asked = [];
    private readonly Chronicle _chronicle = new();
    private readonly List<Task> _writing = [];
    private readonly CancellationTokenSource _stopping = new();
    private long _lastRevision = 1;
    private long _unknown;
    private Probe? _probe;

    /// <summary>What the watches told.</summary>
    public Chronicle Chronicle => _chronicle;

    public long Acknowledged => _acknowledged.Count;

    public long Unknown => Interlocked.Read(ref _unknown);

    /// <summary>The greatest revision that any of the writers was told.</summary>
    public long LastRevision => Interlocked.Read(ref _lastRevision);

    /// <summary>Starts the writers, each at another member.</summary>
    public void Start()
    {
        for (int writer = 0; writer < Writers; writer++)
        {
            int number = writer;
            _writing.Add(Task.Run(() => WriteAsync(number)));
        }
    }

    /// <summary>Waits until so many more writes are acknowledged.</summary>
    public Task ProgressAsync(int count)
    {
        long target = Acknowledged + count;
        return Until.HoldsAsync(() => Failed() ?? Task.FromResult(Acknowledged >= target), $"{count} more writes are acknowledged");
    }

    /// <summary>Goes on until the member no longer has the log of the time before in memory, from which others are served.</summary>
    /// <remarks>It keeps what is behind its newest checkpoint, and its catch-up entries.</remarks>
    public async Task OutgrowLogAsync(ClusterMember member)
    {
        for (int i = 0; i < 2; i++)
        {
            long number = member.CheckpointNumber;
            await ProgressAsync(300);
            await Until.HoldsAsync(() => Task.FromResult(member.CheckpointNumber > number), $"{member.Name} takes a checkpoint");
        }
        await ProgressAsync(300);
    }

    /// <summary>Waits for the first acknowledgement of a write that is sent from now on.</summary>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> NextAcknowledgementAsync()
    {
        var probe = new Probe(Stopwatch.GetTimestamp());
        Volatile.Write(ref _probe, probe);
        return await probe.Acknowledged.Task.WaitAsync(Limits.Patience);
    }

    /// <summary>Ends the writers; what they were told is to be found in the history that every member tells.</summary>
    public async Task VerifyAsync()
    {
        await StopAsync();
        long last = 0;
        await Until.HoldsAsync(async () =>
        {
            var members = cluster.Members.Where(member => member.IsRunning);
            var revisions = await Task.WhenAll(members.Select(async member => (await member.Client.GetAsync("none")).Header.Revision));
            last = revisions.Max();
            return revisions.Min() == last;
        }, "all members are at the same revision");
        if (last < LastRevision)
            throw new HistoryException($"revision {LastRevision} was acknowledged, the members are at {last}");
        foreach (var member in cluster.Members.Where(member => member.IsRunning))
            await new WatchReader(member.Client, _chronicle, member.Name, 2).ReadAsync(last).WaitAsync(Limits.Patience);
        foreach (var (revision, key, value) in _acknowledged)
        {
            if (!_chronicle.At(revision).Any(change => change.Key == key && change.Value == value))
                throw new HistoryException($"{key}={value} was acknowledged at revision {revision}, which is {Chronicle.Show(_chronicle.At(revision))}");
        }
        for (long revision = 2; revision <= last; revision++)
        {
            var change = _chronicle.At(revision).Single();
            if (change.Key.StartsWith("load/", StringComparison.Ordinal) && !_asked.TryRemove((change.Key, change.Value), out _))
                throw new HistoryException($"revision {revision} is {change}, which nobody asked for, or only once");
        }
    }

    /// <summary>A watch of all keys at this member, which goes on whatever happens to the others.</summary>
    public LiveWatch Watch(ClusterMember member) => new(member, _chronicle, Math.Max(2, _chronicle.LastRevision + 1));

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_writing).WaitAsync(Limits.Patience);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    /// <summary>The failure of a writer that was told what cannot be; null while there is none.</summary>
    private Task<bool>? Failed() => _writing.Find(writing => writing.IsFaulted) is { } failed
        ? Task.FromException<bool>(failed.Exception!.InnerException!)
        : null;

    private async Task WriteAsync(int writer)
    {
        string key = $"load/{writer}";
        int number = 0;
        for (int at = writer; !_stopping.IsCancellationRequested; at++)
        {
            var member = cluster[at % cluster.Members.Count];
            if (!member.IsServing)
            {
                await Task.Yield();
                continue;
            }
            using var client = new EtcdClient(member.Url);
            while (!_stopping.IsCancellationRequested && await TryWriteAsync(client, key, $"{++number}"))
            {
                // On with the next number.
            }
        }
    }

    private async Task<bool> TryWriteAsync(EtcdClient client, string key, string value)
    {
        long known = LastRevision;
        long start = Stopwatch.GetTimestamp();
        _asked[(key, value)] = true;
        try
        {
            long revision = (await client.PutAsync(key, value)).Header.Revision;
            if (revision <= known)
                throw new HistoryException($"{key}={value} was acknowledged at revision {revision} when {known} was known already");
            _acknowledged.Enqueue((revision, key, value));
            Note(revision);
            if (Volatile.Read(ref _probe) is { } probe && start > probe.Since)
                probe.Acknowledged.TrySetResult(Stopwatch.GetElapsedTime(probe.Since));
            return true;
        }
        catch (RpcException)
        {
            Interlocked.Increment(ref _unknown);
            return false;
        }
    }

    private void Note(long revision)
    {
        for (long last = LastRevision; revision > last; last = LastRevision)
            Interlocked.CompareExchange(ref _lastRevision, revision, last);
    }

    /// <summary>Looks for a write that is sent after a moment.</summary>
    private sealed class Probe(long since)
    {
        public long Since => since;

        public TaskCompletionSource<TimeSpan> Acknowledged { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
