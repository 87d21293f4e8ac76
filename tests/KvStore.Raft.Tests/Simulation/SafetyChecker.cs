using System.Buffers.Binary;

namespace KvStore.Raft.Tests.Simulation;

/// <summary>Sees everything that happens in a group and knows what must never (thesis, figure 3.2).</summary>
internal sealed class SafetyChecker
{
    private readonly Dictionary<ulong, NodeId> _leaders = [];
    private readonly Dictionary<EntryId, (ulong PreviousTerm, string Content)> _entries = [];
    private readonly Dictionary<ulong, EntryId> _committed = [];
    private readonly Dictionary<ulong, ulong> _states = [];
    private readonly Dictionary<(NodeId Member, ulong Term), NodeId> _votes = [];
    private readonly Dictionary<ulong, ulong> _reads = [];

    public ulong MaxCommitted { get; private set; }

    public int ReadCount { get; private set; }

    public int LeaderCount => _leaders.Count;

    /// <summary>Election safety, and leader completeness: whoever leads has every committed entry.</summary>
    public void Leads(NodeId member, ulong term, RaftLog log)
    {
        if (!_leaders.TryAdd(term, member))
        {
            Assert.True(_leaders[term] == member, $"two leaders in term {term}: {_leaders[term]} and {member}");
            return;
        }
        foreach (var (index, id) in _committed)
        {
            if (index >= log.FirstIndex)
                Assert.True(log.Matches(id), $"leader {member} of term {term} lacks committed entry {id}");
        }
    }

    /// <summary>Log matching: the same entry everywhere, after the same entry.</summary>
    public void Appends(RaftLog log, ReadOnlyMemory<Entry> entries)
    {
        foreach (var entry in entries.ToArray())
        {
            var seen = (log.TermOrZero(entry.Index - 1), $"{entry.Type} {Convert.ToHexString(entry.Data.Span)}");
            // The entry before may be compacted by now on this member; then its term is not known here.
            if (seen.Item1 != 0 && !_entries.TryAdd(entry.Id, seen))
                Assert.Equal(_entries[entry.Id], seen);
        }
    }

    /// <summary>State machine safety: an index is committed once and for all.</summary>
    public void Commits(RaftLog log, ulong from, ulong to)
    {
        for (ulong index = Math.Max(from + 1, log.FirstIndex); index <= to; index++)
        {
            var id = new EntryId(log.TermOrZero(index), index);
            if (!_committed.TryAdd(index, id))
                Assert.True(_committed[index] == id, $"committed {_committed[index]} became {id}");
        }
        MaxCommitted = Math.Max(MaxCommitted, to);
    }

    /// <summary>One vote a term, whatever crashes.</summary>
    public void Persists(NodeId member, HardState hardState)
    {
        if (hardState.Vote != NodeId.None && !_votes.TryAdd((member, hardState.Term), hardState.Vote))
            Assert.Equal(_votes[(member, hardState.Term)], hardState.Vote);
    }

    /// <summary>The same state at the same index.</summary>
    public void Reaches(ulong index, ulong state)
    {
        if (!_states.TryAdd(index, state))
            Assert.True(_states[index] == state, $"two states at index {index}");
    }

    public byte[] AsksToRead()
    {
        ulong number = (ulong)_reads.Count;
        // Whatever any member knows as committed may have been answered to a client.
        _reads[number] = MaxCommitted;
        byte[] context = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(context, number);
        return context;
    }

    /// <summary>Linearizability: a read sees everything that was committed before it was asked for.</summary>
    public void Reads(ReadState read)
    {
        ulong least = _reads[BinaryPrimitives.ReadUInt64LittleEndian(read.Context.Span)];
        Assert.True(read.Index >= least, $"stale read: {read.Index} is before {least}");
        ReadCount++;
    }
}
