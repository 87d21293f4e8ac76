using KvStore.Protocol;

namespace KvStore.Chaos.History;

/// <summary>All records of a run, sorted into what the checkers ask for.</summary>
public sealed class RunHistory
{
    /// <summary>In answers that are for every watch of their stream.</summary>
    private const long AllWatches = -1;

    private readonly List<Operation> _operations = [];
    private readonly List<WatchHistory> _watches = [];
    private readonly List<WatchReceived> _strayResponses = [];
    private readonly List<FaultSpan> _faults = [];
    private readonly List<MemberObserved> _observations = [];
    private readonly List<ProcessChanged> _processes = [];
    private readonly List<Note> _notes = [];
    private readonly List<Recovered> _recoveries = [];
    private readonly List<MemberHash> _hashes = [];
    private readonly Dictionary<(int Stream, long WatchId), WatchHistory> _watchById = [];
    private readonly Dictionary<int, List<WatchHistory>> _watchesOfStream = [];
    private readonly Dictionary<int, int> _faultAt = [];

    /// <summary>In the order in which they returned.</summary>
    public IReadOnlyList<Operation> Operations => _operations;

    public IReadOnlyList<WatchHistory> Watches => _watches;

    /// <summary>Answers for watches that nobody asked for.</summary>
    public IReadOnlyList<WatchReceived> StrayResponses => _strayResponses;

    public IReadOnlyList<FaultSpan> Faults => _faults;

    public IReadOnlyList<MemberObserved> Observations => _observations;

    public IReadOnlyList<ProcessChanged> Processes => _processes;

    public IReadOnlyList<Note> Notes => _notes;

    public IReadOnlyList<Recovered> Recoveries => _recoveries;

    public IReadOnlyList<MemberHash> Hashes => _hashes;

    public IReadOnlyList<string> Members { get; private set; } = [];

    /// <summary>The file ends within a block.</summary>
    public bool IsTorn { get; private set; }

    /// <summary>The run came to its end: what is in no record was not done.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>The latest time in any record.</summary>
    public long EndedAt { get; private set; }

    public static RunHistory Load(RunFolder folder)
    {
        using var reader = folder.OpenReader();
        var history = Of(reader.Records());
        history.IsTorn = reader.IsTorn;
        return history;
    }

    public static RunHistory Of(IEnumerable<HistoryRecord> records)
    {
        var history = new RunHistory();
        foreach (var record in records)
            history.Add(record);
        return history;
    }

    private void Add(HistoryRecord record)
    {
        switch (record.KindCase)
        {
            case HistoryRecord.KindOneofCase.RunStarted: Members = record.RunStarted.Members; break;
            case HistoryRecord.KindOneofCase.Operation: Add(record.Operation); break;
            case HistoryRecord.KindOneofCase.WatchSent: Add(record.WatchSent); break;
            case HistoryRecord.KindOneofCase.WatchReceived: Add(record.WatchReceived); break;
            case HistoryRecord.KindOneofCase.WatchStreamEnded: Add(record.WatchStreamEnded); break;
            case HistoryRecord.KindOneofCase.FaultInjected: Add(record.FaultInjected); break;
            case HistoryRecord.KindOneofCase.FaultHealed: Add(record.FaultHealed); break;
            case HistoryRecord.KindOneofCase.MemberObserved: _observations.Add(record.MemberObserved); Passed(record.MemberObserved.At); break;
            case HistoryRecord.KindOneofCase.ProcessChanged: _processes.Add(record.ProcessChanged); Passed(record.ProcessChanged.At); break;
            case HistoryRecord.KindOneofCase.Note: _notes.Add(record.Note); Passed(record.Note.At); break;
            case HistoryRecord.KindOneofCase.Recovered: _recoveries.Add(record.Recovered); Passed(record.Recovered.To); break;
            case HistoryRecord.KindOneofCase.MemberHash: _hashes.Add(record.MemberHash); Passed(record.MemberHash.At); break;
            case HistoryRecord.KindOneofCase.RunEnded: IsComplete = true; Passed(record.RunEnded.At); break;
            default: throw new InvalidDataException("a record of a kind that this program does not know: it was written by a newer one");
        }
    }

    private void Add(Operation operation)
    {
        _operations.Add(operation);
        Passed(operation.ReturnedAt);
    }

    private void Add(WatchSent sent)
    {
        Passed(sent.At);
        switch (sent.Request.RequestUnionCase)
        {
            case WatchRequest.RequestUnionOneofCase.CreateRequest: AddCreation(sent); break;
            case WatchRequest.RequestUnionOneofCase.CancelRequest when
                _watchById.TryGetValue((sent.Stream, sent.Request.CancelRequest.WatchId), out var watch):
                // A client may ask twice; its end may come at any time from the first on.
                watch.CancelSentAt = Math.Min(watch.CancelSentAt, sent.At);
                break;
        }
    }

    private void AddCreation(WatchSent sent)
    {
        var watch = new WatchHistory(sent)
        {
            Resumes = sent.ResumesStream == 0 ? null : _watchById.GetValueOrDefault((sent.ResumesStream, sent.ResumesWatchId)),
        };
        _watches.Add(watch);
        _watchById[(watch.Stream, watch.WatchId)] = watch;
        if (!_watchesOfStream.TryGetValue(watch.Stream, out var ofStream))
            _watchesOfStream.Add(watch.Stream, ofStream = []);
        ofStream.Add(watch);
    }

    private void Add(WatchReceived received)
    {
        Passed(received.At);
        if (received.Response.WatchId == AllWatches && _watchesOfStream.TryGetValue(received.Stream, out var all))
        {
            foreach (var watch in all)
                watch.Responses.Add(received);
        }
        else if (_watchById.TryGetValue((received.Stream, received.Response.WatchId), out var watch))
            watch.Responses.Add(received);
        else
            _strayResponses.Add(received);
    }

    private void Add(WatchStreamEnded ended)
    {
        Passed(ended.At);
        foreach (var watch in _watchesOfStream.GetValueOrDefault(ended.Stream) ?? [])
            watch.EndedAt = ended.At;
    }

    private void Add(FaultInjected injected)
    {
        Passed(injected.At);
        _faultAt[injected.Fault] = _faults.Count;
        _faults.Add(new FaultSpan(injected, null));
    }

    private void Add(FaultHealed healed)
    {
        Passed(healed.At);
        if (_faultAt.TryGetValue(healed.Fault, out int at))
            _faults[at] = _faults[at] with { Healed = healed };
    }

    private void Passed(long at) => EndedAt = Math.Max(EndedAt, at);
}
