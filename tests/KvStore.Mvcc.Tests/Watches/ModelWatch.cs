using KvStore.Mvcc.Index;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using Xunit.Sdk;

namespace KvStore.Mvcc.Tests.Watches;

/// <summary>What one watch must be told, by a look at the whole history: slow and obvious.</summary>
internal sealed class ModelWatch(FakeWatchSource source, WatchCreateRequest request)
{
    private readonly KeyRange _range = new(request.Key.Memory, request.RangeEnd.Memory);

    /// <summary>The place in the history of the next event to be told.</summary>
    private int _next;

    private bool _isFragmentOpen;

    public long Id { get; private set; }

    public bool IsCreated { get; private set; }

    public bool IsOver { get; private set; }

    public bool IsOfTheFuture => _start > source.CurrentRevision + 1;

    /// <summary>Whether everything that happened was told.</summary>
    public bool IsComplete => IsOver || NextExpected() is null;

    public long EventCount { get; private set; }

    private long _start;

    public void Create(WatchMessage message)
    {
        Require(message is { IsCreated: true, IsCanceled: false }, "it is not created");
        Id = message.WatchId;
        IsCreated = true;
        _start = request.StartRevision == 0 ? message.HeaderRevision + 1 : request.StartRevision;
    }

    public void Take(WatchMessage message)
    {
        Require(!IsOver, "something came after it was canceled");
        Require(message.HeaderRevision <= source.CurrentRevision, "the header is ahead of the store");
        if (message.IsCanceled)
            Cancel(message);
        else if (message.Events.Count == 0)
            Progress(message.HeaderRevision);
        else
            TakeEvents(message);
    }

    /// <summary>Everything up to this revision must have been told.</summary>
    public void Progress(long revision)
    {
        Require(!_isFragmentOpen, "progress came between fragments");
        Require(NextExpected() is not { } missing || missing.Revision.Main > revision, $"progress to {revision} came before the events");
    }

    private void TakeEvents(WatchMessage message)
    {
        Require(request.Fragment || !message.IsFragment, "a fragment that nobody asked for");
        foreach (var told in message.Events)
        {
            var expected = NextExpected();
            Require(ReferenceEquals(expected, told.Event), $"told {told.Event.Revision}, expected {expected?.Revision.ToString() ?? "nothing"}");
            CheckPrevious(told);
            _next++;
            EventCount++;
        }
        _isFragmentOpen = message.IsFragment;
        Require(message.HeaderRevision >= message.Events[^1].Event.Revision.Main, "the header is behind the events");
        if (!message.IsFragment)
            Progress(message.HeaderRevision);
    }

    private void CheckPrevious(WatchedEvent told)
    {
        var revision = told.Event.Revision;
        if (!request.PrevKv || told.Event.IsCreate)
            Require(told.Previous.IsEmpty, "a previous value that nobody asked for");
        else if (told.Previous.IsEmpty)
            Require(source.PreviousOf(revision).IsEmpty || revision.Main - 1 < source.CompactRevision, $"the previous value of {revision} is missing");
        else
            Require(told.Previous.Span.SequenceEqual(source.PreviousOf(revision).Span), $"the previous value of {revision} is wrong");
    }

    private void Cancel(WatchMessage message)
    {
        IsOver = true;
        if (message.CompactRevision == 0)
            return;
        bool isRight = message is { HeaderRevision: 0, CancelReason: "" } && message.CompactRevision <= source.CompactRevision;
        Require(isRight, "the cancellation by a compaction is wrong");
        Require(_start < message.CompactRevision, "it was canceled although the compaction did not pass it");
    }

    private StoredEvent? NextExpected()
    {
        for (; _next < source.Events.Count; _next++)
        {
            var change = source.Events[_next];
            var filter = change.IsDelete ? WatchCreateRequest.Types.FilterType.Nodelete : WatchCreateRequest.Types.FilterType.Noput;
            if (change.Revision.Main >= _start && _range.Contains(change.Key.Span) && !request.Filters.Contains(filter))
                return change;
        }
        return null;
    }

    private void Require(bool condition, string problem)
    {
        if (!condition)
            throw new XunitException($"watch {Id} {request}: {problem}");
    }
}
