using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>Carries requests out on the model, one revision after another, and compares their answers.</summary>
internal sealed class StoreReplay(Timeline timeline)
{
    /// <summary>The first disagreement of the request at hand.</summary>
    private string? _disagreement;

    private long _revision;
    private bool _isDry;

    /// <summary>Which branch each nested transaction takes: all are judged on the state before the outermost.</summary>
    private readonly Dictionary<TxnRequest, bool> _nested = new(ReferenceEqualityComparer.Instance);

    public KeySpace Keys { get; } = new();

    /// <summary>Ranges that could not be judged since something in them was changed unseen.</summary>
    public long SkippedCount { get; private set; }

    /// <summary>Makes the changes of a request at a revision of its own.</summary>
    /// <param name="response">Null when the outcome was unknown.</param>
    /// <param name="isSuccess">Of a txn without an answer: the branch that it was seen to take, if that is known.</param>
    /// <returns>What is wrong with the answer, or null.</returns>
    public string? Write(long revision, Request request, Response? response, bool? isSuccess = null)
    {
        (_disagreement, _revision, _isDry) = (null, revision, false);
        Run(request, response, isSuccess);
        return _disagreement;
    }

    /// <summary>Compares an answer that says that nothing was changed.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Read(long revision, Request request, Response response)
    {
        (_disagreement, _revision, _isDry) = (null, revision, true);
        Run(request, response, null);
        return _disagreement;
    }

    /// <summary>All keys of a lease go at once.</summary>
    public void Expire(long revision, long lease)
    {
        (_revision, _isDry) = (revision, false);
        foreach (var key in Keys.KeysOf(lease).Order(Comparer<ByteString>.Create(KeyInterval.Compare)).ToList())
            Remove(key);
    }

    /// <summary>What was seen, for want of a request that explains it.</summary>
    public void Adopt(long revision, IEnumerable<KeyValue> puts, IEnumerable<ByteString> deletes)
    {
        (_revision, _isDry) = (revision, false);
        foreach (var kv in puts)
        {
            timeline.Add(new StoreEvent(revision, kv.Key, Keys.Get(kv.Key), kv, true));
            Keys.Set(kv);
            Keys.MarkCertain(kv.Key);
        }
        foreach (var key in deletes)
            Remove(key);
    }

    /// <summary>The keys that a request without an answer would delete now.</summary>
    public HashSet<ByteString> WouldDelete(Request request)
    {
        if (request.RpcCase == Rpc.LeaseRevoke)
            return [.. Keys.KeysOf(request.LeaseRevoke.ID)];
        var ops = request.RpcCase == Rpc.Txn ? Taken(request.Txn).ToList() : [];
        // A put would have been seen for what it is.
        if (ops.Exists(op => op.RequestPut is not null))
            return [];
        IEnumerable<DeleteRangeRequest> deletes = request.RpcCase == Rpc.Txn
            ? ops.Where(op => op.RequestDeleteRange is not null).Select(op => op.RequestDeleteRange)
            : request.Deletes();
        var keys = new HashSet<ByteString>();
        foreach (var delete in deletes)
        {
            foreach (var kv in Keys.In(new KeyInterval(delete.Key, delete.RangeEnd)))
                keys.Add(kv.Key);
        }
        return keys;
    }

    /// <summary>What a transaction would do now, nested ones included; both branches where its compares cannot be
    /// judged.</summary>
    private IEnumerable<RequestOp> Taken(TxnRequest txn)
    {
        var ops = IsUncertain(txn) ? txn.Success.Concat(txn.Failure) : Holds(txn) ? txn.Success : txn.Failure;
        return ops.SelectMany(op => op.RequestTxn is { } nested ? Taken(nested) : [op]);
    }

