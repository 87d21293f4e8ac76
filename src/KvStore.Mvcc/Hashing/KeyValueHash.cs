using System.Runtime.InteropServices;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Store;
using KvStore.Storage;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Hashing;

/// <summary>One number over the retained changes up to a revision: equal on all members that have the same data.</summary>
/// <remarks>
/// CRC-32C over each change's main and sub revision and stored record, by key and then by revision. What compaction has made
/// unreadable does not count, wherever the cleaning of the index stands, so members compare at any time. Any thread may
/// compute it; it reads everything and takes its time, in pieces, so that memory can be reused meanwhile.
/// </remarks>
public sealed class KeyValueHash(MvccStore store)
{
    private const int PieceChanges = 4096;

    /// <param name="revision">0 or less for the current one.</param>
    /// <exception cref="EtcdException">The revision is compacted, or not there yet.</exception>
    public KeyValueHashResult Compute(long revision)
    {
        while (true)
        {
            long current = store.CurrentRevision, compacted = store.CompactRevision;
            long upTo = revision <= 0 ? current : revision;
            if (upTo > current)
                throw new EtcdException(EtcdError.FutureRevision);
            if (upTo < compacted)
                throw new EtcdException(EtcdError.Compacted);
            // A compaction in between takes away what this would count: the next try counts without it.
            if (TryCompute(upTo, compacted) is { } hash)
                return new KeyValueHashResult(hash, upTo, compacted, current);
        }
    }

    private uint? TryCompute(long upTo, long compacted)
    {
        uint crc = 0;
        var from = KeyRange.All;
        try
        {
            for (bool isLast = false; !isLast && store.CompactRevision == compacted;)
            {
                var piece = new Piece(compacted);
                using (store.Index.BeginRead())
                    store.Index.VisitHistory(from, 0, upTo, piece.Visit);
                piece.Complete();
                AddRecords(ref crc, piece.Revisions);
                isLast = piece.NextKey is null;
                from = KeyRange.From(piece.NextKey);
            }
        }
        catch (InvalidDataException) when (store.CompactRevision != compacted)
        {
            // A value was given back while it was to be read.
        }
        return store.CompactRevision == compacted ? crc : null;
    }

    private void AddRecords(ref uint crc, List<Revision> revisions)
    {
        uint sum = crc;
        using var reader = store.Values.OpenReader();
        reader.ReadMany(CollectionsMarshal.AsSpan(revisions), (revision, record) =>
        {
            sum = Crc32C.Append(sum, MemoryMarshal.AsBytes([revision.Main, revision.Sub]));
            sum = Crc32C.Append(sum, record);
        });
        crc = sum;
    }

    /// <summary>The changes of some whole keys that count.</summary>
    private sealed class Piece(long compacted)
    {
        private byte[] _key = [];
        private Revision _lastCompacted;
        private bool _isLastCompactedSeen;

        public List<Revision> Revisions { get; } = [];

        /// <summary>Where the next piece begins; null after the last.</summary>
        public byte[]? NextKey { get; private set; }

        public bool Visit(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone)
        {
            if (!key.SequenceEqual(_key))
            {
                Complete();
                if (Revisions.Count >= PieceChanges)
                {
                    NextKey = key.ToArray();
                    return false;
                }
                _key = key.ToArray();
            }
            if (state.Mod.Main <= compacted)
            {
                // Of what is compacted, a key's last change counts, unless it is a delete before the compacted revision.
                _lastCompacted = state.Mod;
                _isLastCompactedSeen = !isTombstone || state.Mod.Main == compacted;
                return true;
            }
            Complete();
            Revisions.Add(state.Mod);
            return true;
        }

        public void Complete()
        {
            if (_isLastCompactedSeen)
                Revisions.Add(_lastCompacted);
            _isLastCompactedSeen = false;
        }
    }
}

/// <param name="CompactRevision">-1 when never compacted.</param>
/// <param name="CurrentRevision">For the answer's header.</param>
public readonly record struct KeyValueHashResult(uint Hash, long HashRevision, long CompactRevision, long CurrentRevision);
