using KvStore.Raft;

namespace KvStore.Mvcc.Index;

/// <summary>Takes a change of a dump or a scan.</summary>
/// <param name="key">Valid during the call alone.</param>
internal delegate void RestoredChange(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone);

/// <summary>Fills an empty index with changes in the order of keys and revisions.</summary>
internal sealed class KeyLoader(LeafTree tree, ChangeHistory history)
{
    private readonly LeafLoader _leaves = new(tree);

    // The key at hand and its newest change so far, which goes into a leaf once the next key comes.
    private byte[] _key = new byte[512];
    private int _keyLength;
    private KeyState _state;
    private bool _isTombstone;
    private uint _history;
    private long _keyCount;

    public void Add(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone)
    {
        int order = key.SequenceCompareTo(_key.AsSpan(0, _keyLength));
        Invariant.Holds(order > 0 || (order == 0 && _keyLength > 0 && _state.Mod < state.Mod));
        if (order == 0)
        {
            // A wide change is in the history already.
            if (!LeafEntry.IsWideState(_state, _isTombstone))
                _history = history.Append(_history, _state, _isTombstone);
        }
        else
        {
            EndKey();
            if (_key.Length < key.Length)
                _key = new byte[2 * key.Length];
            key.CopyTo(_key);
            _keyLength = key.Length;
        }
        (_state, _isTombstone) = (state, isTombstone);
        if (LeafEntry.IsWideState(state, isTombstone))
            _history = history.Append(_history, state, isTombstone);
    }

    /// <returns>How many keys there were.</returns>
    public long Complete()
    {
        EndKey();
        InnerNode? root = _leaves.Complete();
        if (root is not null)
            tree.Adopt(root);
        return _keyCount;
    }

    private void EndKey()
    {
        if (_keyLength == 0)
            return;
        _leaves.Add(_key.AsSpan(0, _keyLength), LeafEntry.From(_state, _isTombstone, _history));
        _history = 0;
        _keyCount++;
    }
}
