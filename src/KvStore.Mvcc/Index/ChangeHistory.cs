using System.Runtime.InteropServices;
using KvStore.Mvcc.Leases;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Index;

/// <summary>The changes that no longer stand in a leaf: for each key a chain of sorted chunks, newest chunk first.</summary>
/// <remarks>
/// <code>
/// leaf entry { mod 9 } ─> chunk { 7 8 - - } ─> chunk { 3 5 }       each twice as large as the last: few hops
///
/// chunk:  | previous u32 | count u32 | first u32 | capacity u32, bit 31: wide |        records [first, count) are retained
/// narrow record: a LeafEntry, 24 bytes    wide record: main, sub, create (bit 63 tombstone), version, lease, 40 bytes
/// </code>
/// Written by the apply loop alone. Readers take no lock: a record is complete before the count covers it, records are never
/// changed, and what compaction cuts off is retired, not freed.
/// A leaf entry that is wide has its change as the newest record here too.
/// </remarks>
internal sealed unsafe class ChangeHistory(NativeHeap heap, ReadEpochs epochs)
{
    private const int HeaderSize = 16;
    private const uint WideFlag = 1u << 31;
    private const long TombstoneFlag = long.MinValue;

    private readonly Action<nint, int> _free = (chunk, size) => heap.Free((uint)chunk, size);

    /// <summary>Adds a change that is newer than all others.</summary>
    /// <returns>The newest chunk now.</returns>
    public uint Append(uint newest, in KeyState state, bool isTombstone)
    {
        bool isWide = LeafEntry.IsWideState(state, isTombstone);
        if (newest == 0 || !HasRoom(Chunk(newest), isWide))
            newest = AddChunk(newest, isWide);
        ChunkHeader* chunk = Chunk(newest);
        if (chunk->IsWide)
            *WideAt(chunk, chunk->Count) = WideRecord.From(state, isTombstone);
        else
            *NarrowAt(chunk, chunk->Count) = LeafEntry.From(state, isTombstone, 0);
        // The record first, then the count that leads readers to it.
        Volatile.Write(ref chunk->Count, chunk->Count + 1);
        return newest;
    }

    /// <summary>The newest change; the chain must not be empty.</summary>
    public KeyState Newest(uint newest, out bool isTombstone)
    {
        ChunkHeader* chunk = Chunk(newest);
        return Read(chunk, chunk->Count - 1, out isTombstone);
    }

    public bool TryFindLastBefore(uint newest, Revision before, out KeyState state, out bool isTombstone)
    {
        for (uint reference = newest; reference != 0;)
        {
            ChunkHeader* chunk = Chunk(reference);
            uint first = Volatile.Read(ref chunk->First);
            uint index = LowerBound(chunk, first, Volatile.Read(ref chunk->Count), before);
            if (index > first)
            {
                state = Read(chunk, index - 1, out isTombstone);
                return true;
            }
            reference = Volatile.Read(ref chunk->Previous);
        }
        state = default;
        isTombstone = false;
        return false;
    }

    /// <summary>Visits the changes in [<paramref name="from"/>, <paramref name="before"/>) in ascending order.</summary>
    /// <returns>False when the visitor ended it.</returns>
    public bool Visit(uint newest, Revision from, Revision before, ReadOnlySpan<byte> key, ChangeVisitor visitor)
    {
        if (newest == 0)
            return true;
        ChunkHeader* chunk = Chunk(newest);
        uint first = Volatile.Read(ref chunk->First);
        uint count = Volatile.Read(ref chunk->Count);
        // Older chunks come first; the chain is short, as each chunk is larger than the one before it.
        bool mayHaveOlder = first == count || MainAt(chunk, first) >= from.Main;
        if (mayHaveOlder && !Visit(Volatile.Read(ref chunk->Previous), from, before, key, visitor))
            return false;
        for (uint i = LowerBound(chunk, first, count, from); i < count; i++)
        {
            KeyState state = Read(chunk, i, out bool isTombstone);
            if (state.Mod >= before)
                return true;
            if (!visitor(key, state, isTombstone))
                return false;
        }
        return true;
    }

