using KvStore.Raft;
using KvStore.Storage.Wal;
using static KvStore.Storage.Tests.Wal.LogScript;

namespace KvStore.Storage.Tests.Wal;

/// <summary>What a log must say, slowly and obviously: every record in order, and how many of them are promised.</summary>
internal sealed class LogModel
{
    private readonly List<Record> _records = [];

    /// <summary>Records that must survive: a sync after them returned.</summary>
    private int _syncedCount;

    /// <summary>Entries before it may be gone.</summary>
    private ulong _releasedIndex = 1;

    private sealed record Record(Entry? Entry, HardState? State, CheckpointMark? Mark, bool IsRestart);

    private sealed record State(List<Entry> Entries, HardState HardState, List<EntryId> Marks, EntryId Base)
    {
        public EntryId Last => Entries.Count > 0 ? Entries[^1].Id : Base;
    }

    public EntryId Last { get; private set; }

    public HardState HardState { get; private set; }

    public EntryId LastMark { get; private set; }

    public ulong FixedIndex => Math.Max(HardState.Commit, LastMark.Index);

    public void Append(ReadOnlySpan<Entry> entries, HardState? state)
    {
        foreach (var entry in entries)
        {
            _records.Add(new Record(entry, null, null, false));
            Last = entry.Id;
        }
        if (state is not { } hardState)
            return;
        _records.Add(new Record(null, hardState, null, false));
        HardState = hardState;
    }

    public void AppendMark(CheckpointMark mark, bool isRestart)
    {
        _records.Add(new Record(null, null, mark, isRestart));
        LastMark = mark.Applied;
        if (isRestart)
            Last = mark.Applied;
    }

    public void Synced() => _syncedCount = _records.Count;

    public void ReleaseBefore(ulong index) => _releasedIndex = Math.Max(_releasedIndex, index);

    public EntryId EntryAt(ulong index)
    {
        for (int i = _records.Count - 1; i >= 0; i--)
            if (_records[i].Entry is { } entry && entry.Index == index)
                return entry.Id;
        return LastMark;
    }

    /// <summary>Checks that the log holds a prefix of the records with all that are promised, and goes on from there.</summary>
    public void AdoptRecovered(WriteAheadLog log, string context)
    {
        // The longest prefix that fits: a hard state said once more is a record, but changes nothing.
        var entries = log.All();
        int recovered = -1;
        foreach (var (count, state) in Prefixes())
        {
            if (count < _syncedCount || !IsSame(state, log, entries))
                continue;
            recovered = count;
            Last = state.Last;
            HardState = state.HardState;
            LastMark = state.Marks.Count > 0 ? state.Marks[^1] : default;
        }
        if (recovered < 0)
            Assert.Fail($"{context}: recovered {log.HardState} marks {string.Join(' ', log.Marks.Select(mark => mark.Applied))} "
                + $"[{log.FirstIndex}, {log.LastIndex}] {Indexes(entries)}\nwhere one of these was promised:\n"
                + string.Join('\n', Prefixes().Where(prefix => prefix.Count >= _syncedCount).Select(prefix => Describe(prefix.State))));
        _records.RemoveRange(recovered, _records.Count - recovered);
        _syncedCount = recovered;
    }

    private IEnumerable<(int Count, State State)> Prefixes()
    {
        var state = new State([], default, [], default);
        yield return (0, state);
        for (int count = 1; count <= _records.Count; count++)
            yield return (count, state = Next(state, _records[count - 1]));
    }

    private bool IsSame(State state, WriteAheadLog log, IReadOnlyList<Entry> entries)
    {
        if (log.HardState != state.HardState || log.LastIndex != state.Last.Index
            || !log.Marks.Select(mark => mark.Applied).SequenceEqual(state.Marks.TakeLast(2)))
            return false;
        ulong first = log.FirstIndex;
        if (first > Math.Max(_releasedIndex, state.Base.Index + 1))
            return false;
        var expected = state.Entries.Where(entry => entry.Index >= first).ToList();
        if (entries.Count != expected.Count)
            return false;
        for (int i = 0; i < entries.Count; i++)
            if (entries[i].Id != expected[i].Id || !entries[i].Data.Span.SequenceEqual(expected[i].Data.Span))
                return false;
        return true;
    }

    private static State Next(State state, Record record)
    {
        if (record.Entry is { } entry)
        {
            while (state.Entries.Count > 0 && state.Last.Index >= entry.Index)
                state.Entries.RemoveAt(state.Entries.Count - 1);
            state.Entries.Add(entry);
            return state;
        }
        if (record.State is { } hardState)
            return state with { HardState = hardState };
        if (record.IsRestart)
            return state with { Entries = [], Marks = [record.Mark!.Applied], Base = record.Mark.Applied };
        state.Marks.Add(record.Mark!.Applied);
        return state;
    }

    private static string Describe(State state) =>
        $"{state.HardState} marks {string.Join(' ', state.Marks.TakeLast(2))} {Indexes(state.Entries)}";
}
