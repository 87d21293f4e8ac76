using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>Registers: reads, writes, compare-and-set and deletes of single keys that several clients share.</summary>
internal sealed class RegisterWorker(TrafficContext context, int number, SharedKey key) : Worker(context, number)
{
    // What it last saw under the key: compare-and-set succeeds now and then.
    private string _lastKey = "", _lastValue = "";
    private long _lastModRevision;

    protected override Task StepAsync()
    {
        // The client first: it may be a new one, which counts.
        string name = key.Use(Client.Id);
        if (name != _lastKey)
            (_lastKey, _lastValue, _lastModRevision) = (name, "", 0);
        return Random.Next(100) switch
        {
            < 40 => ReadAsync(name),
            < 70 => WriteAsync(name),
            < 82 => CompareValueAsync(name),
            < 94 => CompareRevisionAsync(name),
            _ => CallAsync(Rpcs.DeleteRange, new DeleteRangeRequest { Key = Requests.Utf8(name), PrevKv = Chance(.5) }),
        };
    }

    private async Task ReadAsync(string name)
    {
        var answer = await CallAsync(Rpcs.Range, Requests.Get(name));
        if (!answer.IsOk)
            return;
        var found = answer.Response.Kvs.FirstOrDefault();
        (_lastValue, _lastModRevision) = (found?.Value.ToStringUtf8() ?? "", found?.ModRevision ?? 0);
    }

    private async Task WriteAsync(string name)
    {
        string value = Client.NewValue();
        var request = Requests.Put(name, value);
        request.PrevKv = Chance(.3);
        var answer = await CallAsync(Rpcs.Put, request);
        if (answer.IsOk)
            (_lastValue, _lastModRevision) = (value, answer.Response.Header.Revision);
    }

    private Task CompareValueAsync(string name) =>
        CompareAsync(name, _lastValue.Length == 0 ? Requests.CreateIs(name, 0) : Requests.ValueIs(name, _lastValue));

    private Task CompareRevisionAsync(string name) => CompareAsync(name, Requests.ModIs(name, _lastModRevision));

    private async Task CompareAsync(string name, Compare compare)
    {
        string value = Client.NewValue();
        var request = Requests.Txn([compare], [Requests.Op(Requests.Put(name, value))], Requests.Op(Requests.Get(name)));
        var answer = await CallAsync(Rpcs.Txn, request);
        if (!answer.IsOk)
            return;
        if (answer.Response.Succeeded)
        {
            (_lastValue, _lastModRevision) = (value, answer.Response.Header.Revision);
            return;
        }
        var found = answer.Response.Responses[0].ResponseRange.Kvs.FirstOrDefault();
        (_lastValue, _lastModRevision) = (found?.Value.ToStringUtf8() ?? "", found?.ModRevision ?? 0);
    }
}
