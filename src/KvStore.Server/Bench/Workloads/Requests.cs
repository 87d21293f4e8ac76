using KvStore.Protocol;
using KvStore.Server.Bench.Load;

namespace KvStore.Server.Bench.Workloads;

/// <summary>The requests of etcd's API that the workloads are made of.</summary>
internal static class Requests
{
    private const string RangePath = "/etcdserverpb.KV/Range", PutPath = "/etcdserverpb.KV/Put", TxnPath = "/etcdserverpb.KV/Txn";

    public static RequestSource Puts(LoadSettings settings, bool isTimed = false) =>
        new KeyedRequests(
            new RequestTemplate(PutPath, Put(settings), settings.Keys, settings.ValueBytes) { IsTimed = isTimed },
            settings.Keys);

    /// <param name="keyCount">How many keys each answer holds.</param>
    public static RequestSource Ranges(LoadSettings settings, bool isSerializable, int keyCount = 1)
    {
        var request = Range(settings);
        request.Serializable = isSerializable;
        if (keyCount > 1)
            request.RangeEnd = RequestTemplate.FarKey(settings.Keys);
        // Not so near to the end of the space that the answer would be shorter.
        var starts = settings.Keys with { Count = settings.Keys.Count - keyCount + 1 };
        if (starts.Count < 1)
            throw new LoadException($"Ranges of {keyCount} keys need a --key-space of as many.");
        var template = new RequestTemplate(RangePath, request, settings.Keys, farKeyDistance: keyCount)
        {
            LeastResponseBytes = keyCount * settings.ValueBytes,
        };
        return new KeyedRequests(template, starts);
    }

    /// <summary>
    /// Transactions as a client with optimistic locking writes them: a compare that holds, a put, a range for the other case.
    /// </summary>
    public static RequestSource TxnPuts(LoadSettings settings) => new KeyedRequests(TxnPut(settings), settings.Keys);

    public static RequestSource MixedTxns(LoadSettings settings, double readShare)
    {
        var request = new TxnRequest();
        request.Compare.Add(AlwaysTrue(settings));
        request.Success.Add(new RequestOp { RequestRange = Range(settings) });
        var read = new RequestTemplate(TxnPath, request, settings.Keys) { LeastResponseBytes = settings.ValueBytes };
        return new MixedRequests(read, TxnPut(settings), readShare, settings.Keys);
    }

    private static RequestTemplate TxnPut(LoadSettings settings)
    {
        var request = new TxnRequest();
        request.Compare.Add(AlwaysTrue(settings));
        request.Success.Add(new RequestOp { RequestPut = Put(settings) });
        request.Failure.Add(new RequestOp { RequestRange = Range(settings) });
        return new RequestTemplate(TxnPath, request, settings.Keys, settings.ValueBytes);
    }

    private static PutRequest Put(LoadSettings settings) => new()
    {
        Key = RequestTemplate.Key(settings.Keys),
        Value = RequestTemplate.Value(settings.ValueBytes),
    };

    private static RangeRequest Range(LoadSettings settings) => new() { Key = RequestTemplate.Key(settings.Keys) };

    private static Compare AlwaysTrue(LoadSettings settings) => new()
    {
        Key = RequestTemplate.Key(settings.Keys),
        Target = Compare.Types.CompareTarget.Version,
        Result = Compare.Types.CompareResult.Greater,
        Version = -1,
    };
}
