using System.Buffers.Binary;
using FASTER.core;
using KvStore.Raft;

namespace KvStore.Storage.Values.Faster;

/// <summary>Reads values in a session of its own; handed back to the store's pool when disposed.</summary>
internal sealed class FasterValueReader(FasterValueStore store, FasterSession session, ValueFunctions functions) : IValueReader
{
    private byte[] _assembled = [];
    private bool _isLent;

    public void Lend()
    {
        Invariant.Holds(!_isLent);
        _isLent = true;
    }

    public bool TryRead(Revision revision, out ReadOnlySpan<byte> value)
    {
        ObjectDisposedException.ThrowIf(!_isLent, this);
        value = default;
        var key = RevisionKey.Of(revision);
        if (!Find(key))
            return false;
        value = Parse(key, out var kind);
        if (kind == RecordKind.Head)
            value = Assemble(revision, BinaryPrimitives.ReadInt32LittleEndian(value));
        return true;
    }

    public void ReadMany(ReadOnlySpan<Revision> revisions, ValueVisitor visitor)
    {
        foreach (var revision in revisions)
        {
            if (!TryRead(revision, out var value))
                throw new InvalidDataException($"{store.Directory}: the value of revision {revision} is missing");
            visitor(revision, value);
        }
    }

    /// <summary>Where the newest record of a revision stands in the log.</summary>
    public bool TryFind(Revision revision, out long address)
    {
        bool isFound = Find(RevisionKey.Of(revision));
        address = isFound ? functions.Address : 0;
        return isFound;
    }

    public void Dispose()
    {
        if (!_isLent)
            return;
        _isLent = false;
        store.TakeBack(this);
    }

    private bool Find(RevisionKey key)
    {
        while (true)
        {
            long begin = store.BeginAddress;
            functions.Forget();
            LogDevice.TakeReadFailure();
            Empty input = default;
            Empty output = default;
            bool isPending = session.Read(ref key, ref input, ref output).IsPending;
            if (isPending)
                session.CompletePending(wait: true);
            if (LogDevice.TakeReadFailure() is { } failure)
                throw new IOException(
                    $"{store.Directory}: cannot read the value of revision {key.Revision}: {failure.Message}", failure);
            if (functions.HasRecord)
                return true;
            // FASTER gives up a read that meets the beginning of a checkpoint when it comes back from the disk; it says nothing.
            if (isPending && !functions.IsAnswered)
                continue;
            // Compaction may have moved the record and dropped the place where we were about to look.
            if (store.BeginAddress == begin)
                return false;
        }
    }

    private ReadOnlySpan<byte> Parse(RevisionKey key, out RecordKind kind)
    {
        if (!StoredRecord.TryParse(functions.Record, key, out kind, out var bytes))
            throw Damaged(key.Revision);
        return bytes;
    }

    private ReadOnlySpan<byte> Assemble(Revision revision, int length)
    {
        if (length < 0)
            throw Damaged(revision);
        if (_assembled.Length < length)
            _assembled = new byte[length];
        int done = 0;
        for (int piece = 1; done < length; piece++)
        {
            var key = RevisionKey.Of(revision, piece);
            if (!Find(key))
                throw new InvalidDataException(
                    $"{store.Directory}: piece {piece} of the value of revision {revision} is missing");
            var bytes = Parse(key, out _);
            if (bytes.IsEmpty || bytes.Length > length - done)
                throw Damaged(revision);
            bytes.CopyTo(_assembled.AsSpan(done));
            done += bytes.Length;
        }
        return _assembled.AsSpan(0, length);
    }

    private InvalidDataException Damaged(Revision revision) => new(
        $"{store.Directory}: the value of revision {revision} at log address {functions.Address} "
        + "fails its checksum; it is damaged");
}
