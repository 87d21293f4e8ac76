using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>Builds a transaction as one says it; gives a <see cref="TxnRequest"/>.</summary>
/// <example><code>
/// await client.Kv.TxnAsync(new Txn()
///     .When(If.ModRevision("lock").Is(0))
///     .Then(Do.Put("lock", "mine", lease), Do.Delete("queue/7"))
///     .Else(Do.Get("lock")));
/// </code></example>
public sealed class Txn
{
    private readonly TxnRequest _request = new();

    /// <summary>All must hold for <see cref="Then"/>; none given hold.</summary>
    public Txn When(params ReadOnlySpan<Compare> conditions)
    {
        foreach (var condition in conditions)
            _request.Compare.Add(condition);
        return this;
    }

    public Txn Then(params ReadOnlySpan<RequestOp> operations)
    {
        foreach (var operation in operations)
            _request.Success.Add(operation);
        return this;
    }

    public Txn Else(params ReadOnlySpan<RequestOp> operations)
    {
        foreach (var operation in operations)
            _request.Failure.Add(operation);
        return this;
    }

    /// <summary>The request so far; later steps do not change it.</summary>
    public TxnRequest Build() => _request.Clone();

    public static implicit operator TxnRequest(Txn txn) => txn.Build();
}
