using System.Collections.Immutable;
using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;
using static KvStore.Protocol.RangeRequest.Types;
using Keys = System.Collections.Immutable.ImmutableSortedDictionary<Google.Protobuf.ByteString, KvStore.Protocol.KeyValue>;

namespace KvStore.Mvcc.Tests.Model;

/// <summary>The slow, obvious store: every revision is a whole map of the keys.</summary>
/// <remarks>Written from what etcd is observed to do, without a look at how the real one here works.</remarks>
internal sealed class ModelStore
{
    // Revision r stands at place r - 1; the store starts with revision 1, empty.
    private readonly List<Keys> _revisions = [Keys.Empty.WithComparers(ByteOrder.Instance)];
    private readonly SortedDictionary<long, long> _leases = [];

    public List<ModelEvent> Events { get; } = [];

    public long Compacted { get; private set; } = -1;

    public long Revision => _revisions.Count;

    public IEnumerable<long> Leases => _leases.Keys;

    public IMessage? Response { get; private set; }

    public EtcdError? Error { get; private set; }

    private Keys Current => _revisions[^1];

    public IEnumerable<ByteString> KeysOf(long lease) => Current.Values.Where(kv => kv.Lease == lease).Select(kv => kv.Key);

    public KeyValue? Before(ByteString key, long revision) => _revisions[(int)revision - 2].GetValueOrDefault(key);

    /// <summary>The keys as they were once: for reads, without leases and events.</summary>
    public ModelStore AsOf(long revision, long compacted)
    {
        var past = new ModelStore { Compacted = compacted };
        past._revisions.Clear();
        past._revisions.AddRange(_revisions.GetRange(0, (int)revision));
        return past;
    }

    /// <summary>Sets <see cref="Response"/> or <see cref="Error"/>.</summary>
    public void Apply(IMessage request)
    {
        (Response, Error) = (null, null);
        var working = new Working(Current, Revision);
        try
        {
            Response = request switch
            {
                PutRequest put => Put(working, put),
                DeleteRangeRequest delete => Delete(working, delete),
                TxnRequest txn => Txn(working, txn),
                CompactionRequest compaction => Compact(compaction),
                LeaseGrantRequest grant => Grant(grant),
                LeaseRevokeRequest revoke => Revoke(working, revoke),
                _ => throw new ArgumentException("no such request", nameof(request)),
            };
        }
        catch (EtcdException refusal)
        {
            Error = refusal.Error;
            return;
        }
        if (working.Events.Count == 0)
            return;
        _revisions.Add(working.Keys);
        Events.AddRange(working.Events);
    }

    public RangeResponse Range(RangeRequest request)
    {
        if (request.Revision > Revision)
            throw new EtcdException(EtcdError.FutureRevision);
        if (request.Revision > 0 && request.Revision < Compacted)
            throw new EtcdException(EtcdError.Compacted);
        var keys = request.Revision > 0 ? _revisions[(int)request.Revision - 1] : Current;
        return RangeOf(keys, request, Revision);
    }

    private IMessage Put(Working working, PutRequest request)
    {
        if (request.Lease != 0 && !_leases.ContainsKey(request.Lease))
            throw new EtcdException(EtcdError.LeaseNotFound);
        if ((request.IgnoreLease || request.IgnoreValue) && !working.Keys.ContainsKey(request.Key))
            throw new EtcdException(EtcdError.KeyNotFound);
        return RunPut(working, request);
    }

    private static PutResponse RunPut(Working working, PutRequest request)
    {
        var previous = working.Keys.GetValueOrDefault(request.Key);
        var kv = new KeyValue
        {
            Key = request.Key,
            Value = request.IgnoreValue ? previous?.Value ?? ByteString.Empty : request.Value,
            Lease = request.IgnoreLease ? previous?.Lease ?? 0 : request.Lease,
            CreateRevision = previous?.CreateRevision ?? working.NextRevision,
            ModRevision = working.NextRevision,
            Version = (previous?.Version ?? 0) + 1,
        };
        working.Keys = working.Keys.SetItem(request.Key, kv);
        working.Events.Add(new ModelEvent(false, kv));
        var response = new PutResponse { Header = working.Header };
        if (request.PrevKv && previous is not null)
            response.PrevKv = previous;
        return response;
    }

