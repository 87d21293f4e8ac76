using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>Append lists: transactions that read some lists and add an element to others, all or nothing.</summary>
/// <remarks>
/// A list's value is its elements, joined by commas. A transaction reads all its lists, then writes those that it appends to if
/// none of them has changed since:
/// <code>
/// read 3 5            txn Then(get l/3, get l/5)                        mod revisions 7 and 9
/// append x to 3       txn If(mod l/3 = 7, mod l/5 = 9) Then(put l/3 "a,b,x", get l/5) Else(get l/3, get l/5)
/// </code>
/// </remarks>
internal sealed class ListWorker(TrafficContext context, int number, ListKeys keys) : Worker(context, number)
{
    protected override TimeSpan Pause => TimeSpan.FromMilliseconds(90);

    protected override async Task StepAsync()
    {
        string[] lists = keys.Pick(Random, Random.Next(1, 4));
        if (lists.Length == 1 && Chance(.3))
        {
            await CallAsync(Rpcs.Range, Requests.Get(lists[0]));
            return;
        }
        var read = await CallAsync(Rpcs.Txn, Requests.Txn([], lists.Select(list => Requests.Op(Requests.Get(list)))));
        if (!read.IsOk || Chance(.3))
            return;
        await AppendAsync(lists, [.. read.Response.Responses.Select(response => response.ResponseRange.Kvs.FirstOrDefault())]);
    }

    private async Task AppendAsync(string[] lists, KeyValue?[] seen)
    {
        var compares = lists.Select((list, i) => Requests.ModIs(list, seen[i]?.ModRevision ?? 0));
        int writes = Random.Next(1, lists.Length + 1);
        var then = lists.Select((list, i) => i < writes
            ? Requests.Op(Requests.Put(list, Longer(list, seen[i])))
            : Requests.Op(Requests.Get(list)));
        await CallAsync(Rpcs.Txn, Requests.Txn(compares, then, lists.Select(list => Requests.Op(Requests.Get(list)))));
    }

    private string Longer(string list, KeyValue? seen)
    {
        string before = seen?.Value.ToStringUtf8() ?? "";
        keys.Appended(list);
        string element = Client.NewValue();
        return before.Length == 0 ? element : $"{before},{element}";
    }
}
