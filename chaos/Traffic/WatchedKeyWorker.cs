using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>Changes the watched keys: one at a time, several in one revision, ranges of them away.</summary>
internal sealed class WatchedKeyWorker(TrafficContext context, int number, string prefix, int keyCount) : Worker(context, number)
{
    protected override TimeSpan Pause => TimeSpan.FromMilliseconds(90);

    protected override Task StepAsync() => Random.Next(100) switch
    {
        < 55 => CallAsync(Rpcs.Put, Requests.Put(Key(), Client.NewValue())),
        < 70 => CallAsync(Rpcs.DeleteRange, Requests.Delete(Key())),
        < 74 => CallAsync(Rpcs.DeleteRange, DeleteSome()),
        _ => CallAsync(Rpcs.Txn, ChangeSeveral()),
    };

    private string Key() => $"{prefix}{Random.Next(keyCount):x2}";

    private DeleteRangeRequest DeleteSome()
    {
        int first = Random.Next(keyCount);
        return new DeleteRangeRequest
        {
            Key = Requests.Utf8($"{prefix}{first:x2}"),
            RangeEnd = Requests.Utf8($"{prefix}{Math.Min(keyCount, first + Random.Next(1, 8)):x2}"),
        };
    }

    private TxnRequest ChangeSeveral()
    {
        string[] keys = [.. Enumerable.Range(0, Random.Next(2, 7)).Select(_ => Key()).Distinct()];
        return Requests.Txn([], keys.Select((key, i) => i % 3 == 2
            ? Requests.Op(Requests.Delete(key))
            : Requests.Op(Requests.Put(key, Client.NewValue()))));
    }
}
