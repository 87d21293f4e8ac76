using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>What all workers of one process share.</summary>
internal sealed class TrafficContext(TrafficOptions options, Recorder recorder)
{
    private long _watches, _resumed, _events;

    public TrafficOptions Options => options;

    public Recorder Recorder => recorder;

    public IReadOnlyList<MemberAddress> Members => options.Members;

    /// <summary>All requests together keep to it.</summary>
    public RequestPace Pace { get; } = new(350 * options.Rate);

    /// <summary>The newest revision that any answer has told of; for reads of the past. Not exact.</summary>
    public long LatestRevision { get; private set; }

    /// <summary>All work is done, and this revision is the last: who watches everything may end once he has seen it. 0
    /// before.</summary>
    public long FinalRevision { get; set; }

    public TrafficCounts Counts => new()
    {
        Acknowledged = recorder.Count(Outcome.Ok),
        Failed = recorder.Count(Outcome.Failed),
        Unknown = recorder.Count(Outcome.Unknown),
        Watches = Interlocked.Read(ref _watches),
        ResumedWatches = Interlocked.Read(ref _resumed),
        WatchEvents = Interlocked.Read(ref _events),
    };

    public void SawRevision(long revision)
    {
        if (revision > LatestRevision)
            LatestRevision = revision;
    }

    /// <summary>An answer has come for a watch.</summary>
    public void Watched(LastingWatch watch, WatchResponse response)
    {
        watch.Take(response);
        Interlocked.Add(ref _events, response.Events.Count);
        if (!response.Created || response.Canceled)
            return;
        Interlocked.Increment(ref _watches);
        if (watch.IsResumed)
            Interlocked.Increment(ref _resumed);
    }
}