    /// <summary>
    /// Drops the changes that a compaction at <paramref name="revision"/> supersedes. <paramref name="current"/> is the key's
    /// newest change, in its leaf.
    /// </summary>
    /// <param name="steps">Chunks retired.</param>
    /// <returns>The newest chunk now, 0 when none is left.</returns>
    public uint Compact(uint newest, in LeafEntry current, long revision, out int steps)
    {
        steps = 0;
        // What the current change supersedes: everything older. A wide one is a record of its own and stays.
        if (!current.IsWide && current.Main <= revision)
            return RetireChain(newest, ref steps);
        var after = new Revision(revision, long.MaxValue);
        uint reference = newest;
        while (reference != 0)
        {
            ChunkHeader* chunk = Chunk(reference);
            uint index = LowerBound(chunk, chunk->First, chunk->Count, after);
            if (index > chunk->First)
            {
                Read(chunk, index - 1, out bool isTombstone);
                bool isKept = !isTombstone || MainAt(chunk, index - 1) == revision;
                Volatile.Write(ref chunk->First, isKept ? index - 1 : index);
                Cut(chunk, ref steps);
                break;
            }
            reference = chunk->Previous;
        }
        return Shrink(newest, ref steps);
    }

    /// <summary>Retires all changes of a key that is removed.</summary>
    public void Remove(uint newest)
    {
        int steps = 0;
        RetireChain(newest, ref steps);
    }

    public bool Contains(uint newest, Revision revision) =>
        TryFindLastBefore(newest, revision with { Sub = revision.Sub + 1 }, out KeyState state, out _) && state.Mod == revision;

    /// <summary>Bytes that the chain takes of the heap.</summary>
    public long BytesOf(uint newest)
    {
        long bytes = 0;
        for (; newest != 0; newest = Chunk(newest)->Previous)
            bytes += SizeOf(Chunk(newest));
        return bytes;
    }

    private static bool HasRoom(ChunkHeader* chunk, bool isWide) => chunk->Count < chunk->Capacity && (chunk->IsWide || !isWide);

    private ChunkHeader* Chunk(uint reference) => (ChunkHeader*)heap.Address(reference);

    private uint AddChunk(uint previous, bool isWide)
    {
        int recordSize = isWide ? sizeof(WideRecord) : LeafEntry.Size;
        int size = HeaderSize + FirstCapacity(isWide) * recordSize;
        if (previous != 0)
        {
            ChunkHeader* chunk = Chunk(previous);
            uint records = chunk->Previous != 0 ? chunk->Capacity : chunk->Count - chunk->First;
            size = (int)Math.Min(HeaderSize + Math.Max(2, 2 * records) * recordSize, NativeHeap.LargestSize);
        }
        return NewChunk(previous, size, isWide);
    }

    private uint NewChunk(uint previous, int size, bool isWide)
    {
        int recordSize = isWide ? sizeof(WideRecord) : LeafEntry.Size;
        size = NativeHeap.RoundUp(size);
        uint reference = heap.Allocate(size);
        ChunkHeader* chunk = Chunk(reference);
        chunk->Previous = previous;
        chunk->Count = 0;
        chunk->First = 0;
        chunk->CapacityAndKind = (uint)((size - HeaderSize) / recordSize) | (isWide ? WideFlag : 0);
        return reference;
    }

    // One lease, or one older change and the next: 64 bytes with the header.
    private static int FirstCapacity(bool isWide) => isWide ? 1 : 2;

    private void Cut(ChunkHeader* chunk, ref int steps)
    {
        uint previous = chunk->Previous;
        Volatile.Write(ref chunk->Previous, 0);
        RetireChain(previous, ref steps);
    }

