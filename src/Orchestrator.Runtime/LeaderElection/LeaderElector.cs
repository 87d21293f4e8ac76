using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.LeaderElection;

/// <summary>Lets one of several processes lead, by a Lease in the API.</summary>
/// <remarks>
/// Nobody trusts another's clock: a lease is over when it was not seen to change for its duration on one's own. A leader that
/// cannot renew stops before that (<see cref="LeaderElectorOptions.RenewDeadline"/> is shorter), so that there are never two,
/// as long as clocks run about equally fast. Writes go by resourceVersion: of two who take over at once one fails.
/// </remarks>
public sealed class LeaderElector
{
    private const double JitterFactor = 1.2;

    private readonly ApiClient _client;
    private readonly LeaderElectorOptions _options;
    private readonly TimeProvider _time;

    // The lease as it was last seen, and when it was first seen like that.
    private Lease? _seen;
    private long _seenAt;

    // When the last request was sent by which the lease is ours. Others count from when the server acted, which was after that; the
    // answer may have taken its time.
    private long _renewedAt;
    private string _reported = "";

    public LeaderElector(ApiClient client, LeaderElectorOptions options)
    {
        _client = client;
        _options = options;
        _time = client.Time;
    }

    public bool IsLeader { get; private set; }

    /// <summary>Who leads as far as we know; "" if nobody.</summary>
    public string Leader => _seen?.Spec.HolderIdentity ?? "";

    /// <summary>Called when another leader is seen, oneself included.</summary>
    public Action<string>? OnNewLeader { get; set; }

    /// <summary>Waits for the lead and then runs <paramref name="lead"/>, whose token ends with the lead. Returns when the lead
    /// is lost or <paramref name="cancellation"/> says so; whoever wants to lead again calls again.</summary>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken cancellation)
    {
        await AcquireAsync(cancellation);
        IsLeader = true;
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var work = StartAsync(lead, leading.Token);
        try
        {
            await RenewAsync(work, cancellation);
        }
        finally
        {
            IsLeader = false;
            leading.Cancel();
            try
            {
                await EndAsync(work);
            }
            finally
            {
                if (_options.ReleasesOnCancel)
                    await ReleaseAsync();
            }
        }
    }

    // What fails before its first wait fails as a task too: the lease is given up all the same.
    private static async Task StartAsync(Func<CancellationToken, Task> lead, CancellationToken leading) => await lead(leading);

    private static async Task EndAsync(Task work)
    {
        try
        {
            await work;
        }
        catch (OperationCanceledException)
        {
            // As it was told.
        }
    }

    private async Task AcquireAsync(CancellationToken cancellation)
    {
        while (!await TryAcquireOrRenewAsync(cancellation) || Left() == TimeSpan.Zero)
            await Task.Delay(_options.RetryPeriod * (1 + JitterFactor * _options.Jitter()), _time, cancellation);
        _options.Log.LogInformation("{Identity} leads {Lease}", _options.Identity, _options.Name);
    }

