using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>Leases: keys attached to one vanish with it.</summary>
public sealed class LeaseClient
{
    private readonly CallRunner _calls;
    private readonly ClientOptions _options;
    private readonly LeaseRenewals _renewals;

    internal LeaseClient(CallRunner calls, StreamOpener streams, ClientOptions options)
    {
        _calls = calls;
        _options = options;
        _renewals = new LeaseRenewals(streams, options);
    }

    /// <summary>Makes a lease. A write.</summary>
    /// <param name="timeToLive">Rounded up to whole seconds, and by the server up to its minimum.</param>
    /// <param name="id">A chosen id; none lets the server pick.</param>
    /// <exception cref="EtcdException">Refused, such as <see cref="EtcdErrors.LeaseExists"/>, or never sent.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered. A lease that was made all the same runs out.</exception>
    public async Task<GrantedLease> GrantAsync(
        TimeSpan timeToLive, LeaseId id = default, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        var request = new LeaseGrantRequest { TTL = (long)Math.Ceiling(timeToLive.TotalSeconds), ID = id.Value };
        var claim = LeaseClaim.From(_options.TimeProvider);
        var response = await _calls.WriteAsync(Api.LeaseGrant, request, options, cancellationToken).ConfigureAwait(false);
        var granted = TimeSpan.FromSeconds(response.TTL);
        return new GrantedLease(new LeaseId(response.ID), granted) { Claim = claim with { TimeToLive = granted } };
    }

    /// <summary>Ends a lease and deletes its keys. A write.</summary>
    /// <exception cref="EtcdException">Refused, such as <see cref="EtcdErrors.LeaseNotFound"/>, or never sent.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered; repeating it is safe.</exception>
    public Task<LeaseRevokeResponse> RevokeAsync(
        LeaseId id, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.LeaseRevoke, new LeaseRevokeRequest { ID = id.Value }, options, cancellationToken);

    /// <summary>What is left of a lease, in seconds; -1 if it is not there. A read.</summary>
    /// <param name="withKeys">Lists the attached keys too.</param>
    /// <exception cref="EtcdException">Refused, or no endpoint answered in time.</exception>
    public Task<LeaseTimeToLiveResponse> TimeToLiveAsync(
        LeaseId id, bool withKeys = false, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(
            Api.LeaseTimeToLive, new LeaseTimeToLiveRequest { ID = id.Value, Keys = withKeys }, options, cancellationToken);

    /// <summary>All leases. A read.</summary>
    /// <exception cref="EtcdException">Refused, or no endpoint answered in time.</exception>
    public Task<LeaseLeasesResponse> ListAsync(RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.LeaseLeases, new LeaseLeasesRequest(), options, cancellationToken);

    /// <summary>Renews the lease at every third of its life, until it ends or the handle is disposed. All leases of a client
    /// share one stream; it moves to another endpoint when it breaks or is not answered.</summary>
    public LeaseKeepAlive KeepAlive(GrantedLease lease) => KeepAlive(lease.Id, lease.Claim);

    /// <summary>The same for a lease that was granted elsewhere: nothing is claimed of it before the first answer.</summary>
    public LeaseKeepAlive KeepAlive(LeaseId id) => KeepAlive(id, null);

    /// <summary>Renews a lease once. May be repeated safely, and is while there is time.</summary>
    /// <returns>The time to live that it has from now on.</returns>
    /// <exception cref="EtcdException"><see cref="EtcdErrors.LeaseNotFound"/>, another refusal, or no endpoint answered in time.
    /// </exception>
    public async Task<TimeSpan> RenewAsync(
        LeaseId id, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        await using var lease = KeepAlive(id);
        try
        {
            var limit = options?.Timeout ?? _options.CallTimeout;
            return await lease.Renewed.WaitAsync(limit, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException exception)
        {
            throw new EtcdException(
                Grpc.StatusCode.DeadlineExceeded, $"no endpoint has renewed the lease {id} in time", cause: exception);
        }
    }

    internal ValueTask DisposeAsync() => _renewals.DisposeAsync();

    private LeaseKeepAlive KeepAlive(LeaseId id, LeaseClaim? claim)
    {
        var lease = new LeaseKeepAlive(_renewals, id, claim, _options.TimeProvider);
        _renewals.Add(lease);
        return lease;
    }
}