    private static DeleteRangeResponse Delete(Working working, DeleteRangeRequest request)
    {
        var deleted = In(working.Keys, request.Key, request.RangeEnd).ToList();
        foreach (var kv in deleted)
        {
            working.Events.Add(new ModelEvent(true, new KeyValue { Key = kv.Key, ModRevision = working.NextRevision }));
            working.Keys = working.Keys.Remove(kv.Key);
        }
        var response = new DeleteRangeResponse { Header = working.Header, Deleted = deleted.Count };
        if (request.PrevKv)
            response.PrevKvs.Add(deleted);
        return response;
    }

    private TxnResponse Txn(Working working, TxnRequest request)
    {
        CheckPuts(request);
        CheckRanges(request);
        var response = RunTxn(working, request);
        response.Header = working.Header;
        return response;
    }

    private IEnumerable<RequestOp> Taken(TxnRequest request) => request.Compare.All(Holds) ? request.Success : request.Failure;

    private void CheckPuts(TxnRequest request)
    {
        foreach (var op in Taken(request))
        {
            if (op.RequestTxn is { } nested)
                CheckPuts(nested);
            if (op.RequestPut is not { } put)
                continue;
            if ((put.IgnoreLease || put.IgnoreValue) && !Current.ContainsKey(put.Key))
                throw new EtcdException(EtcdError.KeyNotFound);
            if (put.Lease != 0 && !_leases.ContainsKey(put.Lease))
                throw new EtcdException(EtcdError.LeaseNotFound);
        }
    }

    private void CheckRanges(TxnRequest request)
    {
        foreach (var op in Taken(request))
        {
            if (op.RequestTxn is { } nested)
                CheckRanges(nested);
            if (op.RequestRange is { } range)
                Range(range);
        }
    }

    private TxnResponse RunTxn(Working working, TxnRequest request)
    {
        var response = new TxnResponse { Succeeded = request.Compare.All(Holds) };
        foreach (var op in Taken(request))
        {
            response.Responses.Add(op.RequestCase switch
            {
                RequestOp.RequestOneofCase.RequestPut => new ResponseOp { ResponsePut = RunPut(working, op.RequestPut) },
                RequestOp.RequestOneofCase.RequestDeleteRange =>
                    new ResponseOp { ResponseDeleteRange = Delete(working, op.RequestDeleteRange) },
                RequestOp.RequestOneofCase.RequestRange => new ResponseOp { ResponseRange = RangeIn(working, op.RequestRange) },
                _ => new ResponseOp { ResponseTxn = Nested(working, op.RequestTxn) },
            });
        }
        return response;
    }

    private TxnResponse Nested(Working working, TxnRequest request)
    {
        var response = RunTxn(working, request);
        response.Header = new ResponseHeader();
        return response;
    }

    private RangeResponse RangeIn(Working working, RangeRequest request) => RangeOf(
        request.Revision > 0 ? _revisions[(int)request.Revision - 1] : working.Keys, request, working.Header.Revision);

    private CompactionResponse Compact(CompactionRequest request)
    {
        if (request.Revision <= Compacted)
            throw new EtcdException(EtcdError.Compacted);
        if (request.Revision > Revision)
            throw new EtcdException(EtcdError.FutureRevision);
        Compacted = request.Revision;
        return new CompactionResponse { Header = new ResponseHeader { Revision = Revision } };
    }

    private LeaseGrantResponse Grant(LeaseGrantRequest request)
    {
        if (!_leases.TryAdd(request.ID, request.TTL))
            throw new EtcdException(EtcdError.LeaseExists);
        return new LeaseGrantResponse { Header = new ResponseHeader { Revision = Revision }, ID = request.ID, TTL = request.TTL };
    }

    private LeaseRevokeResponse Revoke(Working working, LeaseRevokeRequest request)
    {
        if (!_leases.Remove(request.ID))
            throw new EtcdException(EtcdError.LeaseNotFound);
        foreach (var key in KeysOf(request.ID).ToList())
            Delete(working, new DeleteRangeRequest { Key = key });
        return new LeaseRevokeResponse { Header = working.Header };
    }

    /// <summary>Always on the state before the transaction.</summary>
    private bool Holds(Compare compare)
    {
        var keys = In(Current, compare.Key, compare.RangeEnd).ToList();
        if (keys.Count == 0)
            return compare.Target != CompareTarget.Value && Holds(compare, new KeyValue());
        return keys.All(kv => Holds(compare, kv));
    }

