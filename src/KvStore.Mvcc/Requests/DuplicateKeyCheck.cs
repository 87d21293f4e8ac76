using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Protocol;

namespace KvStore.Mvcc.Requests;

/// <summary>Refuses transactions in which one branch could change a key twice.</summary>
/// <remarks>
/// A key is put at most once in a branch, nested transactions included, and not where the branch also deletes it. Deletes may
/// overlap each other. Then and else exclude each other, so that what one does never counts against the other. As in etcd, a
/// nested put is held against the deletes of its own level and of the transactions before it, not of those after it. As in etcd,
/// too, a delete of all keys from one on (an end of "\0") is held against no put.
/// </remarks>
internal static class DuplicateKeyCheck
{
    /// <exception cref="EtcdException"><see cref="EtcdError.DuplicateKey"/>.</exception>
    public static void Check(TxnRequest request)
    {
        Check(request.Success);
        Check(request.Failure);
    }

    private static void Check(IReadOnlyList<RequestOp> branch)
    {
        // The common case costs nothing: one operation that is no transaction cannot meet another.
        if (branch.Count == 0 || (branch.Count == 1 && branch[0].RequestTxn is null))
            return;
        Changes.Of(branch);
    }

    /// <summary>What one branch changes.</summary>
    private sealed class Changes
    {
        private readonly HashSet<ByteString> _puts = [];
        private readonly List<KeyRange> _deletes = [];

        public static Changes Of(IReadOnlyList<RequestOp> branch)
        {
            var changes = new Changes();
            foreach (var op in branch)
            {
                if (op.RequestDeleteRange is { } delete && new KeyRange(delete.Key.Memory, delete.RangeEnd.Memory) is { IsOpenEnded: false } range)
                    changes._deletes.Add(range);
            }
            foreach (var op in branch)
            {
                if (op.RequestTxn is { } nested)
                    changes.Add(Of(nested.Success), Of(nested.Failure));
            }
            foreach (var op in branch)
            {
                if (op.RequestPut is { } put)
                    changes.AddPut(put.Key);
            }
            return changes;
        }

        private void Add(Changes success, Changes failure)
        {
            foreach (var key in success._puts)
                AddPut(key);
            foreach (var key in failure._puts)
            {
                if (!success._puts.Contains(key))
                    AddPut(key);
            }
            _deletes.AddRange(success._deletes);
            _deletes.AddRange(failure._deletes);
        }

        private void AddPut(ByteString key)
        {
            if (!_puts.Add(key) || _deletes.Exists(range => range.Contains(key.Span)))
                throw new EtcdException(EtcdError.DuplicateKey);
        }
    }
}
