namespace KvStore.Client;

/// <summary>Why a <see cref="LeaseKeepAlive"/> ended.</summary>
public enum LeaseEnd
{
    /// <summary>The server says that the lease is gone: expired, or revoked. Its keys are deleted.</summary>
    Gone,

    /// <summary>No renewal was answered within the time to live. The lease may still be there, but nobody may count on
    /// it.</summary>
    Lapsed,

    /// <summary>The server refuses to renew it, for want of permission say; see <see cref="LeaseKeepAlive.Refusal"/>.</summary>
    Refused,

    /// <summary>The owner stopped the renewal; the lease runs out unless somebody else renews it.</summary>
    Stopped,
}