    private uint RetireChain(uint newest, ref int steps)
    {
        while (newest != 0)
        {
            ChunkHeader* chunk = Chunk(newest);
            uint previous = chunk->Previous;
            Retire(newest, chunk);
            newest = previous;
            steps++;
        }
        return 0;
    }

    private void Retire(uint reference, ChunkHeader* chunk) => epochs.Retire(_free, (nint)reference, SizeOf(chunk));

    private static int SizeOf(ChunkHeader* chunk)
    {
        int recordSize = chunk->IsWide ? sizeof(WideRecord) : LeafEntry.Size;
        return NativeHeap.RoundUp(HeaderSize + (int)chunk->Capacity * recordSize);
    }

    /// <summary>A newest chunk that is nearly empty now gives way to a small one, or to none.</summary>
    private uint Shrink(uint newest, ref int steps)
    {
        ChunkHeader* chunk = newest == 0 ? null : Chunk(newest);
        if (chunk == null || chunk->Previous != 0)
            return newest;
        uint left = chunk->Count - chunk->First;
        if (left != 0 && (chunk->Capacity <= 4 || left > chunk->Capacity / 4))
            return newest;
        uint smaller = 0;
        for (uint i = chunk->First; i < chunk->Count; i++)
        {
            KeyState state = Read(chunk, i, out bool isTombstone);
            smaller = Append(smaller, state, isTombstone);
        }
        Retire(newest, chunk);
        steps++;
        return smaller;
    }

    private static KeyState Read(ChunkHeader* chunk, uint index, out bool isTombstone)
    {
        if (chunk->IsWide)
        {
            WideRecord* record = WideAt(chunk, index);
            isTombstone = record->CreateAndFlags < 0;
            return record->State;
        }
        LeafEntry* entry = NarrowAt(chunk, index);
        isTombstone = entry->IsTombstone;
        return entry->State;
    }

    private static long MainAt(ChunkHeader* chunk, uint index) =>
        chunk->IsWide ? WideAt(chunk, index)->Main : NarrowAt(chunk, index)->Main;

    private static uint LowerBound(ChunkHeader* chunk, uint first, uint count, Revision revision)
    {
        uint low = first;
        uint high = count;
        long limit = LeafEntry.LimitBefore(revision);
        while (low < high)
        {
            uint middle = low + (high - low) / 2;
            bool isBelow = chunk->IsWide ? WideAt(chunk, middle)->IsBefore(revision) : NarrowAt(chunk, middle)->Mod < limit;
            if (isBelow)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private static LeafEntry* NarrowAt(ChunkHeader* chunk, uint index) => (LeafEntry*)((byte*)chunk + HeaderSize) + index;

    private static WideRecord* WideAt(ChunkHeader* chunk, uint index) => (WideRecord*)((byte*)chunk + HeaderSize) + index;

    [StructLayout(LayoutKind.Sequential)]
    private struct ChunkHeader
    {
        public uint Previous;
        public uint Count;
        public uint First;
        public uint CapacityAndKind;

        public readonly bool IsWide => (CapacityAndKind & WideFlag) != 0;

        public readonly uint Capacity => CapacityAndKind & ~WideFlag;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct WideRecord
    {
        public long Main;
        public long Sub;
        public long CreateAndFlags;
        public long Version;
        public long Lease;

        public readonly KeyState State =>
            new(new Revision(Main, Sub), CreateAndFlags & ~TombstoneFlag, Version, new LeaseId(Lease));

        public static WideRecord From(in KeyState state, bool isTombstone) => new()
        {
            Main = state.Mod.Main,
            Sub = state.Mod.Sub,
            CreateAndFlags = isTombstone ? TombstoneFlag : state.Create,
            Version = isTombstone ? 0 : state.Version,
            Lease = isTombstone ? 0 : state.Lease.Value,
        };

        public readonly bool IsBefore(Revision revision) => Main < revision.Main || (Main == revision.Main && Sub < revision.Sub);
    }
}
