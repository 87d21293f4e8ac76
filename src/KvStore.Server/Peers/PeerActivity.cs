using KvStore.Raft;
using KvStore.Server.Logging;

namespace KvStore.Server.Peers;

/// <summary>Whether messages to a peer have a way; says so in the log when it changes, and only then.</summary>
internal sealed class PeerActivity(NodeId peer, PeerCounters counters, TimeProvider time)
{
    private readonly Lock _changing = new();
    private DateTimeOffset? _activeSince;
    private string? _lastProblem;

    public DateTimeOffset? ActiveSince
    {
        get
        {
            lock (_changing)
                return _activeSince;
        }
    }

    public void Activate(string url)
    {
        lock (_changing)
        {
            _activeSince = time.GetUtcNow();
            _lastProblem = null;
        }
        Log.Info("peer became active", ("peer-id", peer.ToString()), ("url", url));
    }

    public void Deactivate(string reason)
    {
        lock (_changing)
        {
            if (_activeSince is null)
                return;
            _activeSince = null;
        }
        counters.Disconnections.Increment();
        Log.Warn("peer became inactive (message send to peer failed)", ("peer-id", peer.ToString()), ("error", reason));
    }

    /// <summary>An attempt to connect failed. Retries that fail alike are not worth another line.</summary>
    /// <param name="kind">What makes problems alike.</param>
    public void Fail(string kind, string url, string reason)
    {
        lock (_changing)
        {
            if (_lastProblem == kind)
                return;
            _lastProblem = kind;
        }
        Log.Warn("cannot connect to peer, trying again", ("peer-id", peer.ToString()), ("url", url), ("error", reason));
    }
}
