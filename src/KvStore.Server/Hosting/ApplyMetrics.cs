using KvStore.Mvcc.Commands;
using KvStore.Protocol;
using KvStore.Server.Telemetry;

namespace KvStore.Server.Hosting;

/// <summary>Counts what is applied under etcd's names.</summary>
internal sealed class ApplyMetrics(ServerMetrics metrics)
{
    public void Count(Command command, ApplyResult result)
    {
        if (result.Error is not null)
        {
            metrics.ProposalsFailed.Increment();
            return;
        }
        switch (command.Kind)
        {
            case CommandKind.Put: CountPut(result); break;
            case CommandKind.DeleteRange: metrics.Deletes.Increment(); break;
            case CommandKind.Txn: metrics.Txns.Increment(); break;
            case CommandKind.LeaseGrant: CountGrant((LeaseGrantResponse)result.Response!); break;
            case CommandKind.LeaseRevoke: metrics.LeasesRevoked.Increment(); break;
        }
        if (result.Events.Length > 0)
            metrics.Events.Add(result.Events.Length);
    }

    private void CountPut(in ApplyResult result)
    {
        metrics.Puts.Increment();
        foreach (var change in result.Events)
            metrics.PutBytes.Add(change.KeyValue.Length);
    }

    private void CountGrant(LeaseGrantResponse granted)
    {
        metrics.LeasesGranted.Increment();
        metrics.RecordLeaseTtl(granted.TTL);
    }
}
