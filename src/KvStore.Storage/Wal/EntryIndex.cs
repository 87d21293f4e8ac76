using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>
/// Where the synced entries lie: one span a batch, as long as batches are small, in the order of their indexes.
/// </summary>
internal sealed class EntryIndex(EntryId before)
{
    private const ulong UnknownTerm = 0;

    // What an entry takes more as a record than in its protobuf encoding, at most.
    private const ulong RecordOverheadBytes = 20;

    private readonly List<EntrySpan> _spans = [];

    // The entry just before the first one: appends are matched against its term.
    private EntryId _before = before;

    public ulong FirstIndex => _before.Index + 1;

    public EntryId Last => _spans.Count > 0 ? new EntryId(_spans[^1].Term, _spans[^1].Last) : _before;

    /// <summary>Adds entries behind the others, in place of those at and after the first one's index.</summary>
    public void Add(in EntrySpan span)
    {
        // A released segment held what this one replaced: then nobody knows the term before, and nobody needs it.
        if (span.First <= _before.Index)
            _before = new EntryId(UnknownTerm, span.First - 1);
        while (_spans.Count > 0 && _spans[^1].First >= span.First)
            _spans.RemoveAt(_spans.Count - 1);
        if (_spans.Count > 0 && _spans[^1].Last >= span.First)
            _spans[^1] = _spans[^1] with { Last = span.First - 1 };
        Invariant.Holds(span.First == Last.Index + 1);
        _spans.Add(span);
    }

    public void RestartAfter(EntryId entry)
    {
        _spans.Clear();
        _before = entry;
    }

    /// <summary>Forgets what lies in <paramref name="segment"/>, the oldest one.</summary>
    public void Release(Segment segment)
    {
        int count = 0;
        while (count < _spans.Count && _spans[count].Segment == segment)
            count++;
        if (count == 0)
            return;
        _before = new EntryId(_spans[count - 1].Term, _spans[count - 1].Last);
        _spans.RemoveRange(0, count);
    }

    public bool TryGetTerm(ulong index, out ulong term)
    {
        int found = Find(index);
        term = found >= 0 ? _spans[found].Term : _before.Term;
        return found >= 0 || (index == _before.Index && (index == 0 || term != UnknownTerm));
    }

    /// <summary>
    /// The spans that hold the entries in [lo, hi), as many as it takes to exceed <paramref name="sizeLimit"/> bytes.
    /// </summary>
    public List<EntrySpan> Covering(ulong lo, ulong hi, ulong sizeLimit)
    {
        var covering = new List<EntrySpan>();
        int position = Find(lo);
        ulong size = 0;
        for (; position >= 0 && position < _spans.Count && _spans[position].First < hi && size <= sizeLimit; position++)
        {
            var span = _spans[position];
            covering.Add(span);
            // What the first span holds before lo is no part of the size.
            if (span.First >= lo)
                size += (ulong)span.Length - ((span.Last - span.First + 1) * RecordOverheadBytes);
        }
        return covering;
    }

    /// <returns>The span that holds the entry, or -1.</returns>
    private int Find(ulong index)
    {
        if (index <= _before.Index || index > Last.Index)
            return -1;
        int low = 0;
        int high = _spans.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_spans[middle].First <= index)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
