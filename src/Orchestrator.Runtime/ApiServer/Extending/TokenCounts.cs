namespace Orchestrator.Runtime.ApiServer;

/// <summary>Requests by service accounts' tokens that live longer than was asked for: whether their users still fetch new ones in
/// time.</summary>
public sealed class TokenCounts
{
    private long _valid;
    private long _stale;

    /// <summary>Used within the time that was asked for.</summary>
    public long Valid => Interlocked.Read(ref _valid);

    /// <summary>Used after it: without the extension they would have been refused.</summary>
    public long Stale => Interlocked.Read(ref _stale);

    public void Count(bool isStale) => Interlocked.Increment(ref isStale ? ref _stale : ref _valid);
}
