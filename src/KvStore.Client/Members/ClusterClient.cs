using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>The members of the cluster.</summary>
public sealed class ClusterClient
{
    private readonly CallRunner _calls;

    internal ClusterClient(CallRunner calls) => _calls = calls;

    /// <summary>A read.</summary>
    /// <param name="isLinearizable">False asks one member for what it knows: without a quorum too, and perhaps out of
    /// date.</param>
    /// <exception cref="EtcdException">Refused, or no endpoint answered in time.</exception>
    public Task<MemberListResponse> ListAsync(
        bool isLinearizable = true, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.MemberList, new MemberListRequest { Linearizable = isLinearizable }, options, cancellationToken);

    /// <summary>Makes a place for a member that is yet to be started. A write.</summary>
    /// <exception cref="EtcdException">Refused, or never sent: nothing has changed.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered: <see cref="ListAsync"/> tells.</exception>
    public Task<MemberAddResponse> AddAsync(
        IEnumerable<string> peerUrls, bool isLearner = false, RequestOptions? options = null,
        CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(
            Api.MemberAdd, new MemberAddRequest { PeerURLs = { peerUrls }, IsLearner = isLearner }, options, cancellationToken);

    /// <summary>As <see cref="AddAsync"/>, for a learner: it gets the log and has no vote until it is promoted.</summary>
    public Task<MemberAddResponse> AddLearnerAsync(
        IEnumerable<string> peerUrls, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        AddAsync(peerUrls, isLearner: true, options, cancellationToken);

    /// <summary>Gives a learner that has caught up a vote. A write, with the ends of <see cref="AddAsync"/>.</summary>
    public Task<MemberPromoteResponse> PromoteAsync(
        ulong memberId, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.MemberPromote, new MemberPromoteRequest { ID = memberId }, options, cancellationToken);

    /// <summary>A write, with the ends of <see cref="AddAsync"/>.</summary>
    public Task<MemberRemoveResponse> RemoveAsync(
        ulong memberId, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.MemberRemove, new MemberRemoveRequest { ID = memberId }, options, cancellationToken);

    /// <summary>Changes where a member's peers find it. A write, with the ends of <see cref="AddAsync"/>.</summary>
    public Task<MemberUpdateResponse> UpdateAsync(
        ulong memberId, IEnumerable<string> peerUrls, RequestOptions? options = null,
        CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(
            Api.MemberUpdate, new MemberUpdateRequest { ID = memberId, PeerURLs = { peerUrls } }, options, cancellationToken);
}
