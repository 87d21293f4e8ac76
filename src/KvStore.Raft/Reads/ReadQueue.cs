using System.Buffers.Binary;
using KvStore.Raft.Quorums;

namespace KvStore.Raft;

/// <summary>Reads that wait for a round of heartbeats (thesis §6.4), in the order they came.</summary>
/// <remarks>
/// A heartbeat carries how many reads there were when it was sent, and the answer returns that number. So a quorum's numbers
/// say, like acknowledged log indexes, how many reads are confirmed. A number is never used twice in a term: a caller that
/// repeats its own context cannot be answered by an old heartbeat's delayed acknowledgement.
/// <code>
/// reads     1  2  3  4  5        acked: self 5, node 2: 4, node 3: 2      a quorum has 4: reads up to 4 are confirmed
///           confirmed: 2 |  pending: 3 4 5
/// </code>
/// </remarks>
internal sealed class ReadQueue : IAckedIndexes
{
    private readonly Dictionary<NodeId, ulong> _acked = [];
    private readonly Queue<PendingRead> _pending = [];
    private ulong _confirmedCount;

    public int PendingCount => _pending.Count;

    /// <summary>The heartbeat context that confirms all pending reads; empty when there are none.</summary>
    public ReadOnlyMemory<byte> HeartbeatContext
    {
        get
        {
            if (_pending.Count == 0)
                return default;
            byte[] context = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(context, LastNumber);
            return context;
        }
    }

    private ulong LastNumber => _confirmedCount + (ulong)_pending.Count;

    public ulong AckedIndex(NodeId voter) => _acked.GetValueOrDefault(voter);

    /// <summary>Adds a read at the commit index of its arrival. The node itself confirms it at once.</summary>
    public void Add(NodeId self, in PendingRead read)
    {
        _pending.Enqueue(read);
        _acked[self] = LastNumber;
    }

    /// <summary>
    /// Takes a heartbeat's returned context. Foreign bytes and numbers never given out are nobody's confirmation.
    /// </summary>
    public void Acknowledge(NodeId from, ReadOnlySpan<byte> context)
    {
        if (context.Length != sizeof(ulong))
            return;
        ulong number = BinaryPrimitives.ReadUInt64LittleEndian(context);
        if (number <= LastNumber)
            _acked[from] = Math.Max(AckedIndex(from), number);
    }

    /// <summary>The next read that a quorum of <paramref name="voters"/> confirmed.</summary>
    public bool TryTakeConfirmed(JointConfig voters, out PendingRead read)
    {
        read = default;
        if (_pending.Count == 0 || voters.CommittedIndex(this) <= _confirmedCount)
            return false;
        read = _pending.Dequeue();
        _confirmedCount++;
        return true;
    }

    public void Clear()
    {
        _acked.Clear();
        _pending.Clear();
        _confirmedCount = 0;
    }
}