    private void Run(Request request, Response? response, bool? isSuccess)
    {
        switch (request.RpcCase)
        {
            case Rpc.Put: Put(request.Put, response?.Put); break;
            case Rpc.DeleteRange: Delete(request.DeleteRange, response?.DeleteRange); break;
            case Rpc.Range: Range(request.Range, response!.Range); break;
            case Rpc.Txn:
                _nested.Clear();
                JudgeNested(request.Txn);
                Txn(request.Txn, response?.Txn, isSuccess);
                break;
            case Rpc.LeaseRevoke: Expire(_revision, request.LeaseRevoke.ID); break;
        }
    }

    private void Put(PutRequest request, PutResponse? response)
    {
        var before = Keys.Get(request.Key);
        bool isCertain = !Keys.IsUncertain(request.Key);
        if (isCertain && response is not null)
        {
            Agree(response.PrevKv is null || request.PrevKv, () => "it tells a previous value without being asked");
            Agree(!request.PrevKv || Equals(response.PrevKv, before), () =>
                $"the put of {Wording.Of(request.Key)} says that there was {Wording.Of(response.PrevKv)} before, there was {Wording.Of(before)}");
        }
        if (isCertain && before is null)
            Agree(!request.IgnoreValue && !request.IgnoreLease, () =>
                $"{Wording.Of(request.Key)} was to be kept in part, and did not exist");
        if (_isDry)
            return;
        var after = new KeyValue
        {
            Key = request.Key,
            Value = request.IgnoreValue ? before?.Value ?? ByteString.Empty : request.Value,
            Lease = request.IgnoreLease ? before?.Lease ?? 0 : request.Lease,
            CreateRevision = before?.CreateRevision ?? _revision,
            ModRevision = _revision,
            Version = (before?.Version ?? 0) + 1,
        };
        Keys.Set(after);
        timeline.Add(new StoreEvent(_revision, request.Key, before, after, isCertain));
    }

    private void Delete(DeleteRangeRequest request, DeleteRangeResponse? response)
    {
        var interval = new KeyInterval(request.Key, request.RangeEnd);
        var deleted = Keys.In(interval).ToArray();
        if (response is not null && !Keys.IsUncertain(interval))
        {
            Agree(response.Deleted == deleted.Length, () =>
                $"the delete of {Wording.Of(interval)} says that it deleted {response.Deleted} keys, there were {deleted.Length}");
            Agree(request.PrevKv ? response.PrevKvs.SequenceEqual(deleted) : response.PrevKvs.Count == 0, () =>
                $"the delete of {Wording.Of(interval)} shows other keys than there were: {Difference(response.PrevKvs, deleted)}");
        }
        if (_isDry)
            return;
        foreach (var kv in deleted)
            Remove(kv.Key);
    }

    private void Remove(ByteString key)
    {
        timeline.Add(new StoreEvent(_revision, key, Keys.Get(key), null, !Keys.IsUncertain(key)));
        Keys.Remove(key);
    }

    private void Range(RangeRequest request, RangeResponse response)
    {
        var interval = new KeyInterval(request.Key, request.RangeEnd);
        if (Keys.IsUncertain(interval))
        {
            SkippedCount++;
            return;
        }
        string? disagreement = RangeRule.Disagreement(request, response, Keys);
        Agree(disagreement is null, () => $"the range of {Wording.Of(interval)} is not the store's: {disagreement}");
    }

    private void Txn(TxnRequest request, TxnResponse? response, bool? isSuccess)
    {
        bool holds = IsUncertain(request)
            ? response?.Succeeded ?? isSuccess ?? true
            : _nested.TryGetValue(request, out bool held) ? held : Holds(request);
        bool succeeded = response?.Succeeded ?? isSuccess ?? holds;
        Agree(holds == succeeded, () =>
            $"it took its {(succeeded ? "success" : "failure")} branch, but its compares say otherwise: {Comparisons(request)}");
        if (_isDry && _disagreement is not null)
            return;
        var ops = succeeded ? request.Success : request.Failure;
        Agree(response is null || response.Responses.Count == ops.Count, () =>
            $"it has {response!.Responses.Count} answers to {ops.Count} operations");
        for (int i = 0; i < ops.Count; i++)
            Run(ops[i], response is not null && i < response.Responses.Count ? response.Responses[i] : null);
    }

