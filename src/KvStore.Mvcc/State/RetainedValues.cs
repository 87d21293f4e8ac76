using System.Numerics;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Store;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.State;

/// <summary>Tells values that a saved key index still needs from those that compaction has left behind, in little memory.</summary>
/// <remarks>
/// A bit for each hash of a revision that the index retains from before the compacted one; what shares a bit with one of them is
/// taken for needed too. Therefore no tombstone is ever left out: the index could be made anew from the values, and a put that
/// came along for its bit alone would live again.
/// <code>
/// compacted at 9; the index retains put@3 of "a" and put@12 of "b"          bits: h(3)
/// put@3: needed    put@5: not, unless h(5) = h(3)    delete@6: needed    put@9, put@12: needed, they can be read
/// </code>
/// </remarks>
public sealed class RetainedValues
{
    /// <summary>One for each byte of the index file, of which a change takes a dozen or more; 8 MiB at most.</summary>
    private const long LeastBits = 1 << 16, MostBits = 1 << 26;

    private readonly IndexFileReader _index;
    private readonly RestoredChange _add;
    private readonly long _compactRevision;
    private readonly ulong[] _bits;
    private bool _isComplete;

    /// <exception cref="InvalidDataException">The file is no key index, or damaged.</exception>
    public RetainedValues(IFile index, long compactRevision)
    {
        _compactRevision = compactRevision;
        _index = new IndexFileReader(index, IndexFile.ReadRevision(index));
        _add = Add;
        // Nothing was left behind where nothing was compacted; the index is read all the same, lest a damaged one be sent.
        long bits = compactRevision <= 0 ? 64 : Math.Clamp(index.Length, LeastBits, MostBits);
        _bits = new ulong[BitOperations.RoundUpToPowerOf2((ulong)bits) / 64];
    }

    /// <summary>Reads the index file on up to an offset, in steps as small as the caller likes.</summary>
    public void ReadTo(long offset)
    {
        while (!_isComplete && _index.Offset < offset)
            _isComplete = !_index.TryReadBlock(_add);
    }

    /// <summary>Whether the value must be kept; asked once the whole index is read.</summary>
    public bool MayBeNeeded(Revision revision, ReadOnlySpan<byte> value)
    {
        if (revision.Main >= _compactRevision)
            return true;
        ulong bit = BitOf(revision);
        return (_bits[bit / 64] & 1UL << (int)(bit % 64)) != 0 || StoredRecord.Read(value).IsTombstone;
    }

    private void Add(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone)
    {
        if (state.Mod.Main >= _compactRevision)
            return;
        ulong bit = BitOf(state.Mod);
        _bits[bit / 64] |= 1UL << (int)(bit % 64);
    }

    private ulong BitOf(Revision revision)
    {
        // Revisions count up, so their bits must be spread: multiply and fold, as splitmix64 ends.
        ulong hash = ((ulong)revision.Main * 0x9E3779B97F4A7C15UL) ^ BitOperations.RotateLeft((ulong)revision.Sub * 0x9FB21C651E98DF25UL, 32);
        hash = (hash ^ hash >> 30) * 0xBF58476D1CE4E5B9UL;
        hash = (hash ^ hash >> 27) * 0x94D049BB133111EBUL;
        return (hash ^ hash >> 31) & ((ulong)_bits.Length * 64 - 1);
    }
}
