using KvStore.Mvcc.Index;

namespace KvStore.Mvcc.Tests.Index;

/// <summary>What must hold between the parts of a <see cref="NativeKeyIndex"/> that no operation is under way on.</summary>
internal static unsafe class IndexStructure
{
    public static void Check(NativeKeyIndex index)
    {
        byte[] next = [];
        int length = 0;
        byte[] last = [];
        long keys = 0;
        long bytes = 0;
        do
        {
            byte[] start = next[..length];
            Leaf leaf = index.Tree.Find(start);
            Assert.True(leaf.Size <= leaf.Capacity && leaf.Capacity <= Leaf.MaxSize);
            Assert.Equal(0u, leaf.Sequence % 2);
            bytes += NativeHeap.RoundUp(leaf.Capacity);
            keys += leaf.Count;
            bool hasNext = index.Tree.TryGetNextStart(ref next, out length);
            for (int i = 0; i < leaf.Count; i++)
            {
                byte[] key = leaf.IsLong ? leaf.LongKey.ToArray() : [.. leaf.Prefix, .. leaf.Suffix(i)];
                Assert.True(last.AsSpan().SequenceCompareTo(key) < 0, "keys are not in order");
                Assert.True(start.AsSpan().SequenceCompareTo(key) <= 0, "a key is below its leaf");
                Assert.True(!hasNext || key.AsSpan().SequenceCompareTo(next.AsSpan(0, length)) < 0, "a key is above its leaf");
                bytes += index.History.BytesOf(leaf.Entries[i].History);
                last = key;
            }
            if (!hasNext)
                break;
        }
        while (true);
        Assert.Equal(index.KeyCount, keys);
        Assert.Equal(index.Heap.UsedBytes, bytes);
        Assert.Equal(0, index.Tree.Structure % 2);
        // Its sum is kept by differences.
        Assert.Equal(NodeBytes(index.Tree.Root), index.Tree.NodeBytes);
    }

    private static long NodeBytes(InnerNode node) =>
        node.MemoryBytes + (node.Nodes is null ? 0 : node.Nodes.Sum(NodeBytes));
}
