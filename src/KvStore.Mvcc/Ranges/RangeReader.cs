using System.Runtime.InteropServices;
using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Store;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Storage.Values;
using static KvStore.Protocol.RangeRequest.Types;

namespace KvStore.Mvcc.Ranges;

/// <summary>Reads ranges at a revision, on any thread and without a lock.</summary>
public sealed class RangeReader(MvccStore store)
{
    /// <exception cref="EtcdException">The revision is compacted, or not there yet.</exception>
    public RangeResponse Range(RangeRequest request)
    {
        var sink = new MessageSink(new RangeResponse());
        var totals = ReadPublished(request, sink);
        return sink.Complete(totals);
    }

    /// <summary>The same answer as bytes: stored KeyValues are copied, not parsed. Dispose it once it is written.</summary>
    /// <exception cref="EtcdException">The revision is compacted, or not there yet.</exception>
    public RangeResult Read(RangeRequest request)
    {
        var result = new RangeResult();
        bool isComplete = false;
        try
        {
            result.Complete(ReadPublished(request, result));
            isComplete = true;
            return result;
        }
        finally
        {
            if (!isComplete)
                result.Dispose();
        }
    }

    /// <summary>Reads at the published revision beside compaction: what it may have met is read again, or refused.</summary>
    private RangeTotals ReadPublished<TSink>(RangeRequest request, TSink sink)
        where TSink : class, IRangeSink
    {
        while (true)
        {
            long current = store.CurrentRevision;
            long revision = ReadableRevision(request.Revision, current);
            try
            {
                var totals = ReadAt(request, revision, current, sink);
                if (store.CompactRevision <= revision)
                    return totals;
            }
            catch (InvalidDataException) when (store.CompactRevision > revision)
            {
                // The value was given back while we read; the revision is compacted by now, as below.
            }
            if (request.Revision > 0)
                throw new EtcdException(EtcdError.Compacted);
            sink.Clear();
        }
    }

    /// <exception cref="EtcdException">The revision is compacted, or not there yet.</exception>
    internal long ReadableRevision(long asked, long current)
    {
        if (asked <= 0)
            return current;
        if (asked > current)
            throw new EtcdException(EtcdError.FutureRevision);
        if (asked < store.CompactRevision)
            throw new EtcdException(EtcdError.Compacted);
        return asked;
    }

    /// <summary>Reads at a revision that the caller holds: within a transaction, or one that it checks afterwards.</summary>
    /// <param name="current">Goes into the answer's header.</param>
    internal RangeResponse RangeAt(RangeRequest request, long revision, long current)
    {
        var sink = new MessageSink(new RangeResponse());
        var totals = ReadAt(request, revision, current, sink);
        return sink.Complete(totals);
    }

    private RangeTotals ReadAt<TSink>(RangeRequest request, long revision, long current, TSink sink)
        where TSink : class, IRangeSink
    {
        var range = new KeyRange(request.Key.Memory, request.RangeEnd.Memory);
        if (range.IsSingleKey)
            return ReadSingleKey(request, revision, current, sink);
        if (request.CountOnly)
            return new RangeTotals(current, Count(range, revision), HasMore: false);
        return new RangeBounds(request).IsAny || !new RangeOrder(request).IsByKey
            ? ReadSorted(request, range, revision, current, sink)
            : ReadByKey(request, range, revision, current, sink);
    }

    private RangeTotals ReadSingleKey<TSink>(RangeRequest request, long revision, long current, TSink sink)
        where TSink : class, IRangeSink
    {
        KeyState state;
        using (store.Index.BeginRead())
        {
            if (!store.Index.TryGet(request.Key.Span, revision, out state))
                return new RangeTotals(current, Count: 0, HasMore: false);
        }
        if (!request.CountOnly && new RangeBounds(request).Contain(state))
        {
            if (request.KeysOnly)
                sink.AddKeyOnly(request.Key.Span, state);
            else
                AddValue(state.Mod, sink);
        }
        return new RangeTotals(current, Count: 1, HasMore: false);
    }

    private void AddValue<TSink>(Revision revision, TSink sink)
        where TSink : class, IRangeSink
    {
        using var reader = store.Values.OpenReader();
        if (!reader.TryRead(revision, out var record))
            throw new InvalidDataException($"the value of revision {revision} is missing from the store");
        sink.Add(record);
    }