    private static bool Holds(Compare compare, KeyValue kv)
    {
        int order = compare.Target switch
        {
            CompareTarget.Version => kv.Version.CompareTo(compare.Version),
            CompareTarget.Create => kv.CreateRevision.CompareTo(compare.CreateRevision),
            CompareTarget.Mod => kv.ModRevision.CompareTo(compare.ModRevision),
            CompareTarget.Lease => kv.Lease.CompareTo(compare.Lease),
            _ => ByteOrder.Instance.Compare(kv.Value, compare.Value),
        };
        return compare.Result switch
        {
            CompareResult.Equal => order == 0,
            CompareResult.NotEqual => order != 0,
            CompareResult.Greater => order > 0,
            _ => order < 0,
        };
    }

    private static RangeResponse RangeOf(Keys keys, RangeRequest request, long headerRevision)
    {
        var all = In(keys, request.Key, request.RangeEnd).ToList();
        var response = new RangeResponse { Header = new ResponseHeader { Revision = headerRevision }, Count = all.Count };
        if (request.CountOnly)
            return response;
        var kvs = all.Where(kv => request.MinModRevision == 0 || kv.ModRevision >= request.MinModRevision)
            .Where(kv => request.MaxModRevision == 0 || kv.ModRevision <= request.MaxModRevision)
            .Where(kv => request.MinCreateRevision == 0 || kv.CreateRevision >= request.MinCreateRevision)
            .Where(kv => request.MaxCreateRevision == 0 || kv.CreateRevision <= request.MaxCreateRevision);
        bool isFiltered = (request.MinModRevision | request.MaxModRevision | request.MinCreateRevision | request.MaxCreateRevision) != 0;
        // etcd sorts only what the limit left, and one more, where the order is implied.
        if (request.SortOrder == SortOrder.None && !isFiltered && request.Limit > 0)
            kvs = kvs.Take((int)request.Limit + 1);
        var sorted = Sorted(kvs, request).ToList();
        response.More = request.Limit > 0 && sorted.Count > request.Limit;
        response.Kvs.Add(request.Limit > 0 ? sorted.Take((int)request.Limit) : sorted);
        if (request.KeysOnly)
        {
            var bare = response.Kvs.Select(kv => new KeyValue(kv) { Value = ByteString.Empty }).ToList();
            response.Kvs.Clear();
            response.Kvs.Add(bare);
        }
        return response;
    }

    private static IEnumerable<KeyValue> Sorted(IEnumerable<KeyValue> kvs, RangeRequest request)
    {
        bool isDescending = request.SortOrder == SortOrder.Descend;
        return request.SortTarget switch
        {
            SortTarget.Version => By(kv => kv.Version),
            SortTarget.Create => By(kv => kv.CreateRevision),
            SortTarget.Mod => By(kv => kv.ModRevision),
            SortTarget.Value => isDescending
                ? kvs.OrderByDescending(kv => kv.Value, ByteOrder.Instance)
                : kvs.OrderBy(kv => kv.Value, ByteOrder.Instance),
            _ => isDescending ? kvs.Reverse() : kvs,
        };

        IEnumerable<KeyValue> By(Func<KeyValue, long> number) => isDescending ? kvs.OrderByDescending(number) : kvs.OrderBy(number);
    }

    private static IEnumerable<KeyValue> In(Keys keys, ByteString key, ByteString end)
    {
        if (end.IsEmpty)
            return keys.TryGetValue(key, out var kv) ? [kv] : [];
        bool isOpen = end.Length == 1 && end[0] == 0;
        return keys.Values.Where(kv => ByteOrder.Instance.Compare(kv.Key, key) >= 0
            && (isOpen || ByteOrder.Instance.Compare(kv.Key, end) < 0));
    }

    /// <summary>What a request has changed so far.</summary>
    private sealed class Working(Keys keys, long revision)
    {
        public Keys Keys { get; set; } = keys;

        public List<ModelEvent> Events { get; } = [];

        public long NextRevision => revision + 1;

        public ResponseHeader Header => new() { Revision = Events.Count == 0 ? revision : NextRevision };
    }

    private sealed class ByteOrder : IComparer<ByteString>
    {
        public static readonly ByteOrder Instance = new();

        public int Compare(ByteString? left, ByteString? right) => left!.Span.SequenceCompareTo(right!.Span);
    }
}

internal sealed record ModelEvent(bool IsDelete, KeyValue KeyValue);
