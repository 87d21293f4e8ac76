namespace KvStore.Client;

/// <summary>Renews one lease until it ends or this is disposed; made by <see
/// cref="LeaseClient.KeepAlive(GrantedLease)"/>.</summary>
public sealed class LeaseKeepAlive : IAsyncDisposable
{
    private readonly LeaseRenewals _renewals;
    private readonly TimeProvider _time;
    private readonly TaskCompletionSource<LeaseEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<TimeSpan> _renewed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _lost = new();
    private readonly Lock _gate = new();
    private LeaseClaim? _claim;

    internal LeaseKeepAlive(LeaseRenewals renewals, LeaseId id, LeaseClaim? claim, TimeProvider time)
    {
        Id = id;
        Lost = _lost.Token;
        _renewals = renewals;
        _time = time;
        _claim = claim;
        Schedule = new RenewalSchedule(claim, time);
        Timer = time.CreateTimer(
            static self => ((LeaseKeepAlive)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public LeaseId Id { get; }

    /// <summary>Completes once, with the end.</summary>
    public Task<LeaseEnd> Ended => _ended.Task;

    /// <summary>Cancelled when the lease is lost: with every <see cref="Ended"/> but <see cref="LeaseEnd.Stopped"/>.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Why the server refused, after <see cref="LeaseEnd.Refused"/>.</summary>
    public EtcdException? Refusal { get; private set; }

    /// <summary>As the server gave it last; zero before its first answer to a lease that was not granted here.</summary>
    public TimeSpan TimeToLive => Claim?.TimeToLive ?? TimeSpan.Zero;

    /// <summary>How long the lease certainly lives on unless it is revoked, counted from when the last renewal that was answered
    /// left this process. Never more than the server has granted.</summary>
    public TimeSpan Left
    {
        get
        {
            var left = Claim?.Left(_time) ?? TimeSpan.Zero;
            return left > TimeSpan.Zero && !_ended.Task.IsCompleted ? left : TimeSpan.Zero;
        }
    }

    public bool IsAlive => Left > TimeSpan.Zero;

    /// <summary>When to renew and whom to wait for; belongs to <see cref="LeaseRenewals"/>, under its lock.</summary>
    internal RenewalSchedule Schedule { get; }

    internal ITimer Timer { get; }

    internal int RenewalCount { get; private set; }

    /// <summary>The time to live in the first answer; fails if there is none to come.</summary>
    internal Task<TimeSpan> Renewed => _renewed.Task;

    internal LeaseClaim? Claim
    {
        get
        {
            lock (_gate)
                return _claim;
        }
    }

    /// <summary>Stops renewing. The lease itself stays: revoke it to end it.</summary>
    public ValueTask DisposeAsync()
    {
        _renewals.Remove(this);
        return EndAsync(LeaseEnd.Stopped);
    }

    internal void Confirm(LeaseClaim claim)
    {
        lock (_gate)
        {
            _claim = claim;
            RenewalCount++;
        }

        _renewed.TrySetResult(claim.TimeToLive);
    }

    /// <summary>The first end counts.</summary>
    internal async ValueTask EndAsync(LeaseEnd end, EtcdException? refusal = null)
    {
        if (end == LeaseEnd.Refused)
            Refusal = refusal;
        if (!_ended.TrySetResult(end))
            return;
        await Timer.DisposeAsync().ConfigureAwait(false);
        _renewed.TrySetException(refusal ?? new EtcdException(Grpc.StatusCode.NotFound, EtcdErrors.LeaseNotFound));
        _ = _renewed.Task.Exception; // Who does not wait for a renewal learns of the end by Ended.
        // Not awaited: what the owner does at once is his, and must not hold up other leases.
        if (end != LeaseEnd.Stopped)
            _ = _lost.CancelAsync();
    }

    private void OnTimer() => _renewals.OnTimer(this);
}
