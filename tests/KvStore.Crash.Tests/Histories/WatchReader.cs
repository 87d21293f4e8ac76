using KvStore.Crash.Tests.Clients;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Histories;

/// <summary>Follows all keys by a watch, and sees to it that no revision is missing, repeated or out of order.</summary>
internal sealed class WatchReader(EtcdClient client, Chronicle chronicle, string source, long from)
{
    private long _lastRevision = from - 1;

    /// <summary>Everything up to this revision was told.</summary>
    public long LastRevision => Interlocked.Read(ref _lastRevision);

    /// <summary>Events told.</summary>
    public long EventCount { get; private set; }

    /// <summary>Follows until a revision is reached.</summary>
    /// <returns>0; or, if the watch was refused since its first revision is compacted, the revision of that compaction.</returns>
    public async Task<long> ReadAsync(long until)
    {
        if (from > until)
            return 0;
        using var call = await client.WatchAsync(from);
        while (LastRevision < until)
        {
            if (!await call.ResponseStream.MoveNext())
                throw new HistoryException($"{source}: the server ended the watch at revision {LastRevision}");
            var response = call.ResponseStream.Current;
            if (response.CompactRevision > 0)
                return response.CompactRevision;
            if (response.Canceled)
                throw new HistoryException($"{source}: the watch was cancelled at revision {LastRevision}: {response.CancelReason}");
            Take(response);
        }
        return 0;
    }

    private void Take(WatchResponse response)
    {
        foreach (var group in response.Events.Select(KeyVersion.Of).GroupBy(change => change.ModRevision))
        {
            // All events of a revision come in one message; an event out of order shows as a wrong first of its group.
            if (group.Key != LastRevision + 1)
                throw new HistoryException($"{source}: revision {group.Key} was told behind {LastRevision}");
            var events = group.ToArray();
            EventCount += events.Length;
            chronicle.Observe(group.Key, events, source);
            Interlocked.Exchange(ref _lastRevision, group.Key);
        }
        if (response.Events.Count > 0 && response.Header.Revision < LastRevision)
            throw new HistoryException($"{source}: a message with revision {LastRevision} has header revision {response.Header.Revision}");
    }
}
