using System.Collections.Concurrent;
using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Chaos.Traffic;
using KvStore.Protocol;
using Role = KvStore.Chaos.History.Role;

namespace KvStore.Chaos.Rig;

/// <summary>Does what a person does who looks after the cluster: takes members out and in, moves the leadership, compacts.</summary>
/// <remarks>Everything is recorded as any client's requests are. A step is tried at one member after another until it is done.</remarks>
internal sealed class Operator(ClusterRig rig, Observer observer) : IDisposable
{
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    private readonly ConcurrentBag<RecordedClient> _idle = [];

    public int Compactions { get; private set; }

    private Recorder Recorder => rig.Recorder;

    /// <summary>Takes the member's old self out of the cluster, empties its disk, and brings it in again: as a learner first, then as
    /// a voter.</summary>
    /// <remarks>The process must be down.</remarks>
    /// <exception cref="RecoveryException">It was not possible within the limit.</exception>
    public async Task ReplaceAsync(RigMember member, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(limit);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        try
        {
            Recorder.Note("the operator takes it out and brings it in anew", member.Name);
            await RemoveAsync(member, either.Token);
            // One that refused to start on an empty disk has not made it.
            if (Directory.Exists(member.DataDirectory))
                Directory.Delete(member.DataDirectory, recursive: true);
            ulong id = await AddLearnerAsync(member, either.Token);
            await member.StartAsync("existing", rig.InitialCluster);
            member.IsDamaged = false;
            await PromoteAsync(member, id, either.Token);
            Recorder.Note("it is a voter again", member.Name);
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested)
        {
            throw new RecoveryException($"{member.Name} could not be replaced within {limit.TotalSeconds} s");
        }
    }

    /// <summary>Adds the member as a learner, whatever was done about it before.</summary>
    /// <returns>Its new id.</returns>
    public async Task<ulong> AddLearnerAsync(RigMember member, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await FindAsync(member, cancellationToken) is { } known)
                return known.ID;
            var request = new MemberAddRequest { PeerURLs = { member.PeerUrl }, IsLearner = true };
            await AnywhereAsync(Rpcs.MemberAdd, request, member, cancellationToken);
        }
    }

    /// <summary>Gives a learner a vote as soon as it has caught up.</summary>
    public async Task PromoteAsync(RigMember member, ulong id, CancellationToken cancellationToken)
    {
        while (await FindAsync(member, cancellationToken) is { IsLearner: true })
        {
            var answer = await AnywhereAsync(Rpcs.MemberPromote, new MemberPromoteRequest { ID = id }, member, cancellationToken);
            if (!answer.IsOk)
                await Task.Delay(Pause, cancellationToken);
        }
    }

    /// <summary>Removes the member if it is there.</summary>
    public async Task RemoveAsync(RigMember member, CancellationToken cancellationToken)
    {
        while (await FindAsync(member, cancellationToken) is { } known)
        {
            var answer = await AnywhereAsync(Rpcs.MemberRemove, new MemberRemoveRequest { ID = known.ID }, member, cancellationToken);
            if (!answer.IsOk)
                await Task.Delay(Pause, cancellationToken);
        }
    }

    /// <returns>Whether the leader agreed.</returns>
    public async Task<bool> MoveLeaderAsync(RigMember from, RigMember to, CancellationToken cancellationToken)
    {
        var request = new MoveLeaderRequest { TargetID = observer.ViewOf(to).MemberId };
        return (await OnceAsync(Rpcs.MoveLeader, from, request, StepLimit, cancellationToken)).IsOk;
    }

    /// <returns>Whether it was done.</returns>
    public async Task<bool> CompactAsync(RigMember member, long revision, bool isPhysical, CancellationToken cancellationToken)
    {
        var request = new CompactionRequest { Revision = revision, Physical = isPhysical };
        bool isDone = (await OnceAsync(Rpcs.Compact, member, request, StepLimit, cancellationToken)).IsOk;
        if (isDone)
            Compactions++;
        return isDone;
    }

    /// <returns>Whether it was done.</returns>
    public async Task<bool> DefragmentAsync(RigMember member, CancellationToken cancellationToken) =>
        (await OnceAsync(Rpcs.Defragment, member, new DefragmentRequest(), TimeSpan.FromSeconds(15), cancellationToken)).IsOk;

    /// <summary>Ends all alarms, once space is back.</summary>
    public async Task DisarmAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var all = new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Get };
            var alarms = await AnywhereAsync(Rpcs.Alarm, all, null, cancellationToken);
            if (!alarms.IsOk)
                continue;
            if (alarms.Response.Alarms.Count == 0)
                return;
            foreach (var alarm in alarms.Response.Alarms)
            {
                var end = new AlarmRequest
                {
                    Action = AlarmRequest.Types.AlarmAction.Deactivate, Alarm = alarm.Alarm, MemberID = alarm.MemberID,
                };
                await AnywhereAsync(Rpcs.Alarm, end, null, cancellationToken);
            }
            await Task.Delay(Pause, cancellationToken);
        }
    }

    public void Dispose()
    {
        foreach (var client in _idle)
            client.Dispose();
    }

    private async Task<Member?> FindAsync(RigMember member, CancellationToken cancellationToken)
    {
        while (true)
        {
            var answer = await AnywhereAsync(Rpcs.MemberList, new MemberListRequest { Linearizable = true }, member, cancellationToken);
            if (answer.IsOk)
                return answer.Response.Members.FirstOrDefault(known => known.PeerURLs.Contains(member.PeerUrl));
        }
    }

    // At some member that answers, the leader most of all, and not at the one in question.
    private async Task<Answer<TResponse>> AnywhereAsync<TRequest, TResponse>(
        Rpc<TRequest, TResponse> rpc, TRequest request, RigMember? about, CancellationToken cancellationToken)
        where TRequest : IMessage
        where TResponse : class, IMessage
    {
        cancellationToken.ThrowIfCancellationRequested();
        var candidates = rig.Members.Where(member => member != about && observer.ViewOf(member).IsAnswering)
            .OrderByDescending(member => observer.ViewOf(member).Role == Role.Leader).ToArray();
        if (candidates.Length == 0)
        {
            await Task.Delay(Pause, cancellationToken);
            return default;
        }
        var answer = await OnceAsync(rpc, candidates[0], request, StepLimit, cancellationToken);
        if (answer.Outcome == Outcome.Unknown)
            await Task.Delay(Pause, cancellationToken);
        return answer;
    }

    private async Task<Answer<TResponse>> OnceAsync<TRequest, TResponse>(
        Rpc<TRequest, TResponse> rpc, RigMember member, TRequest request, TimeSpan limit, CancellationToken cancellationToken)
        where TRequest : IMessage
        where TResponse : class, IMessage
    {
        cancellationToken.ThrowIfCancellationRequested();
        // A client has one request at a time: as many clients as requests under way.
        if (!_idle.TryTake(out var client))
            client = new RecordedClient(Recorder, rig.Addresses);
        var answer = await client.CallAsync(rpc, member.Name, request, limit, CancellationToken.None);
        if (client.IsRetired)
            client.Dispose();
        else
            _idle.Add(client);
        return answer;
    }
}
