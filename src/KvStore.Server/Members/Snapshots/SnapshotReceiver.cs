using System.Buffers.Binary;
using KvStore.Mvcc.State;
using KvStore.Raft;
using KvStore.Server.Members.Checkpoints;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;
using KvStore.Storage.Wal;

namespace KvStore.Server.Members.Snapshots;

/// <summary>Takes a snapshot's body in, and keeps a part of one from transfer to transfer; one for each member.</summary>
/// <remarks>
/// <code>
/// Begin() -> position for the sender, empty when there is nothing     ... a transfer is cut: Begin() again, and on it goes
/// Write(bytes) Write(bytes) ...                                       bytes cut anywhere; whole chunks count at once
/// TryComplete(out staged), again and again until it is true           behind the last byte
/// </code>
/// The key index goes to DIR/snapshot, the values into a store of their own (<see cref="ValueGenerations"/>), where they stay;
/// no checkpoint refers to either, so a crash leaves nothing that a start would take for its own. Memory: one chunk, the state,
/// and what the value store takes. Belongs to one caller at a time, on any thread.
/// </remarks>
internal sealed class SnapshotReceiver(IDisk disk, DataDirectory directory, IMemberParts parts) : IDisposable
{
    /// <summary>What the disk must keep free; less for a snapshot that is smaller.</summary>
    private const long LeftBytes = 16 << 20;

    private readonly ValueGenerations _generations = new(disk, directory);
    private readonly ChunkAssembly _chunk = new();
    private byte[] _state = [];
    private IFile? _index;
    private IValueStore? _values;
    private int _generation;
    private ICheckpointInProgress? _checkpoint;
    private SnapshotPosition _position;
    private bool _isOpen;

    /// <summary>What is being received, or is there in part; null before the first chunk.</summary>
    public SnapshotHead? Head { get; private set; }

    /// <summary>Whether all has come, and <see cref="TryComplete"/> is next.</summary>
    public bool IsWhole => Head is not null && _position.Section == SnapshotSection.Done;

    /// <summary>Begins a transfer: what the last one left of a chunk is forgotten, whole chunks are kept.</summary>
    /// <returns>For <see cref="SnapshotSender.Open"/>: what is there already.</returns>
    public byte[] Begin()
    {
        _chunk.Clear();
        if (IsWhole)
            Discard(); // It was not asked for: whoever sends again wants to send all.
        _isOpen = true;
        return Head is null ? [] : _position.Encode();
    }

