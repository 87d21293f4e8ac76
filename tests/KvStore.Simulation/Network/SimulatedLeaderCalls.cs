using KvStore.Protocol;
using KvStore.Server.Peers.Calls;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Network;

/// <summary>Single requests of one member to another, and their answers, over the simulated network.</summary>
internal sealed class SimulatedLeaderCalls(SimulatedCluster cluster, SimulatedMember caller) : ILeaderCalls
{
    public Task<LeaseKeepAliveResponse> RenewAsync(IEnumerable<string> urls, long lease, CancellationToken cancellation) => CallAsync(
        urls, async leader => new LeaseKeepAliveResponse { ID = lease, TTL = await leader.LeaseClock!.RenewHereAsync(lease) }, cancellation);

    public Task<LeaseTimeToLiveResponse> TimeToLiveAsync(IEnumerable<string> urls, LeaseTimeToLiveRequest request, CancellationToken cancellation) =>
        CallAsync(urls, leader => leader.LeaseClock!.TimeToLiveHereAsync(request), cancellation);

    public Task<MemberPromoteResponse> PromoteAsync(IEnumerable<string> urls, ulong member, CancellationToken cancellation) => CallAsync(
        urls, async leader => new MemberPromoteResponse { Members = { await leader.Membership!.PromoteHereAsync(member) } }, cancellation);

    private async Task<T> CallAsync<T>(IEnumerable<string> urls, Func<SimulatedMember, Task<T>> call, CancellationToken cancellation)
    {
        var leader = cluster.Members.FirstOrDefault(member => urls.Contains(member.Description.PeerURLs[0]))
            ?? throw new IOException("nobody listens there");
        await PassAsync(caller, leader, cancellation);
        var process = leader.Process!;
        Task<T>? answer = null;
        process.Run(() => answer = CallAsync(leader, call));
        if (answer is null)
            throw new IOException("the connection was reset");
        await process.AnswerAsync(answer).WaitAsync(cancellation);
        await PassAsync(leader, caller, cancellation);
        return answer.IsCompleted ? await answer : throw new IOException("the connection was reset");
    }

    /// <summary>A refusal is an answer too.</summary>
    private static async Task<T> CallAsync<T>(SimulatedMember leader, Func<SimulatedMember, Task<T>> call) => await call(leader);

    private async Task PassAsync(SimulatedMember from, SimulatedMember to, CancellationToken cancellation)
    {
        await cluster.Time.Delay(cluster.Network.Delay());
        cancellation.ThrowIfCancellationRequested();
        if (!to.IsServing || cluster.Network.IsCut(from.Id, to.Id))
            throw new IOException("the connection was reset");
    }
}
