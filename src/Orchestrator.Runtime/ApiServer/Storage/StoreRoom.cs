using KvStore.Client;
using KvStore.Protocol;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Runtime.ApiServer.Storage;

/// <summary>Lets an embedded store whose disk was full take writes again once there is room.</summary>
/// <remarks>The store keeps its alarm until somebody ends it, as etcd does: the members of a cluster may have an operator who looks first.
/// Here nobody but this process knows of the store, and who made room has done what there is to do.</remarks>
public sealed class StoreRoom(EtcdClient store, string directory, ILogger log)
{
    /// <summary>Enough for what the store sets aside anew, twice, and for writes beside: what is just freed must not be full again at once.</summary>
    private const long EnoughBytes = 64L << 20;

    private const int BytesInMebibyte = 1 << 20;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    private bool _isTold;

    public async Task KeepAsync(CancellationToken stopping)
    {
        while (true)
        {
            await Task.Delay(LookInterval, stopping);
            await LookAsync(stopping);
        }
    }

    /// <summary>Looks once, as has to be done before anything is written: a process that ended when the store was full has left the alarm.</summary>
    public async Task LookAsync(CancellationToken stopping)
    {
        try
        {
            await EndAlarmAsync(stopping);
        }
        catch (Exception fault) when (fault is EtcdException or UnknownOutcomeException or IOException or UnauthorizedAccessException)
        {
            log.LogWarning("whether the store has room cannot be told: {Reason}", fault.Message);
        }
    }

    private async Task EndAlarmAsync(CancellationToken stopping)
    {
        var full = (await store.Maintenance.AlarmsAsync(cancellationToken: stopping)).Alarms.Where(alarm => alarm.Alarm == AlarmType.Nospace).ToList();
        if (full.Count == 0)
            return;
        string? problem = DiskProblem() ?? QuotaProblem(await store.Maintenance.StatusAsync(cancellationToken: stopping));
        if (!_isTold)
        {
            _isTold = true;
            log.LogError("the store is full: {Problem}. Reads go on, and so do pods; writes are refused until there is room", problem ?? "its disk was");
        }
        if (problem is not null)
            return;
        foreach (var alarm in full)
            await store.Maintenance.AlarmAsync(new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Deactivate, Alarm = AlarmType.Nospace, MemberID = alarm.MemberID }, cancellationToken: stopping);
        _isTold = false;
        log.LogWarning("the store has room again: writes are taken");
    }

    private string? DiskProblem()
    {
        long free = new DriveInfo(directory).AvailableFreeSpace;
        return free < EnoughBytes ? $"{free / BytesInMebibyte} MiB are free below {directory}, and {EnoughBytes / BytesInMebibyte} are needed" : null;
    }

    private static string? QuotaProblem(StatusResponse status) => status.DbSizeQuota > 0 && status.DbSize > status.DbSizeQuota - EnoughBytes
        ? $"it holds {status.DbSize / BytesInMebibyte} MiB, and {status.DbSizeQuota / BytesInMebibyte} are allowed; delete objects"
        : null;
}
