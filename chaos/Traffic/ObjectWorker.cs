using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>Writes objects as Kubernetes' API server does: creates where there is none, updates and deletes the version that it has
/// read.</summary>
internal sealed class ObjectWorker(TrafficContext context, int number, string prefix, int objectCount) : Worker(context, number)
{
    protected override TimeSpan Pause => TimeSpan.FromMilliseconds(120);

    protected override async Task StepAsync()
    {
        string name = $"{prefix}pod-{Random.Next(objectCount)}";
        var answer = await CallAsync(Rpcs.Range, Requests.Get(name));
        if (!answer.IsOk)
            return;
        long seen = answer.Response.Kvs.FirstOrDefault()?.ModRevision ?? 0;
        // Two tries as an API server makes them: the second with what the refusal has shown.
        for (int attempt = 0; attempt < 2; attempt++)
        {
            var change = await CallAsync(Rpcs.Txn, Change(name, seen));
            if (!change.IsOk || change.Response.Succeeded)
                return;
            seen = change.Response.Responses[0].ResponseRange.Kvs.FirstOrDefault()?.ModRevision ?? 0;
        }
    }

    private TxnRequest Change(string name, long seen)
    {
        var then = seen != 0 && Chance(.25)
            ? Requests.Op(Requests.Delete(name))
            : Requests.Op(Requests.Put(name, Client.NewValue()));
        return Requests.Txn([Requests.ModIs(name, seen)], [then], Requests.Op(Requests.Get(name)));
    }
}
