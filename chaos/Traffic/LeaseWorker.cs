using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>Leases with keys: granted, renewed for a while, then revoked, or left to expire, or forgotten by a client that does not
/// know.</summary>
internal sealed class LeaseWorker(TrafficContext context, int number) : Worker(context, number)
{
    private const int KeysAtMost = 4;

    private long _lease;
    private int _stepsLeft;
    private bool _isLeftToExpire;
    private int _keyCount;

    protected override TimeSpan Pause => TimeSpan.FromMilliseconds(180);

    protected override Task StepAsync()
    {
        if (_lease == 0)
            return GrantAsync();
        if (--_stepsLeft < 0)
            return EndAsync();
        return Random.Next(100) switch
        {
            < 35 when _keyCount < KeysAtMost => AttachAsync(),
            < 50 => CallAsync(Rpcs.LeaseTimeToLive, new LeaseTimeToLiveRequest { ID = _lease, Keys = Chance(.5) }),
            < 53 => CallAsync(Rpcs.LeaseLeases, new LeaseLeasesRequest()),
            < 68 => CallAsync(Rpcs.Range, Requests.GetPrefix(Prefix)),
            _ when _isLeftToExpire => CallAsync(Rpcs.Range, Requests.GetPrefix(Prefix)),
            _ => RenewAsync(),
        };
    }

    // The keys of a lease stay when its client's id changes; the lease is gone on with by the next.
    private string Prefix => $"s/{_lease:x16}/";

    private async Task GrantAsync()
    {
        var answer = await CallAsync(Rpcs.LeaseGrant, new LeaseGrantRequest { TTL = Random.Next(2, 8) });
        if (!answer.IsOk)
            return;
        _lease = answer.Response.ID;
        _keyCount = 0;
        _isLeftToExpire = Chance(.3);
        _stepsLeft = Random.Next(10, 70);
    }

    private async Task AttachAsync()
    {
        var answer = await CallAsync(Rpcs.Put, Requests.Put($"{Prefix}{_keyCount++}", Client.NewValue(), _lease));
        if (answer.Error.Contains("lease not found", StringComparison.Ordinal))
            _lease = 0;
    }

    private async Task RenewAsync()
    {
        var answer = await KeepAliveAsync(_lease);
        // Time 0 says that there is no such lease any more.
        if (answer.IsOk && answer.Response.TTL <= 0)
            _lease = 0;
    }

    private async Task EndAsync()
    {
        if (!_isLeftToExpire && Chance(.7))
            await CallAsync(Rpcs.LeaseRevoke, new LeaseRevokeRequest { ID = _lease });
        _lease = 0;
    }
}
