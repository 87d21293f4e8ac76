using KvStore.Grpc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Server.Configuration;
using KvStore.Server.Telemetry;

namespace KvStore.Server.Services;

/// <summary>etcd's Maintenance service: how the member is, and what it is told to clear up.</summary>
internal sealed class MaintenanceService(Members.Member member, CallRules rules, ServerMetrics metrics, TimeProvider time)
{
    public GrpcServiceBinder Bind() => new GrpcServiceBinder(EtcdCalls.Service("Maintenance"))
        .Etcd<AlarmRequest, AlarmResponse>(rules, "Alarm", AlarmAsync, keepRequestBytes: true)
        .Etcd<StatusRequest, StatusResponse>(rules, "Status", Status)
        .Etcd<DefragmentRequest, DefragmentResponse>(rules, "Defragment", DefragmentAsync)
        .Etcd<HashRequest, HashResponse>(rules, "Hash", Hash)
        .Etcd<HashKVRequest, HashKVResponse>(rules, "HashKV", HashKvAsync)
        .Etcd<MoveLeaderRequest, MoveLeaderResponse>(rules, "MoveLeader", MoveLeaderAsync);

    private async ValueTask<AlarmResponse> AlarmAsync(AlarmRequest request, ServerCallContext context)
    {
        var response = (AlarmResponse)await member.ProposeAsync(CommandKind.Alarm, context.RequestBytes, request);
        response.Header = member.Complete(response.Header);
        return response;
    }

    private ValueTask<StatusResponse> Status(StatusRequest request, ServerCallContext context)
    {
        var leadership = member.Leadership;
        long bytes = member.DatabaseBytes;
        var response = new StatusResponse
        {
            Header = member.Header(),
            Version = ServerVersion.Etcd,
            DbSize = bytes,
            DbSizeInUse = bytes,
            Leader = leadership.Leader.Value,
            RaftIndex = leadership.CommitIndex,
            RaftTerm = leadership.Term,
            RaftAppliedIndex = member.State.AppliedIndex,
            StorageVersion = ServerVersion.Storage,
            DbSizeQuota = member.Options.QuotaBytes ?? 0,
            DowngradeInfo = new DowngradeInfo(),
            IsLearner = member.IsLearner,
        };
        if (!member.HasLeader)
            response.Errors.Add(EtcdError.NoLeader.Text);
        foreach (var alarm in member.State.Alarms.Raised)
            response.Errors.Add(TextOf(alarm));
        return ValueTask.FromResult(response);
    }

    /// <summary>There is nothing to stop for: what can be given back is, beside reads and writes.</summary>
    private async ValueTask<DefragmentResponse> DefragmentAsync(DefragmentRequest request, ServerCallContext context)
    {
        long start = time.GetTimestamp();
        metrics.BeginDefrag();
        try
        {
            await member.CheckpointAsync();
        }
        finally
        {
            metrics.EndDefrag(time.GetElapsedTime(start));
        }
        return new DefragmentResponse();
    }

    private async ValueTask<HashResponse> Hash(HashRequest request, ServerCallContext context)
    {
        await Task.Yield();
        long start = time.GetTimestamp();
        var hash = member.Read(0L, static (state, revision) => state.Hash.Compute(revision));
        metrics.RecordHash(time.GetElapsedTime(start));
        return new HashResponse { Header = member.HeaderAt(hash.CurrentRevision), Hash = hash.Hash };
    }

    private async ValueTask<HashKVResponse> HashKvAsync(HashKVRequest request, ServerCallContext context)
    {
        await Task.Yield();
        long start = time.GetTimestamp();
        var hash = member.Read(request.Revision, static (state, revision) => state.Hash.Compute(revision));
        metrics.RecordHashAtRevision(time.GetElapsedTime(start));
        return new HashKVResponse
        {
            Header = member.HeaderAt(hash.CurrentRevision),
            Hash = hash.Hash,
            CompactRevision = hash.CompactRevision,
            HashRevision = hash.HashRevision,
        };
    }

    /// <summary>Its answer has no header, as etcd's.</summary>
    private async ValueTask<MoveLeaderResponse> MoveLeaderAsync(MoveLeaderRequest request, ServerCallContext context)
    {
        if (!member.IsLeader)
            throw new EtcdException(EtcdError.NotLeader);
        if (member.State.Members.Find(request.TargetID) is not { IsLearner: false })
            throw new EtcdException(EtcdError.BadLeaderTransferee);
        await member.TransferLeadershipAsync(new NodeId(request.TargetID), context.CancellationToken);
        return new MoveLeaderResponse();
    }

    /// <summary>As Go prints the message, which clients show as it is.</summary>
    private static string TextOf(AlarmMember alarm)
    {
        string member = alarm.MemberID == 0 ? "" : $"memberID:{alarm.MemberID} ";
        return $"{member}alarm:{(alarm.Alarm == AlarmType.Nospace ? "NOSPACE" : "CORRUPT")} ";
    }
}
