namespace KvStore.Client;

/// <summary>A lease as the server granted it.</summary>
/// <param name="TimeToLive">Perhaps longer than asked for: the server has a minimum.</param>
public sealed record GrantedLease(LeaseId Id, TimeSpan TimeToLive)
{
    /// <summary>What may be said of its life, from the moment the request was made.</summary>
    internal LeaseClaim Claim { get; init; }
}