    private void Run(RequestOp op, ResponseOp? answer)
    {
        switch (op.RequestCase)
        {
            case RequestOp.RequestOneofCase.RequestPut: Put(op.RequestPut, answer?.ResponsePut); break;
            case RequestOp.RequestOneofCase.RequestDeleteRange: Delete(op.RequestDeleteRange, answer?.ResponseDeleteRange); break;
            case RequestOp.RequestOneofCase.RequestTxn: Txn(op.RequestTxn, answer?.ResponseTxn, null); break;
            // Of the past only the plain ranges are compared, where the past is at hand.
            case RequestOp.RequestOneofCase.RequestRange when op.RequestRange.Revision > 0: SkippedCount++; break;
            case RequestOp.RequestOneofCase.RequestRange when answer is not null:
                Agree(answer.ResponseRange is not null, () => "a range in it has no answer");
                if (answer.ResponseRange is not null)
                    Range(op.RequestRange, answer.ResponseRange);
                break;
        }
    }

    private void JudgeNested(TxnRequest txn)
    {
        foreach (var op in txn.Success.Concat(txn.Failure))
        {
            if (op.RequestTxn is not { } nested)
                continue;
            _nested[nested] = Holds(nested);
            JudgeNested(nested);
        }
    }

    private bool IsUncertain(TxnRequest txn) => txn.Compare.Any(compare =>
        Keys.IsUncertain(new KeyInterval(compare.Key, compare.RangeEnd)));

    private bool Holds(TxnRequest txn)
    {
        foreach (var compare in txn.Compare)
        {
            if (!Holds(compare))
                return false;
        }
        return true;
    }

    private bool Holds(Compare compare)
    {
        var keys = Keys.In(new KeyInterval(compare.Key, compare.RangeEnd));
        if (keys.Length == 0)
            return compare.Target != CompareTarget.Value && Holds(compare, new KeyValue());
        foreach (var kv in keys)
        {
            if (!Holds(compare, kv))
                return false;
        }
        return true;
    }

    private static bool Holds(Compare compare, KeyValue kv)
    {
        int order = compare.Target switch
        {
            CompareTarget.Version => kv.Version.CompareTo(compare.Version),
            CompareTarget.Create => kv.CreateRevision.CompareTo(compare.CreateRevision),
            CompareTarget.Mod => kv.ModRevision.CompareTo(compare.ModRevision),
            CompareTarget.Lease => kv.Lease.CompareTo(compare.Lease),
            _ => KeyInterval.Compare(kv.Value, compare.Value),
        };
        return compare.Result switch
        {
            CompareResult.Equal => order == 0,
            CompareResult.NotEqual => order != 0,
            CompareResult.Greater => order > 0,
            _ => order < 0,
        };
    }

    private string Comparisons(TxnRequest txn) => string.Join("; ", txn.Compare.Select(compare =>
        $"{Wording.Of(compare.Key)} {compare.Target} {compare.Result} {Operand(compare)} with {Wording.Of(Keys.Get(compare.Key))}"));

    private static string Operand(Compare compare) => compare.TargetUnionCase switch
    {
        Compare.TargetUnionOneofCase.Value => $"\"{Wording.Of(compare.Value)}\"",
        Compare.TargetUnionOneofCase.Version => $"{compare.Version}",
        Compare.TargetUnionOneofCase.CreateRevision => $"{compare.CreateRevision}",
        Compare.TargetUnionOneofCase.ModRevision => $"{compare.ModRevision}",
        _ => $"{compare.Lease:x}",
    };

    private static string Difference(IReadOnlyList<KeyValue> told, KeyValue[] were)
    {
        int same = told.Zip(were).TakeWhile(pair => pair.First.Equals(pair.Second)).Count();
        return $"{Wording.Of(told.ElementAtOrDefault(same))} in place {same + 1}, where {Wording.Of(were.ElementAtOrDefault(same))} was";
    }

    private void Agree(bool holds, Func<string> disagreement)
    {
        if (!holds)
            _disagreement ??= disagreement();
    }
}
