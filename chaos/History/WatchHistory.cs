using KvStore.Protocol;

namespace KvStore.Chaos.History;

/// <summary>One watch on one stream, with all that came for it.</summary>
public sealed class WatchHistory(WatchSent creation)
{
    public int Stream => creation.Stream;

    public long WatchId => Request.WatchId;

    public int Client => creation.Client;

    public string Member => creation.Member;

    public long SentAt => creation.At;

    public WatchCreateRequest Request => creation.Request.CreateRequest;

    /// <summary>The watch that it goes on from, on a stream before.</summary>
    public WatchHistory? Resumes { get; init; }

    /// <summary>As they came; answers to questions for progress, which are for all watches of a stream, among them.</summary>
    public List<WatchReceived> Responses { get; } = [];

    /// <summary>When the client asked for its end; <see cref="long.MaxValue"/> when it did not.</summary>
    public long CancelSentAt { get; internal set; } = long.MaxValue;

    /// <summary>When its stream ended; <see cref="long.MaxValue"/> when it outlived the run.</summary>
    public long EndedAt { get; internal set; } = long.MaxValue;

    public override string ToString() => $"watch {WatchId} on stream {Stream} ({Member})";
}
