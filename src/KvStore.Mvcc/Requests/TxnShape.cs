using KvStore.Protocol;

namespace KvStore.Mvcc.Requests;

/// <summary>Which way a transaction takes through the member.</summary>
public static class TxnShape
{
    /// <summary>Only ranges: it is read at the member, without the log. A nested transaction makes it a write, even if it only
    /// reads.</summary>
    public static bool IsReadOnly(TxnRequest request) =>
        request.Success.All(op => op.RequestRange is not null) && request.Failure.All(op => op.RequestRange is not null);

    /// <summary>A read-only transaction that needs no quorum: each of its ranges says so.</summary>
    public static bool IsSerializable(TxnRequest request) =>
        request.Success.All(op => op.RequestRange?.Serializable == true)
        && request.Failure.All(op => op.RequestRange?.Serializable == true);
}