    /// <summary>The common case: in key order, so that a limit ends the visit.</summary>
    private RangeTotals ReadByKey<TSink>(RangeRequest request, in KeyRange range, long revision, long current, TSink sink)
        where TSink : class, IRangeSink
    {
        long limit = request.Limit > 0 ? request.Limit : long.MaxValue;
        bool isKeysOnly = request.KeysOnly;
        var revisions = new List<Revision>();
        long visited = 0;
        bool hasMore = false;
        long count;
        using (store.Index.BeginRead())
        {
            store.Index.Visit(range, revision, (ReadOnlySpan<byte> key, in KeyState state) =>
            {
                if (visited == limit)
                {
                    hasMore = true;
                    return false;
                }
                visited++;
                if (isKeysOnly)
                    sink.AddKeyOnly(key, state);
                else
                    revisions.Add(state.Mod);
                return true;
            });
            count = hasMore ? store.Index.Count(range, revision) : visited;
        }
        AddValues(CollectionsMarshal.AsSpan(revisions), sink);
        return new RangeTotals(current, count, hasMore);
    }

    /// <summary>Orders and bounds look at every key of the range before the limit counts.</summary>
    /// <remarks>But for an order that only the target implies (NONE): as in etcd, the limit then counts first and the keys up to
    /// it, and one more, are sorted.</remarks>
    private RangeTotals ReadSorted<TSink>(RangeRequest request, in KeyRange range, long revision, long current, TSink sink)
        where TSink : class, IRangeSink
    {
        var bounds = new RangeBounds(request);
        var order = new RangeOrder(request);
        bool isKeysOnly = request.KeysOnly;
        bool isLimitFirst = request.SortOrder == SortOrder.None && !bounds.IsAny && request.Limit > 0;
        var selected = new List<SelectedKey>();
        long count = 0;
        using (store.Index.BeginRead())
        {
            store.Index.Visit(range, revision, (ReadOnlySpan<byte> key, in KeyState state) =>
            {
                count++;
                if (bounds.Contain(state))
                    selected.Add(new SelectedKey(selected.Count, state) { Key = isKeysOnly ? key.ToArray() : null });
                return !isLimitFirst || selected.Count <= request.Limit;
            });
            if (isLimitFirst)
                count = store.Index.Count(range, revision);
        }
        if (order.IsByValue)
            LoadRecords(selected);
        order.Sort(selected);
        bool hasMore = request.Limit > 0 && selected.Count > request.Limit;
        if (hasMore)
            selected.RemoveRange((int)request.Limit, selected.Count - (int)request.Limit);
        AddSelected(selected, isKeysOnly, order.IsByValue, sink);
        return new RangeTotals(current, count, hasMore);
    }

    private void AddSelected<TSink>(List<SelectedKey> selected, bool isKeysOnly, bool isLoaded, TSink sink)
        where TSink : class, IRangeSink
    {
        if (isKeysOnly)
            selected.ForEach(key => sink.AddKeyOnly(key.Key, key.State));
        else if (isLoaded)
            selected.ForEach(key => sink.Add(key.Record));
        else
            AddValues(Revisions(selected), sink);
    }

    private void LoadRecords(List<SelectedKey> selected)
    {
        int next = 0;
        using var reader = store.Values.OpenReader();
        reader.ReadMany(Revisions(selected), (_, record) => selected[next++].Record = record.ToArray());
        Invariant.Holds(next == selected.Count);
    }

    private void AddValues<TSink>(ReadOnlySpan<Revision> revisions, TSink sink)
        where TSink : class, IRangeSink
    {
        if (revisions.IsEmpty)
            return;
        using var reader = store.Values.OpenReader();
        reader.ReadMany(revisions, (_, record) => sink.Add(record));
    }

    private long Count(in KeyRange range, long revision)
    {
        using (store.Index.BeginRead())
            return store.Index.Count(range, revision);
    }

    private static Revision[] Revisions(List<SelectedKey> selected) => [.. selected.Select(key => key.State.Mod)];

    /// <summary>Makes messages of what is read.</summary>
    private sealed class MessageSink(RangeResponse response) : IRangeSink
    {
        public void Add(ReadOnlySpan<byte> record) => response.Kvs.Add(KeyValue.Parser.ParseFrom(record));

        public void AddKeyOnly(ReadOnlySpan<byte> key, in KeyState state) => response.Kvs.Add(new KeyValue
        {
            Key = ByteString.CopyFrom(key),
            CreateRevision = state.Create,
            ModRevision = state.Mod.Main,
            Version = state.Version,
            Lease = state.Lease.Value,
        });

        public void Clear() => response.Kvs.Clear();

        public RangeResponse Complete(in RangeTotals totals)
        {
            response.Header = new ResponseHeader { Revision = totals.CurrentRevision };
            response.More = totals.HasMore;
            response.Count = totals.Count;
            return response;
        }
    }
}

/// <summary>What a range says beside its KeyValues.</summary>
/// <param name="CurrentRevision">Of the store when it was read, whatever revision was asked for.</param>
/// <param name="Count">Keys of the range at the revision, whatever limit and bounds say.</param>
internal readonly record struct RangeTotals(long CurrentRevision, long Count, bool HasMore);
