using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Leases;

/// <summary>The lease lives at least so long: a grant or renewal was acknowledged.</summary>
/// <param name="AskedAt">The store's clock for it started no earlier.</param>
internal readonly record struct LeasePromise(long AskedAt, long ReturnedAt, long TtlSeconds, Operation Operation)
{
    public const long Second = 1_000_000_000;

    public long Until => AskedAt + TtlSeconds * Second;
}

/// <summary>The lease was gone by then.</summary>
/// <param name="AskedAt">Of a request that was told so; the same as <paramref name="At"/> when its keys were seen to be
/// gone.</param>
internal readonly record struct LeaseDeath(long AskedAt, long At, string How, Evidence Evidence);

/// <summary>All that is known of one lease.</summary>
internal sealed class LeaseLife(long id)
{
    public long Id => id;

    /// <summary>Acknowledged grants; more than one means that its life cannot be told from another's.</summary>
    public List<LeasePromise> Grants { get; } = [];

    public List<LeasePromise> Renewals { get; } = [];

    public List<LeaseDeath> Deaths { get; } = [];

    /// <summary>Revocations that may have been done.</summary>
    public List<Operation> Revocations { get; } = [];

    /// <summary>Puts that were acknowledged with it attached.</summary>
    public List<Operation> Attachments { get; } = [];

    public List<Operation> Questions { get; } = [];

    /// <summary>Until when a request may have given it more time.</summary>
    public long LastExtension { get; set; }

    public long LongestTtlSeconds { get; set; }

    /// <summary>At which its keys vanished together by themselves; 0 for never.</summary>
    public long ExpiryRevision { get; set; }

    /// <summary>Keys are attached to it after the last revision.</summary>
    public bool HasKeysAtTheEnd { get; set; }

    /// <summary>It may have been ended by a request by then.</summary>
    public bool MayBeRevokedBy(long at) => Revocations.Exists(revocation => revocation.CalledAt <= at);
}
