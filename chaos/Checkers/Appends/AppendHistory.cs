using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Protocol;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Checkers.Appends;

/// <summary>Finds the requests on append lists, and takes them for transactions.</summary>
internal sealed class AppendHistory
{
    public const string Prefix = "l/";

    private static readonly KeyInterval Lists = KeyInterval.Prefix(Prefix);

    private readonly List<AppendTransaction> _transactions = [];

    public AppendHistory(RunHistory history)
    {
        foreach (var operation in history.Operations)
        {
            var transaction = operation.Request.RpcCase switch
            {
                Rpc.Range when operation.Outcome == Outcome.Ok && IsPlain(operation.Request.Range) => Read(operation),
                Rpc.Txn => Transaction(operation),
                Rpc.Put when Lists.Contains(operation.Request.Put.Key) => Write(operation),
                _ => null,
            };
            if (transaction is not null && (transaction.Reads.Count > 0 || transaction.Appends.Count > 0))
                _transactions.Add(transaction);
        }
    }

    public IReadOnlyList<AppendTransaction> Transactions => _transactions;

    public static string[] Parse(ByteString value) => value.IsEmpty ? [] : value.ToStringUtf8().Split(',');

    private AppendTransaction Read(Operation operation)
    {
        var transaction = new AppendTransaction(_transactions.Count, operation) { IsSerializable =
            operation.Request.Range.Serializable, IsCommitted = true };
        Read(transaction, operation.Request.Range, operation.Response.Range);
        return transaction;
    }

    private AppendTransaction Write(Operation operation)
    {
        var transaction = new AppendTransaction(_transactions.Count, operation)
        {
            MayHaveWritten = operation.Outcome != Outcome.Failed, IsCommitted = operation.Outcome == Outcome.Ok,
        };
        transaction.Appends.Add((operation.Request.Put.Key, Parse(operation.Request.Put.Value)));
        return transaction;
    }

    private AppendTransaction Transaction(Operation operation)
    {
        var (request, response) = (operation.Request.Txn, operation.Outcome == Outcome.Ok ? operation.Response.Txn : null);
        var transaction = new AppendTransaction(_transactions.Count, operation)
        {
            MayHaveWritten = operation.Outcome != Outcome.Failed && response?.Succeeded != false,
                IsCommitted = response is not null,
        };
        foreach (var put in OperationFacts.Puts(request.Success).Where(put => Lists.Contains(put.Key)))
        {
            string[] elements = Parse(put.Value);
            transaction.Appends.Add((put.Key, elements));
            // Its compare held: it saw the list without its own element.
            if (transaction.MayHaveWritten && request.Compare.FirstOrDefault(compare => compare.Key.Equals(put.Key))
                is { Target: Compare.Types.CompareTarget.Mod } guard)
                transaction.Reads.Add((put.Key, elements[..^1], guard.ModRevision));
        }
        if (response is null)
            return transaction;
        foreach (var (op, answer) in (response.Succeeded ? request.Success : request.Failure).Zip(response.Responses))
        {
            if (op.RequestRange is { } range && answer.ResponseRange is { } read && IsPlain(range))
                Read(transaction, range, read);
        }
        return transaction;
    }

    private static void Read(AppendTransaction transaction, RangeRequest request, RangeResponse response)
    {
        foreach (var kv in response.Kvs.Where(kv => Lists.Contains(kv.Key)))
            transaction.Reads.Add((kv.Key, Parse(kv.Value), kv.ModRevision));
        if (request.RangeEnd.IsEmpty && response.Kvs.Count == 0 && Lists.Contains(request.Key))
            transaction.Reads.Add((request.Key, [], 0));
    }

    private static bool IsPlain(RangeRequest range) => range is { Revision: 0, CountOnly: false, KeysOnly: false };
}
