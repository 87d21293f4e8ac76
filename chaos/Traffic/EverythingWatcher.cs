using Google.Protobuf;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>One watch of all keys from the beginning to the end of the run, on one member after another, so that no change is
/// unseen.</summary>
internal sealed class EverythingWatcher(TrafficContext context, int number) : Worker(context, number)
{
    private static readonly TimeSpan QuestionInterval = TimeSpan.FromMilliseconds(500);

    private LastingWatch _watch = NewWatch(1);

    public override bool IsLast => true;

    protected override TimeSpan Pause => TimeSpan.FromMilliseconds(100);

    protected override async Task StepAsync()
    {
        MoveOn();
        if (_watch.IsOver)
            _watch = NewWatch(0);
        using var client = new RecordedClient(Recorder, Context.Members);
        using var stream = new RecordedWatchStream(client, Member);
        using var life = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        life.CancelAfter(TimeSpan.FromSeconds(Random.Next(5, 30)));
        if (!await _watch.BeginAsync(stream))
            return;
        var questions = AskAsync(stream, life.Token);
        while (!_watch.IsOver && await stream.ReadAsync(life.Token) is { } response)
        {
            Context.Watched(_watch, response);
            if (Context.FinalRevision > 0 && _watch.NextRevision > Context.FinalRevision)
                break;
        }
        await life.CancelAsync();
        await questions;
        if (Context.FinalRevision > 0 && _watch.NextRevision > Context.FinalRevision)
            await Task.Delay(Timeout.Infinite, Stopping);
    }

    // Who watches on a member that is cut off hears nothing: the questions tell how far it is once it is back.
    private static async Task AskAsync(RecordedWatchStream stream, CancellationToken life)
    {
        using var pace = new PeriodicTimer(QuestionInterval);
        try
        {
            while (await pace.WaitForNextTickAsync(life))
            {
                if (!await stream.SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() }))
                    return;
            }
        }
        catch (OperationCanceledException)
        {
            // The stream's life is over.
        }
    }

    private static LastingWatch NewWatch(long start) => new(1, new WatchCreateRequest
    {
        Key = ByteString.CopyFrom(0), RangeEnd = ByteString.CopyFrom(0), StartRevision = start, PrevKv = true, Fragment = true,
    });
}
