using KvStore.Mvcc.Commands;
using KvStore.Protocol;
using KvStore.Server.Telemetry;

namespace KvStore.Server.Hosting;

/// <summary>Counts what is applied under etcd's names.</summary>
internal sealed class ApplyMetrics(ServerMetrics metrics)
{
    public void Count(Command command, ApplyResult result, TimeSpan took)
    {
        metrics.RecordApply(NameOf(command.Kind), result.Error is null, took);
        if (result.Error is not null)
            return;
        switch (command.Kind)
        {
            case CommandKind.Put: metrics.Puts.Increment(); break;
            case CommandKind.DeleteRange: metrics.Deletes.Increment(); break;
            case CommandKind.Txn: metrics.CountTxn((TxnResponse)result.Response!); break;
            case CommandKind.LeaseGrant: CountGrant((LeaseGrantResponse)result.Response!); break;
            case CommandKind.LeaseRevoke or CommandKind.LeaseExpire: CountRevocation(result); break;
        }
        foreach (var change in result.Events)
        {
            if (!change.IsDelete)
                metrics.PutBytes.Add(change.KeyValue.Length);
        }
    }

    /// <summary>As etcd names the request; its membership changes have no request of their own, and leases that run out it revokes.</summary>
    private static string NameOf(CommandKind kind) => kind switch
    {
        CommandKind.Put => "Put",
        CommandKind.DeleteRange => "DeleteRange",
        CommandKind.Txn => "Txn",
        CommandKind.Compaction => "Compaction",
        CommandKind.LeaseGrant => "LeaseGrant",
        CommandKind.LeaseRevoke or CommandKind.LeaseExpire => "LeaseRevoke",
        CommandKind.LeaseCheckpoint => "LeaseCheckpoint",
        CommandKind.Alarm => "Alarm",
        CommandKind.MemberAttributes => "ClusterMemberAttrSet",
        _ => "ConfChange",
    };

    private void CountRevocation(in ApplyResult result)
    {
        metrics.LeasesRevoked.Increment();
        metrics.Deletes.Add(result.Events.Length);
    }

    private void CountGrant(LeaseGrantResponse granted)
    {
        metrics.LeasesGranted.Increment();
        metrics.RecordLeaseTtl(granted.TTL);
    }
}
