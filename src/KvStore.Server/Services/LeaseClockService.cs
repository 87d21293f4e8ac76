using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Leases;
using KvStore.Protocol;
using KvStore.Server.Peers.Calls;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>Leases' time, which the leader alone keeps: other members ask it.</summary>
internal sealed class LeaseClockService(Member member, ILeaderCalls leaders, TimeProvider time)
{
    /// <summary>How soon it is tried again when nobody leads, or the leader did not answer; etcd's.</summary>
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(50);

    /// <summary>Renews a lease, wherever its time is kept.</summary>
    /// <returns>The TTL from now on; 0 for a lease that is not there (any more).</returns>
    /// <exception cref="EtcdException">It could not be done in time.</exception>
    public async ValueTask<long> RenewAsync(long id, CancellationToken cancellation)
    {
        if (member.IsLeader)
        {
            try
            {
                // Most often the leader is asked. It needs no patience of its own: what it waits for ends in time.
                return await RenewHereAsync(id);
            }
            catch (EtcdException refusal) when (IsOfNoLeader(refusal))
            {
                // Not any more.
            }
        }
        return await OnLeaderAsync(
            () => RenewHereAsync(id).AsTask(),
            async (leader, patience) => (await leaders.RenewAsync(leader.PeerURLs, id, patience)).TTL,
            cancellation);
    }

    /// <summary>What is left of a lease, and its keys.</summary>
    /// <exception cref="EtcdException">It could not be learned in time.</exception>
    public Task<LeaseTimeToLiveResponse> TimeToLiveAsync(LeaseTimeToLiveRequest request, CancellationToken cancellation) => OnLeaderAsync(
        () => TimeToLiveHereAsync(request),
        (leader, patience) => leaders.TimeToLiveAsync(leader.PeerURLs, request, patience),
        cancellation);

    /// <exception cref="EtcdException"><see cref="EtcdError.NotPrimaryLessor"/>: another member leads.</exception>
    public ValueTask<long> RenewHereAsync(long id) => member.Lessor.RenewAsync(new LeaseId(id));

    /// <exception cref="EtcdException"><see cref="EtcdError.NotPrimaryLessor"/>: another member leads.</exception>
    public async Task<LeaseTimeToLiveResponse> TimeToLiveHereAsync(LeaseTimeToLiveRequest request)
    {
        // A follower may have applied, and acknowledged, a grant that the leader has yet to apply; and one that does not know of
        // its successor would tell of a time that is over.
        await member.ReadIndexAsync();
        if (!member.IsLeader)
            throw new EtcdException(EtcdError.NotPrimaryLessor);
        var id = new LeaseId(request.ID);
        var state = member.State;
        var response = new LeaseTimeToLiveResponse { ID = request.ID, TTL = -1 };
        if (!state.Leases.TryGet(id, out var lease) || member.Lessor.Remaining(id) is not { } remaining)
            return response;
        response.TTL = (long)Math.Max(0, Math.Floor(remaining.TotalSeconds));
        response.GrantedTTL = lease.TtlSeconds;
        if (request.Keys)
            response.Keys.Add(state.Leases.KeysOf(id).Select(ByteString.CopyFrom));
        return response;
    }

    private async Task<T> OnLeaderAsync<T>(
        Func<Task<T>> here, Func<Protocol.Member, CancellationToken, Task<T>> there, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(member.Options.RequestTimeout, time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        try
        {
            while (true)
            {
                if (await TryAsync(() => OnceAsync(here, there, patience.Token)) is (true, var answer))
                    return answer!;
                await Task.Delay(Retry, time, patience.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new EtcdException(member.HasLeader ? EtcdError.Timeout : EtcdError.NoLeader);
        }
    }

    private Task<T> OnceAsync<T>(
        Func<Task<T>> here, Func<Protocol.Member, CancellationToken, Task<T>> there, CancellationToken patience)
    {
        if (member.IsLeader)
            return here();
        return member.State.Members.Find(member.Leadership.Leader.Value) is { } leader
            ? there(leader, patience)
            : throw new EtcdException(EtcdError.NoLeader);
    }

    private static bool IsOfNoLeader(EtcdException refusal) =>
        refusal.Error == EtcdError.NotPrimaryLessor || refusal.Error == EtcdError.NoLeader;

    /// <returns>False when it is worth another try: the leader is unknown, unreachable, or has just changed.</returns>
    private static async Task<(bool, T?)> TryAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return (true, await ask());
        }
        catch (EtcdException refusal) when (IsOfNoLeader(refusal))
        {
            return (false, default);
        }
        catch (IOException)
        {
            return (false, default);
        }
    }
}
