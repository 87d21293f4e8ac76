namespace KvStore.Server.Members.Checkpoints;

/// <summary>When a checkpoint is due: after so many requests, but taking at most a twentieth of the time; after so many bytes of
/// log at once, or of values given back, so that neither log, nor values, nor a restart grows.</summary>
internal sealed class CheckpointPolicy(long requests, long logBytes, TimeProvider time)
{
    /// <summary>A checkpoint that took a second leaves the member alone for twenty.</summary>
    private const int RestFactor = 20;

    private long _requestsSince;
    private long _bytesSince;
    private long _endedAt = time.GetTimestamp();
    private TimeSpan _rest;

    /// <summary>Counts what was applied. Apply loop.</summary>
    public void Applied(long requestCount, long bytes)
    {
        _requestsSince += requestCount;
        _bytesSince += bytes;
    }

    /// <summary>Counts how far the reclaiming of values came: their files go, and what was moved is replayed, until a checkpoint is
    /// taken. Apply loop.</summary>
    public void Reclaimed(long bytes) => _bytesSince += bytes;

    public bool IsDue() =>
        _bytesSince >= logBytes || _requestsSince >= requests && time.GetElapsedTime(Volatile.Read(ref _endedAt)) >= _rest;

    public void Started()
    {
        _requestsSince = 0;
        _bytesSince = 0;
    }

    public void Ended(TimeSpan duration)
    {
        _rest = RestFactor * duration;
        Volatile.Write(ref _endedAt, time.GetTimestamp());
    }
}