    /// <summary>Takes the next bytes in.</summary>
    /// <exception cref="InvalidDataException">
    /// They are not what the sender sent, or make no snapshot; the transfer is over. Begin another one.
    /// </exception>
    /// <exception cref="IOException">The disk failed or is full; all that was received is deleted, the transfer is over.</exception>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        Invariant.Holds(_isOpen);
        try
        {
            // Over, unless this comes to its end.
            _isOpen = false;
            while (!bytes.IsEmpty)
            {
                bytes = bytes[_chunk.Take(bytes)..];
                if (_chunk.IsWhole)
                    Accept();
            }
            _isOpen = true;
        }
        catch (IOException)
        {
            // The store of values does not take a value after one that failed.
            Discard();
            throw;
        }
    }

    /// <summary>Makes what was received durable, a step a call.</summary>
    /// <returns>Whether that is done; else call again soon, after a millisecond or two.</returns>
    /// <exception cref="IOException">The disk failed or is full; all that was received is deleted.</exception>
    public bool TryComplete(out StagedSnapshot? staged)
    {
        Invariant.Holds(IsWhole);
        staged = null;
        try
        {
            if (_checkpoint is null)
            {
                _index!.Sync();
                disk.SyncDirectory(directory.Snapshot);
                _checkpoint = _values!.BeginCheckpoint();
            }
            _values!.Refresh();
            if (!_checkpoint.IsComplete)
                return false;
        }
        catch (IOException)
        {
            Discard();
            throw;
        }
        staged = HandOver();
        return true;
    }

    /// <summary>Gives up what was received, and its space.</summary>
    public void Dispose() => Discard();

    private void Accept()
    {
        var header = _chunk.Header;
        bool isFirst = header is { Kind: SnapshotSection.Head, Number: 0 };
        if (!isFirst && (Head is null || header.Number != _position.NextChunk))
            throw new InvalidDataException($"chunk {header.Number} of a snapshot came, chunk {(Head is null ? 0 : _position.NextChunk)} was expected");
        _chunk.Check(isFirst ? 0 : _position.Chain);
        try
        {
            if (isFirst)
                Start(SnapshotHead.Decode(_chunk.Payload));
            else
                Accept(header.Kind, _chunk.Payload);
        }
        catch (InvalidDataException)
        {
            // It is as it was sent, so what was sent is of no use.
            Discard();
            throw;
        }
        _position = _position with { NextChunk = header.Number + 1, Chain = header.Chain };
        _chunk.Clear();
    }

    private void Accept(SnapshotSection kind, ReadOnlySpan<byte> payload)
    {
        switch (kind, _position.Section)
        {
            case (SnapshotSection.State, SnapshotSection.State):
                AcceptState(payload);
                break;
            case (SnapshotSection.Index, SnapshotSection.State or SnapshotSection.Index):
                MoveTo(SnapshotSection.Index, SnapshotSection.State, Head!.StateBytes);
                AcceptIndex(payload);
                break;
            case (SnapshotSection.Values, SnapshotSection.Index or SnapshotSection.Values):
                MoveTo(SnapshotSection.Values, SnapshotSection.Index, Head!.IndexBytes);
                AcceptValues(payload);
                break;
            case (SnapshotSection.End, SnapshotSection.Values):
                AcceptEnd(payload);
                break;
            default:
                throw new InvalidDataException($"a chunk of a snapshot's {kind} came among its {_position.Section}");
        }
    }

    private void Start(SnapshotHead head)
    {
        Discard();
        // All values come where nothing was compacted; else how many is known when they are there.
        CheckRoom(head, head.IndexBytes + (head.CompactRevision > 0 ? 0 : head.ValuesBytes));
        _generation = _generations.Unused();
        disk.CreateDirectory(directory.Snapshot);
        _index = disk.Open(StagedSnapshot.StagedIndexPath(directory, _generation), FileOpening.CreateNew);
        _values = parts.CreateValues(disk, _generations.PathOf(_generation));
        _state = new byte[head.StateBytes];
        Head = head;
        _position = new SnapshotPosition(head.Identity, SnapshotSection.State, 0, 0, 0, 0, 0);
    }

    /// <summary>Refuses before the disk is full: the member has to go on living on it.</summary>
    private void CheckRoom(SnapshotHead head, long bytes)
    {
        if (disk.FreeBytes(directory.Path) < bytes + Math.Min(LeftBytes, head.IndexBytes + head.ValuesBytes))
            throw new DiskFullException($"no room in {directory.Path} for a snapshot of up to {head.IndexBytes + head.ValuesBytes} bytes: free some");
    }

    /// <summary>The section before must have come whole.</summary>
    private void MoveTo(SnapshotSection section, SnapshotSection before, long bytesBefore)
    {
        if (_position.Section == section)
            return;
        if (_position.Offset != bytesBefore)
            throw new InvalidDataException($"the snapshot's {before} has {_position.Offset} bytes instead of {bytesBefore}");
        _position = _position with { Section = section, Offset = 0 };
    }

    private void AcceptState(ReadOnlySpan<byte> payload)
    {
        if (payload.Length > Head!.StateBytes - _position.Offset)
            throw new InvalidDataException("the snapshot's state is longer than its head says");
        payload.CopyTo(_state.AsSpan((int)_position.Offset));
        _position = _position with { Offset = _position.Offset + payload.Length };
        if (_position.Offset == Head.StateBytes)
            CheckState();
    }

    private void CheckState()
    {
        var image = StateImage.Decode(_state);
        bool isHeads = new EntryId(image.AppliedTerm, image.AppliedIndex) == Head!.Applied
            && (image.CurrentRevision, image.CompactRevision) == (Head.Revision, Head.CompactRevision)
            && ConfStateCodec.Decode(image.Configuration.Span).IsEquivalentTo(Head.ConfState);
        if (!isHeads)
            throw new InvalidDataException($"the snapshot's state is of entry {image.AppliedIndex}, its head of {Head.Applied.Index}, or they differ otherwise");
    }

    private void AcceptIndex(ReadOnlySpan<byte> payload)
    {
        if (payload.Length > Head!.IndexBytes - _position.Offset)
            throw new InvalidDataException("the snapshot's index is longer than its head says");
        _index!.Write(_position.Offset, payload);
        _position = _position with { Offset = _position.Offset + payload.Length };
    }

    private void AcceptValues(ReadOnlySpan<byte> payload)
    {
        CheckRoom(Head!, payload.Length);
        if (payload.Length < SnapshotFormat.ValuesHeadBytes)
            throw new InvalidDataException("a chunk of a snapshot's values is too short");
        long offset = BinaryPrimitives.ReadInt64LittleEndian(payload);
        int count = BinaryPrimitives.ReadInt32LittleEndian(payload[8..]);
        payload = payload[SnapshotFormat.ValuesHeadBytes..];
        for (int i = 0; i < count; i++)
            AcceptValue(ref payload);
        if (!payload.IsEmpty)
            throw new InvalidDataException("a chunk of a snapshot's values is longer than what it holds");
        _position = _position with { Offset = offset };
    }

    private void AcceptValue(ref ReadOnlySpan<byte> rest)
    {
        if (rest.Length < SnapshotFormat.ValueHeadBytes)
            throw new InvalidDataException("a value of a snapshot is cut off");
        var revision = new Revision(BinaryPrimitives.ReadInt64LittleEndian(rest), BinaryPrimitives.ReadInt64LittleEndian(rest[8..]));
        int length = BinaryPrimitives.ReadInt32LittleEndian(rest[16..]);
        rest = rest[SnapshotFormat.ValueHeadBytes..];
        if ((uint)length > (uint)rest.Length || revision.Main < 0 || revision.Main > Head!.Revision || revision.Sub is < 0 or >= 1L << 48)
            throw new InvalidDataException($"a value of a snapshot, of revision {revision}, makes no sense");
        _values!.Write(revision, rest[..length]);
        rest = rest[length..];
        _position = _position with { ValueCount = _position.ValueCount + 1, ValueBytes = _position.ValueBytes + length };
    }

    private void AcceptEnd(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != SnapshotFormat.EndBytes)
            throw new InvalidDataException("the snapshot's end has another size");
        long count = BinaryPrimitives.ReadInt64LittleEndian(payload), bytes = BinaryPrimitives.ReadInt64LittleEndian(payload[8..]);
        if ((count, bytes) != (_position.ValueCount, _position.ValueBytes))
        {
            throw new InvalidDataException(
                $"the snapshot has {_position.ValueCount} values of {_position.ValueBytes} bytes, its end says {count} of {bytes}");
        }
        _position = _position with { Section = SnapshotSection.Done };
    }

    private StagedSnapshot HandOver()
    {
        var manifest = new CheckpointManifest(Head!.Applied.Index, Head.Revision, _checkpoint!.Id, _state)
        {
            Generation = _generation,
            IsReceived = true,
        };
        var staged = new StagedSnapshot(disk, directory, Head, manifest);
        Close();
        return staged;
    }

    private void Discard()
    {
        bool isAny = Head is not null || _index is not null;
        int generation = _generation;
        Close();
        if (!isAny)
            return;
        string index = StagedSnapshot.StagedIndexPath(directory, generation);
        if (disk.FileExists(index))
            disk.Delete(index);
        _generations.Delete(generation);
    }

    private void Close()
    {
        _index?.Dispose();
        _values?.Dispose();
        (_index, _values, _checkpoint, Head) = (null, null, null, null);
        _state = [];
        _position = default;
    }
}