    // Until the lead is lost, the work ends by itself, or the end is asked for.
    private async Task RenewAsync(Task work, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested && !work.IsCompleted)
        {
            try
            {
                await Task.Delay(Left() < _options.RetryPeriod ? Left() : _options.RetryPeriod, _time, cancellation);
                using var limit = new CancellationTokenSource(Left(), _time);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
                await TryAcquireOrRenewAsync(both.Token);
            }
            catch (OperationCanceledException)
            {
                // Looked at below.
            }
            if (Left() > TimeSpan.Zero)
                continue;
            _options.Log.LogWarning("{Identity} lost {Lease}", _options.Identity, _options.Name);
            return;
        }
    }

    /// <summary>How long the lead may still be believed in.</summary>
    private TimeSpan Left()
    {
        var left = _options.RenewDeadline - _time.GetElapsedTime(_renewedAt);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private async Task<bool> TryAcquireOrRenewAsync(CancellationToken cancellation)
    {
        long begin = _time.GetTimestamp();
        try
        {
            var lease = await _client.FindAsync<Lease>(_options.Namespace, _options.Name, cancellation);
            if (lease is null)
            {
                See(await _client.CreateAsync(NewLease(), cancellation: cancellation));
                _renewedAt = begin;
                return true;
            }
            if (_seen is null || lease.ResourceVersion != _seen.ResourceVersion)
                See(lease);
            bool isOurs = lease.Spec.HolderIdentity == _options.Identity;
            if (!isOurs && IsHeld(lease))
                return false;
            See(await _client.UpdateAsync(Taken(lease, isOurs), cancellation: cancellation));
            _renewedAt = begin;
            return true;
        }
        catch (Exception fault) when (fault is ApiException or TransportException)
        {
            _options.Log.LogDebug("lease {Lease}: {Fault}", _options.Name, fault.Message);
            return false;
        }
    }

    private bool IsHeld(Lease lease)
    {
        if (string.IsNullOrEmpty(lease.Spec.HolderIdentity))
            return false;
        var duration = TimeSpan.FromSeconds(lease.Spec.LeaseDurationSeconds ?? (int)_options.LeaseDuration.TotalSeconds);
        return _time.GetElapsedTime(_seenAt) < duration;
    }

    private Lease NewLease()
    {
        var now = _time.GetUtcNow();
        var lease = new Lease();
        lease.Metadata.Namespace = _options.Namespace;
        lease.Metadata.Name = _options.Name;
        lease.Spec.HolderIdentity = _options.Identity;
        lease.Spec.LeaseDurationSeconds = (int)_options.LeaseDuration.TotalSeconds;
        lease.Spec.AcquireTime = now;
        lease.Spec.RenewTime = now;
        lease.Spec.LeaseTransitions = 0;
        return lease;
    }

    private Lease Taken(Lease lease, bool isOurs)
    {
        var now = _time.GetUtcNow();
        var taken = lease.DeepClone();
        taken.Spec.HolderIdentity = _options.Identity;
        taken.Spec.LeaseDurationSeconds = (int)_options.LeaseDuration.TotalSeconds;
        taken.Spec.RenewTime = now;
        if (isOurs)
            return taken;
        taken.Spec.AcquireTime = now;
        taken.Spec.LeaseTransitions = (lease.Spec.LeaseTransitions ?? 0) + 1;
        return taken;
    }

    // A lease without a holder may be taken at once; the times stay, for those who look.
    private async Task ReleaseAsync()
    {
        using var limit = new CancellationTokenSource(_options.RenewDeadline, _time);
        try
        {
            while (_seen is { } lease && lease.Spec.HolderIdentity == _options.Identity)
                await ReleaseAsync(lease, limit.Token);
        }
        catch (Exception fault) when (fault is ApiException or TransportException or OperationCanceledException)
        {
            _options.Log.LogDebug("lease {Lease} was not released: {Fault}", _options.Name, fault.Message);
        }
    }

    private async Task ReleaseAsync(Lease lease, CancellationToken cancellation)
    {
        var released = lease.DeepClone();
        released.Spec.HolderIdentity = "";
        released.Spec.LeaseDurationSeconds = 1;
        released.Spec.RenewTime = _time.GetUtcNow();
        try
        {
            See(await _client.UpdateAsync(released, cancellation: cancellation));
        }
        catch (ApiException refusal) when (refusal.IsConflict)
        {
            // A renewal for whose answer we did not wait was done all the same.
            See(await _client.GetAsync<Lease>(_options.Namespace, _options.Name, cancellation));
        }
    }

    private void See(Lease lease)
    {
        _seen = lease;
        _seenAt = _time.GetTimestamp();
        if (Leader == _reported)
            return;
        _reported = Leader;
        if (_reported.Length > 0)
            OnNewLeader?.Invoke(_reported);
    }
}
