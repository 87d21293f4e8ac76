using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Store;

internal enum CauseKind
{
    /// <summary>A client's request, acknowledged or not.</summary>
    Operation,

    /// <summary>A lease ran out.</summary>
    Expiry,

    /// <summary>Nobody saw what it changed.</summary>
    Unseen,

    /// <summary>Something that is in no record: wrong, unless the run was cut short.</summary>
    Unexplained,
}

/// <summary>Why there is a revision.</summary>
/// <param name="IsExcusable">Of an expiry: a request whose outcome is unknown may as well have been the cause.</param>
internal readonly record struct RevisionCause(CauseKind Kind, Operation? Operation = null, long Lease = 0,
    bool IsExcusable = false);
