namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>How long what fails again and again has to wait: ten seconds, doubled each time, five minutes at most.</summary>
/// <remarks>The first failure is tried again at once. Ten minutes without one start it anew. Not thread-safe.</remarks>
internal sealed class ContainerBackoff
{
    public static readonly TimeSpan Initial = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, (TimeSpan Backoff, DateTimeOffset Since)> _entries = [];

    /// <summary>When the next try may be made after a failure at <paramref name="failedAt"/>; null: at once.</summary>
    public DateTimeOffset? WaitUntil(string key, DateTimeOffset failedAt, DateTimeOffset now)
    {
        if (!_entries.TryGetValue(key, out var entry) || failedAt - entry.Since > Limit * 2)
            return null;
        DateTimeOffset until = failedAt + entry.Backoff;
        return until > now ? until : null;
    }

    /// <summary>How long the present wait is as a whole.</summary>
    public TimeSpan Current(string key) => _entries.TryGetValue(key, out var entry) ? entry.Backoff : TimeSpan.Zero;

    /// <summary>Another try is made now: the wait after its failure is the next longer one.</summary>
    public void Next(string key, DateTimeOffset failedAt, DateTimeOffset now)
    {
        bool isFresh = !_entries.TryGetValue(key, out var entry) || failedAt - entry.Since > Limit * 2;
        TimeSpan backoff = isFresh ? Initial : entry.Backoff * 2 < Limit ? entry.Backoff * 2 : Limit;
        _entries[key] = (backoff, now);
    }

    public void Forget(string key) => _entries.Remove(key);
}
