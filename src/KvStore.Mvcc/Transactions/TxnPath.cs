using KvStore.Protocol;

namespace KvStore.Mvcc.Transactions;

/// <summary>Which branch a transaction takes, and which its nested ones on that branch take: decided before any change.</summary>
internal readonly struct TxnPath
{
    private TxnPath(bool isSuccess, TxnPath[] nested)
    {
        IsSuccess = isSuccess;
        Nested = nested;
    }

    public bool IsSuccess { get; }

    /// <summary>Of the nested transactions on the taken branch, in their order.</summary>
    public TxnPath[] Nested { get; }

    public static TxnPath Decide(TxnRequest txn, CompareEvaluator compares, long revision)
    {
        bool isSuccess = compares.AllHold(txn.Compare, revision);
        List<TxnPath>? nested = null;
        foreach (var op in isSuccess ? txn.Success : txn.Failure)
        {
            if (op.RequestTxn is { } inner)
                (nested ??= []).Add(Decide(inner, compares, revision));
        }
        return new TxnPath(isSuccess, nested?.ToArray() ?? []);
    }

    public IReadOnlyList<RequestOp> TakenOps(TxnRequest txn) => IsSuccess ? txn.Success : txn.Failure;

    /// <summary>Adds each operation that will run and is no transaction itself, in order.</summary>
    public void CollectTaken(TxnRequest txn, List<RequestOp> ops)
    {
        int nested = 0;
        foreach (var op in TakenOps(txn))
        {
            if (op.RequestTxn is { } inner)
                Nested[nested++].CollectTaken(inner, ops);
            else
                ops.Add(op);
        }
    }
}
