using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>Registers: reads, writes, compare-and-set and deletes of single keys that several clients share.</summary>
internal sealed class RegisterWorker(TrafficContext context, int number, SharedKey key) : Worker(context, number)
{
    // What it last saw under the key: compare-and-set succeeds now and then.
    private string _lastKey = "", _lastValue = "";

    protected override Task StepAsync()
    {
        // The client first: it may be a new one, which counts.
        string name = key.Use(Client.Id);
        if (name != _lastKey)
            (_lastKey, _lastValue) = (name, "");
        return Random.Next(100) switch
        {
            < 40 => ReadAsync(name),
            < 70 => WriteAsync(name),
            < 94 => CompareAsync(name),
            _ => CallAsync(Rpcs.DeleteRange, new DeleteRangeRequest { Key = Requests.Utf8(name), PrevKv = Chance(.5) }),
        };
    }

    private async Task ReadAsync(string name)
    {
        var answer = await CallAsync(Rpcs.Range, Requests.Get(name));
        if (!answer.IsOk)
            return;
        _lastValue = answer.Response.Kvs.FirstOrDefault()?.Value.ToStringUtf8() ?? "";
    }

    private async Task WriteAsync(string name)
    {
        string value = Client.NewValue();
        var request = Requests.Put(name, value);
        request.PrevKv = Chance(.3);
        var answer = await CallAsync(Rpcs.Put, request);
        if (answer.IsOk)
            _lastValue = value;
    }

    private async Task CompareAsync(string name)
    {
        var compare = _lastValue.Length == 0 ? Requests.CreateIs(name, 0) : Requests.ValueIs(name, _lastValue);
        string value = Client.NewValue();
        var request = Requests.Txn([compare], [Requests.Op(Requests.Put(name, value))], Requests.Op(Requests.Get(name)));
        var answer = await CallAsync(Rpcs.Txn, request);
        if (!answer.IsOk)
            return;
        _lastValue = answer.Response.Succeeded
            ? value
            : answer.Response.Responses[0].ResponseRange.Kvs.FirstOrDefault()?.Value.ToStringUtf8() ?? "";
    }
}
