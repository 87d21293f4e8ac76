using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Requests;
using KvStore.Protocol;
using KvStore.Server.Logging;
using KvStore.Server.Members.Scheduling;
using KvStore.Storage.Disks;

namespace KvStore.Server.Members;

/// <summary>Watches over the quota and the disk: raises NOSPACE before it is too late, and keeps room for what frees space.</summary>
internal sealed class SpaceGuard(Member member, SpaceReserve reserve, ILoopScheduler scheduler)
{
    /// <summary>How soon a value that found no room is tried again.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(50);

    private int _isRaising;
    private volatile bool _isDiskFull;
    private volatile bool _isStopping;
    private volatile bool _isLossTold;

    /// <summary>Refuses what would exceed the quota or what is left of a full disk, and raises the alarm then, as etcd does.</summary>
    /// <exception cref="EtcdException"><see cref="EtcdError.NoSpace"/>.</exception>
    public void CheckQuota(CommandKind kind, IMessage request)
    {
        long cost = CostOf(kind, request);
        if (cost == 0)
            return;
        // What is held back is for what frees space: not even until the alarm is agreed on may it be written full.
        if (IsReserveJustLost())
            throw new EtcdException(EtcdError.NoSpace);
        if (member.Options.QuotaBytes is not { } quota)
            return;
        if (member.DatabaseBytes + cost <= quota)
            return;
        RaiseNoSpace("the database exceeds its quota");
        throw new EtcdException(EtcdError.NoSpace);
    }

    /// <summary>The disk is full: space is given up and the alarm raised. Any loop.</summary>
    public void OnDiskFull(DiskFullException full)
    {
        _isDiskFull = true;
        if (reserve.Release())
            Log.Error("the disk is full: living on reserved space, free some and disarm the alarm", ("error", full.Message));
        RaiseNoSpace("the disk is full");
    }

    /// <summary>Called by the apply loop when a value cannot be stored: nothing may be skipped, so it waits for room.</summary>
    /// <returns>True: try again.</returns>
    /// <exception cref="OperationCanceledException">The member stops: the entry is applied after its next start.</exception>
    public bool WaitForSpace(DiskFullException full)
    {
        OnDiskFull(full);
        scheduler.Pause(RetryInterval);
        if (_isStopping)
            throw new OperationCanceledException("the member stops while it waits for room on the disk");
        return true;
    }

    /// <summary>Ends the waiting, so that the loops can be stopped.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>Called every second on the checkpoint loop: sets space aside again once there is some.</summary>
    /// <param name="haveValuesRoom">Whether the values have what they set aside, tried just now: whoever makes room and disarms the
    /// alarm must not get it back for what was true a moment ago.</param>
    public void Upkeep(bool haveValuesRoom)
    {
        if (!haveValuesRoom)
            RaiseNoSpace("the disk is full");
        else
            _isLossTold = false;
        if (_isDiskFull && reserve.TryHold())
            _isDiskFull = false;
    }

    /// <summary>Sets the space aside at the start.</summary>
    public void Start()
    {
        if (!reserve.TryHold())
            OnDiskFull(new DiskFullException("no room for the space that is reserved"));
    }

    /// <summary>Whether the values' reserve is in use and the alarm that says so still under way. Once it was raised, whoever disarms
    /// it may write again.</summary>
    private bool IsReserveJustLost()
    {
        if (!member.State.Store.Values.IsReserveInUse)
            return false;
        if (!_isLossTold)
        {
            _isLossTold = true;
            RaiseNoSpace("the disk is full");
        }
        return Volatile.Read(ref _isRaising) == 1;
    }

    private static long CostOf(CommandKind kind, IMessage request) => kind switch
    {
        CommandKind.Put => RequestCost.Of((PutRequest)request),
        CommandKind.Txn => RequestCost.Of((TxnRequest)request),
        CommandKind.LeaseGrant => RequestCost.Of((LeaseGrantRequest)request),
        _ => 0,
    };

    private void RaiseNoSpace(string reason)
    {
        if (member.State.Alarms.IsNoSpace || Interlocked.Exchange(ref _isRaising, 1) == 1)
            return;
        Log.Warn("raising the NOSPACE alarm", ("reason", reason), ("database-bytes", member.DatabaseBytes));
        var request = new AlarmRequest
        {
            Action = AlarmRequest.Types.AlarmAction.Activate,
            MemberID = member.Options.MemberId.Value,
            Alarm = AlarmType.Nospace,
        };
        member.Propose(CommandKind.Alarm, request.ToByteArray(), request, () => Volatile.Write(ref _isRaising, 0));
    }
}
