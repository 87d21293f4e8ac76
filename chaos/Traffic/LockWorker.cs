using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>Locks with fencing, by the recipe of etcd's own client: a key for each contender, the oldest holds the lock, and what the
/// lock guards is written only while the holder's key is there.</summary>
/// <remarks>
/// <code>
/// k/NAME/LEASE   created by the contender under his lease; its create revision is his token
/// k/NAME         what the lock guards: written by txn If(create of the holder's key = token)
/// </code>
/// </remarks>
internal sealed class LockWorker(TrafficContext context, int number, string name) : Worker(context, number)
{
    private const int SessionSeconds = 4;

    private long _lease;
    private long _token;

    protected override TimeSpan Pause => TimeSpan.FromMilliseconds(100);

    private string Key => $"k/{name}/{_lease:x16}";

    protected override async Task StepAsync()
    {
        _token = 0;
        var session = await CallAsync(Rpcs.LeaseGrant, new LeaseGrantRequest { TTL = SessionSeconds });
        if (!session.IsOk)
            return;
        _lease = session.Response.ID;
        if (!await EnterAsync())
            return;
        if (await AcquireAsync())
            await HoldAsync();
        await LeaveAsync();
    }

    private async Task<bool> EnterAsync()
    {
        var request = Requests.Txn(
            [Requests.CreateIs(Key, 0)],
            [Requests.Op(Requests.Put(Key, Client.NewValue(), _lease))],
            Requests.Op(Requests.Get(Key)));
        var answer = await CallAsync(Rpcs.Txn, request);
        if (!answer.IsOk)
            return false;
        _token = answer.Response.Succeeded
            ? answer.Response.Header.Revision
            : answer.Response.Responses[0].ResponseRange.Kvs[0].CreateRevision;
        return true;
    }

    // Until nobody older is there. A contender whose lease has ended finds his key gone.
    private async Task<bool> AcquireAsync()
    {
        for (int round = 0; round < 40; round++)
        {
            var oldest = Requests.GetPrefix($"k/{name}/");
            oldest.SortTarget = RangeRequest.Types.SortTarget.Create;
            oldest.SortOrder = RangeRequest.Types.SortOrder.Ascend;
            oldest.Limit = 1;
            var answer = await CallAsync(Rpcs.Range, oldest);
            if (answer.IsOk && answer.Response.Kvs.FirstOrDefault()?.CreateRevision == _token)
                return true;
            if (round % 5 == 4 && await KeepAliveAsync(_lease) is { IsOk: true, Response.TTL: <= 0 })
                return false;
            await WaitAsync(TimeSpan.FromMilliseconds(150));
        }
        return false;
    }

    private async Task HoldAsync()
    {
        // Some holders stall for longer than their lease lasts: they go on to write, and must be refused.
        bool stalls = Chance(.1);
        for (int write = Random.Next(1, 8); write > 0; write--)
        {
            var request = Requests.Txn(
                [Requests.CreateIs(Key, _token)],
                [Requests.Op(Requests.Put($"k/{name}", Client.NewValue()))],
                Requests.Op(Requests.Get($"k/{name}")));
            var answer = await CallAsync(Rpcs.Txn, request);
            if (answer.IsOk && !answer.Response.Succeeded)
                return;
            if (stalls && write == 2)
                await Task.Delay(TimeSpan.FromSeconds(SessionSeconds + 2), Stopping);
            else
                await WaitAsync(TimeSpan.FromMilliseconds(80));
        }
    }

    private async Task LeaveAsync()
    {
        if (Chance(.5))
            await CallAsync(Rpcs.DeleteRange, Requests.Delete(Key));
        else if (Chance(.7))
            await CallAsync(Rpcs.LeaseRevoke, new LeaseRevokeRequest { ID = _lease });
    }
}
