using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KvStore.Raft;

namespace KvStore.Mvcc.Index;

/// <summary>Blocks of native memory in segments of 1 MiB, named by 32-bit references, with a free list for each size.</summary>
/// <remarks>
/// Used by the apply loop alone, but for <see cref="Address"/>. Segments are never given back before <see cref="Dispose"/>: a
/// reader may still look at a block that was freed meanwhile; sequence numbers tell it, and it throws away what it read.
/// A reference counts 16-byte units, so 64 GiB can be named; 0 names nothing.
/// </remarks>
internal sealed unsafe class NativeHeap : IDisposable
{
    public const int SegmentSize = 1 << 20;

    /// <summary>Blocks up to here come in every multiple of 16 bytes, larger ones in powers of two.</summary>
    public const int LargestFineSize = 4096;

    public const int LargestSize = 512 << 10;

    // A reader copies at most one leaf from wherever a stale reference points, so that much must be readable behind each segment.
    private const int Guard = Leaf.CopySize;

    private const int UnitShift = 4;
    private const int SegmentUnitsShift = 16;
    private const int FineClasses = LargestFineSize >> UnitShift;
    private const int CoarseClasses = 7;

    private readonly uint[] _freeLists = new uint[FineClasses + 1 + CoarseClasses];
    private nint[] _segments = new nint[16];
    private int _segmentCount;
    private int _segmentUsed = SegmentSize;
    private long _keyBlockBytes;

    public long Bytes => (long)Volatile.Read(ref _segmentCount) * SegmentSize + Volatile.Read(ref _keyBlockBytes);

    /// <summary>Bytes in blocks that are in use; what the segments hold beyond it is free.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Called before the heap grows, so that memory which readers have left can be freed first.</summary>
    public Action? BeforeGrowth { get; set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Address(uint reference) =>
        (byte*)Volatile.Read(ref _segments)[reference >> SegmentUnitsShift] + ((nint)(reference & 0xFFFF) << UnitShift);

    /// <summary>The size that a block of at least <paramref name="size"/> bytes really has.</summary>
    public static int RoundUp(int size) =>
        size <= LargestFineSize ? (size + 15) & ~15 : (int)BitOperations.RoundUpToPowerOf2((uint)size);

    public uint Allocate(int size)
    {
        int sizeClass = SizeClass(size);
        uint free = _freeLists[sizeClass];
        if (free == 0 && RoundUp(size) > SegmentSize - _segmentUsed && BeforeGrowth is not null)
        {
            BeforeGrowth();
            free = _freeLists[sizeClass];
        }
        UsedBytes += RoundUp(size);
        if (free == 0)
            return AllocateFresh(RoundUp(size));
        _freeLists[sizeClass] = *(uint*)Address(free);
        return free;
    }

    public void Free(uint reference, int size)
    {
        int sizeClass = SizeClass(size);
        UsedBytes -= RoundUp(size);
        *(uint*)Address(reference) = _freeLists[sizeClass];
        _freeLists[sizeClass] = reference;
    }

    /// <summary>A key that is too long for a leaf lies in a block of exactly its size.</summary>
    public byte* AllocateKeyBlock(ReadOnlySpan<byte> key)
    {
        var block = (byte*)NativeMemory.Alloc((nuint)key.Length);
        key.CopyTo(new Span<byte>(block, key.Length));
        Volatile.Write(ref _keyBlockBytes, _keyBlockBytes + key.Length);
        return block;
    }

    public void FreeKeyBlock(byte* block, int length)
    {
        Volatile.Write(ref _keyBlockBytes, _keyBlockBytes - length);
        NativeMemory.Free(block);
    }

    public void Dispose()
    {
        for (int i = 0; i < _segmentCount; i++)
            NativeMemory.AlignedFree((void*)_segments[i]);
        _segmentCount = 0;
        _segments = [];
        Array.Clear(_freeLists);
    }

    private static int SizeClass(int size)
    {
        Invariant.Holds(size is > 0 and <= LargestSize);
        return size <= LargestFineSize
            ? (size + 15) >> UnitShift
            : FineClasses + 1 + BitOperations.Log2((uint)(size - 1) / LargestFineSize);
    }

    private uint AllocateFresh(int size)
    {
        if (size > SegmentSize - _segmentUsed)
        {
            FreeRestOfSegment();
            AddSegment();
        }
        uint reference = (uint)(((_segmentCount - 1) << SegmentUnitsShift) + (_segmentUsed >> UnitShift));
        _segmentUsed += size;
        return reference;
    }

    private void AddSegment()
    {
        Invariant.Holds(_segmentCount < 1 << 16);
        if (_segmentCount == _segments.Length)
        {
            nint[] grown = new nint[_segments.Length * 2];
            _segments.CopyTo(grown, 0);
            Volatile.Write(ref _segments, grown);
        }
        _segments[_segmentCount] = (nint)NativeMemory.AlignedAlloc(SegmentSize + Guard, 64);
        Volatile.Write(ref _segmentCount, _segmentCount + 1);
        _segmentUsed = _segmentCount == 1 ? 1 << UnitShift : 0;
    }

    /// <summary>What a large block did not find room in is left for small ones.</summary>
    private void FreeRestOfSegment()
    {
        while (_segmentUsed < SegmentSize)
        {
            int size = Math.Min(SegmentSize - _segmentUsed, Leaf.MaxSize);
            uint reference = (uint)(((_segmentCount - 1) << SegmentUnitsShift) + (_segmentUsed >> UnitShift));
            UsedBytes += size;
            Free(reference, size);
            _segmentUsed += size;
        }
    }
}
