using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Load;

/// <summary>Does one thing if a key exists, another if not. Each arm writes a value of its own.</summary>
internal sealed record TxnOperation(string ConditionKey, IReadOnlyList<Operation> IfThere, IReadOnlyList<Operation> IfNot, string Mark)
    : Operation
{
    private TxnResponse? _answer;

    public override string UniqueValue => Mark;

    public override async Task<long> SendAsync(EtcdClient client)
    {
        var request = new TxnRequest();
        request.Compare.Add(new Compare
        {
            Key = Bytes(ConditionKey),
            Target = Compare.Types.CompareTarget.Version,
            Result = Compare.Types.CompareResult.Greater,
            Version = 0,
        });
        request.Success.Add(IfThere.Select(RequestOf));
        request.Failure.Add(IfNot.Select(RequestOf));
        _answer = await client.TxnAsync(request);
        return _answer.Header.Revision;
    }

    public override IReadOnlyList<KeyVersion> Effect(StoreState before) =>
        [.. (before.Find(ConditionKey) is null ? IfNot : IfThere).SelectMany(operation => operation.Effect(before))];

    public override bool IsAnswerRight(StoreState before) => _answer!.Succeeded == before.Find(ConditionKey) is not null;

    private static RequestOp RequestOf(Operation operation) => operation switch
    {
        PutOperation put => new RequestOp { RequestPut = put.Request },
        DeleteOperation delete => new RequestOp { RequestDeleteRange = delete.Request },
        _ => throw new ArgumentException($"{operation} cannot stand in a transaction"),
    };
}
