namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>How many requests are served at once, reads and writes apart; one too many is refused at once, as a queue would only make
/// all of them late.</summary>
/// <param name="readOnlyLimit">0: as many as come.</param>
/// <param name="mutatingLimit">0: as many as come.</param>
internal sealed class InFlightLimit(int readOnlyLimit, int mutatingLimit)
{
    public const string RefusalText = "Too many requests, please try again later.\n";

    public const int RetryAfterSeconds = 1;

    private int _readOnlyCount;
    private int _mutatingCount;

    public int ReadOnlyCount => Volatile.Read(ref _readOnlyCount);

    public int MutatingCount => Volatile.Read(ref _mutatingCount);

    /// <summary>Whatever is not known to leave everything as it is counts as a write.</summary>
    public static bool IsMutating(string verb) => verb is not ("get" or "list" or "watch");

    /// <returns>Whether the request may be served; then <see cref="Leave"/> follows it.</returns>
    public bool TryEnter(bool isMutating) =>
        isMutating ? TryEnter(ref _mutatingCount, mutatingLimit) : TryEnter(ref _readOnlyCount, readOnlyLimit);

    public void Leave(bool isMutating)
    {
        if (isMutating)
            Interlocked.Decrement(ref _mutatingCount);
        else
            Interlocked.Decrement(ref _readOnlyCount);
    }

    private static bool TryEnter(ref int count, int limit)
    {
        if (Interlocked.Increment(ref count) <= limit || limit == 0)
            return true;
        Interlocked.Decrement(ref count);
        return false;
    }
}
