using KvStore.Mvcc.Errors;
using KvStore.Protocol;

namespace KvStore.Server.Peers.Calls;

/// <summary>What a member asks of the leader, at that one's peer URLs; the simulation has its own network.</summary>
public interface ILeaderCalls
{
    /// <exception cref="EtcdException">The leader's refusal.</exception>
    /// <exception cref="IOException">None of the URLs answered.</exception>
    Task<LeaseKeepAliveResponse> RenewAsync(IEnumerable<string> urls, long lease, CancellationToken cancellation);

    /// <exception cref="EtcdException">The leader's refusal.</exception>
    /// <exception cref="IOException">None of the URLs answered.</exception>
    Task<LeaseTimeToLiveResponse> TimeToLiveAsync(IEnumerable<string> urls, LeaseTimeToLiveRequest request, CancellationToken cancellation);

    /// <exception cref="EtcdException">The leader's refusal.</exception>
    /// <exception cref="IOException">None of the URLs answered.</exception>
    Task<MemberPromoteResponse> PromoteAsync(IEnumerable<string> urls, ulong member, CancellationToken cancellation);
}
