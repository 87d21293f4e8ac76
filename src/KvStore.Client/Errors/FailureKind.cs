namespace KvStore.Client;

/// <summary>What a failed attempt says about the request and about the endpoint.</summary>
internal enum FailureKind
{
    /// <summary>Nothing has left this process: another endpoint may be asked, whatever the call does.</summary>
    NeverSent,

    /// <summary>Refused before anything was done, for a token that is out of date.</summary>
    TokenRefused,

    /// <summary>Refused before anything was done, by a member that can not serve it.</summary>
    WrongMember,

    /// <summary>Refused: another try would be refused too.</summary>
    Refused,

    /// <summary>The connection broke, or the endpoint fell silent. What it did with the request is unknown.</summary>
    Lost,

    /// <summary>The endpoint lives and says that it can not serve now, for want of a leader say. What became of the request is
    /// unknown.</summary>
    Unavailable,

    /// <summary>It failed in a way that says neither what was done nor that another try would fare better.</summary>
    Doubtful,
}
