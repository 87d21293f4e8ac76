using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Checkers.Registers;

/// <summary>The requests on one register.</summary>
internal sealed class RegisterHistory(ByteString key)
{
    private readonly Dictionary<ByteString, int> _numbers = [];
    private readonly Dictionary<long, ByteString> _valueAt = [];
    private readonly List<RegisterOperation> _operations = [];
    private readonly List<Operation> _all = [];

    public ByteString Key => key;

    public IReadOnlyList<RegisterOperation> Operations => _operations;

    /// <summary>A request that is not one on a register; its effects on this one are not judged here.</summary>
    public Operation? Unfit { get; private set; }

    public void Add(Operation operation)
    {
        _all.Add(operation);
        foreach (var kv in operation.Shown().Where(kv => kv.Key.Equals(key)))
            _valueAt[kv.ModRevision] = kv.Value;
        // A compare of revisions is one of values: each value has one revision.
        if (operation.HasWritten() && operation.Request.Puts().FirstOrDefault() is { } put)
            _valueAt[operation.Revision()] = put.Value;
    }

    public void Complete()
    {
        foreach (var operation in _all)
        {
            // A read without an answer says nothing.
            if (operation.Outcome == Outcome.Failed || (operation.Outcome == Outcome.Unknown && !operation.Request.MayWrite()))
                continue;
            if (Of(operation) is { } register)
                _operations.Add(register);
            else if (operation.Request.MayWrite())
                Unfit ??= operation;
        }
        LeaveOutWhatNobodySaw();
    }

    /// <summary>A write of unknown outcome whose value nobody saw may as well never have been done, unless something was seen
    /// not to be there.</summary>
    private void LeaveOutWhatNobodySaw()
    {
        if (_operations.Exists(operation => operation.IsNegative))
            return;
        // What was compared counts as seen: a compare of unknown outcome may have held.
        var seen = _operations.SelectMany(operation => new[] { operation.Found, operation.Condition }).ToHashSet();
        _operations.RemoveAll(operation => operation.IsUnknown && operation.Written is { } written
            && written != RegisterOperation.Absent && !seen.Contains(written));
    }

    private RegisterOperation? Of(Operation operation)
    {
        bool isOk = operation.Outcome == Outcome.Ok;
        return operation.Request.RpcCase switch
        {
            Rpc.Range when IsPlain(operation.Request.Range) => new RegisterOperation(operation) { Found =
                Number(operation.Response.Range.Kvs.FirstOrDefault()) },
            Rpc.Put when operation.Request.Put is { Lease: 0, IgnoreValue: false, IgnoreLease: false } put =>
                new RegisterOperation(operation)
            {
                Found = isOk && put.PrevKv ? Number(operation.Response.Put.PrevKv) : null,
                Written = Number(put.Value),
            },
            Rpc.DeleteRange when operation.Request.DeleteRange is { RangeEnd.IsEmpty: true } delete =>
                new RegisterOperation(operation)
            {
                Found = isOk && delete.PrevKv ? Number(operation.Response.DeleteRange.PrevKvs.FirstOrDefault()) : null,
                HasFoundSome = isOk ? operation.Response.DeleteRange.Deleted > 0 : null,
                Written = RegisterOperation.Absent,
            },
            Rpc.Txn => CompareAndSet(operation, operation.Request.Txn, isOk ? operation.Response.Txn : null),
            _ => null,
        };
    }

    private RegisterOperation? CompareAndSet(Operation operation, TxnRequest txn, TxnResponse? answer)
    {
        if (txn.Compare.Count != 1 || ConditionOf(txn.Compare[0]) is not { } condition || txn.Success.Count != 1
            || txn.Success[0].RequestPut is not { Lease: 0 } put
            || !put.Key.Equals(key) || txn.Failure.Count > 1 || txn.Failure.Any(op => op.RequestRange is not { } get
                || !get.Key.Equals(key) || !IsPlain(get)))
            return null;
        return new RegisterOperation(operation)
        {
            Condition = condition,
            HasHeld = answer?.Succeeded,
            Written = Number(put.Value),
            Found = answer is { Succeeded: false, Responses.Count: 1 }
                ? Number(answer.Responses[0].ResponseRange.Kvs.FirstOrDefault()) : null,
        };
    }

    private int? ConditionOf(Compare compare)
    {
        if (compare.Result != CompareResult.Equal || !compare.RangeEnd.IsEmpty || !compare.Key.Equals(key))
            return null;
        return compare.Target switch
        {
            CompareTarget.Value => Number(compare.Value),
            CompareTarget.Version when compare.Version == 0 => RegisterOperation.Absent,
            CompareTarget.Create when compare.CreateRevision == 0 => RegisterOperation.Absent,
            CompareTarget.Mod when compare.ModRevision == 0 => RegisterOperation.Absent,
            CompareTarget.Mod when _valueAt.TryGetValue(compare.ModRevision, out var value) => Number(value),
            _ => null,
        };
    }

    private static bool IsPlain(RangeRequest range) => range is
    {
        RangeEnd.IsEmpty: true, Revision: 0, Serializable: false, CountOnly: false, KeysOnly: false,
        MinModRevision: 0, MaxModRevision: 0, MinCreateRevision: 0, MaxCreateRevision: 0,
    };

    private int Number(KeyValue? kv) => kv is null ? RegisterOperation.Absent : Number(kv.Value);

    private int Number(ByteString value)
    {
        if (!_numbers.TryGetValue(value, out int number))
            _numbers.Add(value, number = _numbers.Count + 1);
        return number;
    }
}
