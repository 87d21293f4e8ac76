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
/// too, a delete of all keys from one on (an end of "\0") is held against no put, but for one that keeps the value or the lease:
/// with the key deleted before it, etcd's server dies of it.
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
        /// <summary>Each key with whether its put keeps something of what is there.</summary>
        private readonly Dictionary<ByteString, bool> _puts = [];
        private readonly List<KeyRange> _deletes = [];

        public static Changes Of(IReadOnlyList<RequestOp> branch)
        {
            var changes = new Changes();
            foreach (var op in branch)
            {
                if (op.RequestDeleteRange is { } delete)
                    changes._deletes.Add(new KeyRange(delete.Key.Memory, delete.RangeEnd.Memory));
            }
            foreach (var op in branch)
            {
                if (op.RequestTxn is { } nested)
                    changes.Add(Of(nested.Success), Of(nested.Failure));
            }
            foreach (var op in branch)
            {
                if (op.RequestPut is { } put)
                    changes.AddPut(put.Key, put.IgnoreValue || put.IgnoreLease);
            }
            return changes;
        }

        private void Add(Changes success, Changes failure)
        {
            foreach (var (key, keeps) in success._puts)
                AddPut(key, keeps || failure._puts.GetValueOrDefault(key));
            foreach (var (key, keeps) in failure._puts)
            {
                if (!success._puts.ContainsKey(key))
                    AddPut(key, keeps);
            }
            _deletes.AddRange(success._deletes);
            _deletes.AddRange(failure._deletes);
        }

        private void AddPut(ByteString key, bool keeps)
        {
            if (!_puts.TryAdd(key, keeps) || _deletes.Exists(range => (keeps || !range.IsOpenEnded) && range.Contains(key.Span)))
                throw new EtcdException(EtcdError.DuplicateKey);
        }
    }
}
