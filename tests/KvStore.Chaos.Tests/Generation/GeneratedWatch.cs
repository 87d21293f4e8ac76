using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Mvcc.Tests.Model;
using KvStore.Protocol;
using FilterType = KvStore.Protocol.WatchCreateRequest.Types.FilterType;

namespace KvStore.Chaos.Tests.Generation;

/// <summary>A watch as a member serves it: late, in batches, in fragments, with progress, over crashes and compactions.</summary>
internal sealed class GeneratedWatch
{
    private readonly HistoryGenerator _generator;
    private readonly WatchCreateRequest _request;

    /// <summary>It is never told that its history was compacted.</summary>
    private readonly bool _isPatient;
    private readonly KeyInterval _keys;
    private readonly int _client;
    private int _stream;

    /// <summary>Where the member is with it, and where its client knows it to be.</summary>
    private long _next, _known;
    private bool _isOpen;

    private GeneratedWatch(HistoryGenerator generator, WatchCreateRequest request, bool isPatient, int client)
    {
        (_generator, _request, _isPatient, _client) = (generator, request, isPatient, client);
        _keys = new KeyInterval(request.Key, request.RangeEnd);
        Member = generator.AnyMember();
        _known = _next = request.StartRevision;
    }

    public GeneratedMember Member { get; private set; }

    public static void Open(HistoryGenerator generator, WatchCreateRequest request, bool isPatient, int client = 0)
    {
        var watch = new GeneratedWatch(generator, request, isPatient, client == 0 ? generator.NewClient() : client);
        generator.Add(watch);
        watch.Create(resumesStream: 0);
    }

    /// <summary>Its stream breaks, and it goes on elsewhere.</summary>
    public void Break()
    {
        if (!_isOpen)
            return;
        _isOpen = false;
        int broken = _stream;
        _generator.Write(new HistoryRecord { WatchStreamEnded = new WatchStreamEnded { Stream = _stream, At = _generator.Now,
            ErrorCode = 14 } });
        if (_generator.IsOver)
            return;
        Member = _generator.AnyMember();
        _next = _known;
        _generator.After(_generator.Between(1, 50 * HistoryGenerator.Millisecond), () => Create(broken));
    }

    /// <summary>Tells the rest.</summary>
    public void Finish()
    {
        if (!_isOpen)
            return;
        Member.Applied = _generator.Model.Revision;
        Deliver(Member.Applied);
        if (_isOpen)
            Respond(new WatchResponse { Header = Header() });
        _isOpen = false;
    }

    private void Create(int resumesStream)
    {
        _stream = _generator.NewStream();
        var request = new WatchCreateRequest(_request) { StartRevision = _next };
        _generator.Write(new HistoryRecord
        {
            WatchSent = new WatchSent
            {
                Stream = _stream, Client = _client, Member = Member.Name, At = _generator.Now,
                    Request = new WatchRequest { CreateRequest = request },
                ResumesStream = resumesStream, ResumesWatchId = resumesStream == 0 ? 0 : request.WatchId,
            },
        });
        int stream = _stream;
        _generator.After(_generator.Between(1, 20 * HistoryGenerator.Millisecond), () => Created(stream));
    }

    private void Created(int stream)
    {
        _isOpen = true;
        Member.Applied = Math.Max(Member.Applied, _generator.Between(1, _generator.Model.Revision));
        if (_next == 0)
            _known = _next = Member.Applied + 1;
        Respond(new WatchResponse { Header = Header(), Created = true });
        if (IsTooOld())
        {
            Compact();
            return;
        }
        _generator.After(Pause(), () => Tell(stream));
    }

    private void Tell(int stream)
    {
        // The stream broke meanwhile, or another took its place.
        if (!_isOpen || stream != _stream)
            return;
        if (IsTooOld() && _generator.Chance(50))
        {
            Compact();
            return;
        }
        Member.Applied = Math.Max(Member.Applied, _generator.Between(1, _generator.Model.Revision));
        long upTo = Math.Min(Member.Applied, _next + _generator.Random.Next(8));
        Deliver(upTo);
        if (upTo == Member.Applied && _generator.Chance(20))
        {
            Respond(new WatchResponse { Header = Header() });
            _known = Math.Max(_known, upTo + 1);
        }
        if (!_isPatient && _generator.Chance(3))
        {
            Cancel();
            return;
        }
        if (!_generator.IsOver)
            _generator.After(Pause(), () => Tell(stream));
    }

    private void Cancel()
    {
        var cancel = new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = _request.WatchId } };
        _generator.Write(new HistoryRecord { WatchSent = new WatchSent { Stream = _stream, Client = _client, Member = Member.Name,
            At = _generator.Now, Request = cancel } });
        Respond(new WatchResponse { Header = Header(), Canceled = true });
        _isOpen = false;
    }

    private void Compact()
    {
        long compacted = _generator.Model.Compacted;
        Respond(new WatchResponse { Header = Header(), Canceled = true, CompactRevision = compacted,
            CancelReason = "compacted" });
        int ended = _stream;
        _isOpen = false;
        _known = _next = compacted;
        _generator.After(Pause(), () => Create(ended));
    }

    private bool IsTooOld() => !_isPatient && _next < _generator.Model.Compacted;

    private long Pause() => _generator.Between(1, 300 * HistoryGenerator.Millisecond);

    private void Deliver(long upTo)
    {
        var revisions = _generator.Model.Events.Where(change => change.KeyValue.ModRevision >= _next
            && change.KeyValue.ModRevision <= upTo && IsWanted(change))
            .GroupBy(change => change.KeyValue.ModRevision).ToList();
        while (revisions.Count > 0)
        {
            int count = _generator.Random.Next(revisions.Count) + 1;
            Send([.. revisions.Take(count).SelectMany(revision => revision).Select(ToEvent)]);
            revisions.RemoveRange(0, count);
        }
        _next = Math.Max(_next, upTo + 1);
    }

    private void Send(List<Event> events)
    {
        _known = events[^1].Kv.ModRevision + 1;
        int first = _request.Fragment && events.Count > 1 && _generator.Chance(50) ? _generator.Random.Next(1, events.Count)
            : events.Count;
        if (first < events.Count)
            Respond(new WatchResponse { Header = Header(), Fragment = true, Events = { events.Take(first) } });
        Respond(new WatchResponse { Header = Header(), Events = { first < events.Count ? events.Skip(first) : events } });
    }

    private bool IsWanted(ModelEvent change) => _keys.Contains(change.KeyValue.Key)
        && !_request.Filters.Contains(change.IsDelete ? FilterType.Nodelete : FilterType.Noput);

    private Event ToEvent(ModelEvent change)
    {
        var told = new Event { Type = change.IsDelete ? Event.Types.EventType.Delete : Event.Types.EventType.Put,
            Kv = change.KeyValue.Clone() };
        long revision = change.KeyValue.ModRevision;
        bool isGone = _generator.Model.Compacted >= revision && _generator.Chance(50);
        if (_request.PrevKv && !isGone && _generator.Model.Before(change.KeyValue.Key, revision) is { } before)
            told.PrevKv = before.Clone();
        return told;
    }

    private ResponseHeader Header() => new() { Revision = Member.Applied, MemberId = Member.Id };

    private void Respond(WatchResponse response)
    {
        response.WatchId = _request.WatchId;
        _generator.Write(new HistoryRecord { WatchReceived = new WatchReceived { Stream = _stream, At = _generator.Now,
            Response = response } });
    }
}
