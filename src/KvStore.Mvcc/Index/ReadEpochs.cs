using System.Runtime.CompilerServices;
using KvStore.Raft;

namespace KvStore.Mvcc.Index;

/// <summary>Knows which readers are under way, and frees retired memory once none of them can look at it.</summary>
/// <remarks>
/// A reader notes the epoch in which it began. What is unlinked is retired with the current epoch, then the epoch advances; it
/// is freed when every reader began later. Readers come from any thread, the rest is the apply loop's.
/// <code>
/// epoch 7: reader A begins (7) · block x unlinked, retired (7) · epoch 8 · reader B begins (8)
/// A ends: the oldest reader is at 8 > 7, so x is freed beside B, which can no longer have found it
/// </code>
/// </remarks>
internal sealed class ReadEpochs : IReadScopeOwner
{
    private const int SlotsPerBlock = 64;

    // One cache line for each slot, or readers on different cores would slow each other down.
    private const int Stride = 8;

    [ThreadStatic]
    private static int t_slotHint;

    private readonly Lock _growth = new();
    private readonly Queue<(long Epoch, Action<nint, int> Free, nint Block, int Size)> _retired = new();
    private long[][] _blocks = [new long[SlotsPerBlock * Stride]];
    private long _epoch = 1;

    public int RetiredCount => _retired.Count;

    public ReadScope BeginRead()
    {
        for (int block = 0; ; block++)
        {
            if (block == Volatile.Read(ref _blocks).Length)
                AddBlock(block);
            long[] slots = Volatile.Read(ref _blocks)[block];
            for (int i = 0; i < SlotsPerBlock; i++)
            {
                int slot = (t_slotHint + i) % SlotsPerBlock;
                ref long epoch = ref slots[slot * Stride];
                // The exchange is a full fence: what this reader loads from now on is at least as new as the epoch it notes.
                if (Volatile.Read(ref epoch) == 0 && Interlocked.CompareExchange(ref epoch, Volatile.Read(ref _epoch), 0) == 0)
                {
                    t_slotHint = slot;
                    return new ReadScope(this, block * SlotsPerBlock + slot);
                }
            }
        }
    }

    public void EndRead(int slot)
    {
        ref long epoch = ref Volatile.Read(ref _blocks)[slot / SlotsPerBlock][slot % SlotsPerBlock * Stride];
        Invariant.Holds(epoch != 0);
        Volatile.Write(ref epoch, 0);
    }

    /// <summary>Frees the block later; nothing must lead to it any more.</summary>
    public void Retire(Action<nint, int> free, nint block, int size) => _retired.Enqueue((_epoch, free, block, size));

    public void FreeUnseen()
    {
        if (_retired.Count == 0)
            return;
        Volatile.Write(ref _epoch, _epoch + 1);
        // Before this fence: what was unlinked. After it: who may still have found it.
        Interlocked.MemoryBarrier();
        long oldest = OldestReader();
        while (_retired.TryPeek(out var retired) && retired.Epoch < oldest)
        {
            _retired.Dequeue();
            retired.Free(retired.Block, retired.Size);
        }
    }

    /// <summary>Returns when no reader that began before this call is under way.</summary>
    public void AwaitReaders()
    {
        Volatile.Write(ref _epoch, _epoch + 1);
        Interlocked.MemoryBarrier();
        var spin = new SpinWait();
        while (OldestReader() < _epoch)
            spin.SpinOnce();
    }

    private long OldestReader()
    {
        long oldest = _epoch;
        foreach (long[] slots in Volatile.Read(ref _blocks))
        {
            for (int i = 0; i < SlotsPerBlock; i++)
            {
                long epoch = Volatile.Read(ref slots[i * Stride]);
                if (epoch != 0)
                    oldest = Math.Min(oldest, epoch);
            }
        }
        return oldest;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddBlock(int length)
    {
        lock (_growth)
        {
            if (_blocks.Length == length)
                Volatile.Write(ref _blocks, [.. _blocks, new long[SlotsPerBlock * Stride]]);
        }
    }
}
