using Google.Protobuf;
using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Chaos.Traffic;

/// <summary>Reads of ranges in all the ways that there are, and the writes, deletes and nested transactions that they
/// see.</summary>
internal sealed class RangeWorker(TrafficContext context, int number) : Worker(context, number)
{
    private const int KeyCount = 128;

    // Sometimes a little ahead of what there is, mostly behind; rarely so far that it is compacted.
    private long PastRevision =>
        Math.Max(1, Context.LatestRevision - (long)(Random.NextDouble() * Random.NextDouble() * 3000) + (Chance(.03) ? 50 : 0));

    protected override Task StepAsync() => Random.Next(100) switch
    {
        < 25 => CallAsync(Rpcs.Put, PutOne()),
        < 29 => CallAsync(Rpcs.DeleteRange, DeleteSome()),
        < 36 => CallAsync(Rpcs.Txn, TxnOverSome()),
        _ => CallAsync(Rpcs.Range, ReadSome()),
    };

    private string Key() => $"g/{Random.Next(KeyCount):x2}";

    private PutRequest PutOne()
    {
        var put = Requests.Put(Key(), Client.NewValue());
        put.PrevKv = Chance(.2);
        return put;
    }

    private DeleteRangeRequest DeleteSome()
    {
        int first = Random.Next(KeyCount);
        return new DeleteRangeRequest
        {
            Key = Requests.Utf8($"g/{first:x2}"),
            RangeEnd = Chance(.5) ? ByteString.Empty : Requests.Utf8($"g/{Math.Min(first + Random.Next(1, 6), KeyCount):x2}"),
            PrevKv = Chance(.5),
        };
    }

    private TxnRequest TxnOverSome()
    {
        string[] keys = [.. Enumerable.Range(0, 4).Select(_ => Key()).Distinct()];
        var inner = Requests.Txn(
            [Requests.CreateIs(keys[0], 0)], [Requests.Op(Requests.Get(keys[^1]))], Requests.Op(Requests.GetPrefix("g/1")));
        var compare = new Compare
        {
            Key = Requests.Utf8(keys[0]),
            Target = CompareTarget.Version,
            Result = OneOf(CompareResult.Less, CompareResult.Greater, CompareResult.NotEqual),
            Version = Random.Next(4),
        };
        var puts = keys.Select(key => Requests.Op(Requests.Put(key, Client.NewValue())));
        return Requests.Txn([compare], [.. puts, Requests.Op(inner)], Requests.Op(Requests.GetPrefix("g/2")), Requests.Op(inner));
    }

    private RangeRequest ReadSome()
    {
        var range = Chance(.3) ? Requests.Get(Key()) : SomeRange();
        range.Serializable = Chance(.35);
        range.Revision = Chance(.25) ? PastRevision : 0;
        range.Limit = Chance(.3) ? Random.Next(1, 20) : 0;
        range.CountOnly = Chance(.1);
        range.KeysOnly = !range.CountOnly && Chance(.1);
        if (Chance(.3))
        {
            range.SortTarget = OneOf(Enum.GetValues<RangeRequest.Types.SortTarget>());
            range.SortOrder = OneOf(Enum.GetValues<RangeRequest.Types.SortOrder>());
        }
        if (Chance(.1))
            range.MinModRevision = PastRevision;
        if (Chance(.1))
            range.MaxModRevision = PastRevision;
        if (Chance(.05))
            range.MinCreateRevision = PastRevision;
        if (Chance(.05))
            range.MaxCreateRevision = PastRevision;
        return range;
    }

    private static RangeRequest Between(string first, ByteString end, int limit = 0) =>
        new() { Key = Requests.Utf8(first), RangeEnd = end, Limit = limit };

    private RangeRequest SomeRange()
    {
        int first = Random.Next(KeyCount);
        return Random.Next(4) switch
        {
            0 => Requests.GetPrefix("g/"),
            1 => Requests.GetPrefix($"g/{Random.Next(KeyCount / 16):x}"),
            // From a key on, to the end of all.
            2 when Chance(.1) => Between($"g/{first:x2}", ByteString.CopyFrom(0), limit: 30),
            _ => Between($"g/{first:x2}", Requests.Utf8($"g/{Random.Next(first, KeyCount):x2}~")),
        };
    }
}
