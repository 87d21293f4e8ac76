using KvStore.Mvcc.Errors;

namespace KvStore.Mvcc.Requests;

/// <summary>How long a lease may be.</summary>
/// <remarks>The minimum depends on a member's options, so it is applied by the member that proposes and stands in the entry then:
/// applying it must not depend on who applies.</remarks>
public static class LeaseRules
{
    /// <summary>About 285 years.</summary>
    public const long TtlSecondsLimit = 9_000_000_000;

    /// <exception cref="EtcdException"><see cref="EtcdError.LeaseTtlTooLarge"/>.</exception>
    public static void CheckTtl(long ttlSeconds)
    {
        if (ttlSeconds > TtlSecondsLimit)
            throw new EtcdException(EtcdError.LeaseTtlTooLarge);
    }

    /// <summary>One and a half election timeouts, in whole seconds: a lease outlives the choice of a new leader.</summary>
    public static long MinTtlSeconds(TimeSpan electionTimeout) =>
        (long)Math.Ceiling(electionTimeout.TotalSeconds * 1.5);

    /// <summary>The TTL that is granted: what is asked for, at least the minimum.</summary>
    public static long GrantedTtl(long askedSeconds, long minTtlSeconds) => Math.Max(askedSeconds, minTtlSeconds);
}
