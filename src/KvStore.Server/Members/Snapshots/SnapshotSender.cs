using System.Buffers.Binary;
using KvStore.Mvcc.State;
using KvStore.Server.Members.Checkpoints;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;
using KvStore.Storage.Wal;

namespace KvStore.Server.Members.Snapshots;

/// <summary>Reads a checkpoint as a snapshot's body, chunk by chunk, while the member serves on.</summary>
/// <remarks>
/// All of it comes from files that stay as they are as long as the checkpoint is pinned: no lock is taken and no loop is
/// disturbed. Memory: one chunk and one page of values. Belongs to one caller at a time; dispose it whatever became of the
/// transfer, or the checkpoint's files stay for ever.
/// </remarks>
internal sealed class SnapshotSender : IDisposable
{
    /// <summary>Values looked at for one chunk, dead ones among them, so that no call takes long.</summary>
    private const int ValuesPerChunkLimit = 50_000;

    private readonly CheckpointPin _pin;
    private readonly IFile _index;
    private readonly RetainedValues _retained;
    private readonly SnapshotPosition? _resumed;
    private ICheckpointReader? _values;
    private byte[] _chunk = new byte[4096];
    private int _length;
    private SnapshotSection _section = SnapshotSection.Head;
    private long _offset;
    private ulong _number;
    private uint _chain;
    private long _valueCount;
    private long _valueBytes;

    private SnapshotSender(CheckpointPin pin, IFile index, SnapshotPosition? resumed)
    {
        (_pin, _index, _resumed) = (pin, index, resumed);
        var image = StateImage.Decode(pin.Manifest.State.Span);
        using var values = pin.ReadValues(0);
        Head = new SnapshotHead(
            SnapshotIdentity.Of(pin.Number, pin.Manifest), ConfStateCodec.Decode(image.Configuration.Span), image.CurrentRevision,
            image.CompactRevision, pin.Manifest.State.Length, index.Length, values.SizeBytes);
        _retained = new RetainedValues(index, image.CompactRevision);
    }

    /// <summary>Told when a part that comes later than the opening turns out to be unreadable, before that is thrown.</summary>
    public Action<Exception> Damaged { get; set; } = _ => { };

    /// <summary>What is sent: the message that announces the snapshot says the same entry and members.</summary>
    public SnapshotHead Head { get; }

    /// <summary>Whether the body goes on where another transfer ended.</summary>
    public bool IsResumed => _resumed is not null;

    /// <summary>About how much the whole body is, for telling how far it is.</summary>
    public long SizeBytes => Head.StateBytes + Head.IndexBytes + Head.ValuesBytes;

    /// <summary>Opens the newest checkpoint, or the one that an earlier transfer was of when that is still there.</summary>
    /// <param name="position">What the receiver says it has, see <see cref="SnapshotReceiver.Begin"/>; may be empty.</param>
    /// <returns>Null when the member has no checkpoint yet: take one first.</returns>
    public static SnapshotSender? Open(Checkpointer checkpointer, ReadOnlySpan<byte> position)
    {
        var wanted = SnapshotPosition.Decode(position);
        if (checkpointer.Pin(wanted?.Identity) is not { } pin)
            return null;
        IFile? index = null;
        try
        {
            index = pin.OpenIndex();
            bool isSame = wanted?.Identity == SnapshotIdentity.Of(pin.Number, pin.Manifest);
            var resumed = isSame && wanted is { Section: SnapshotSection.State or SnapshotSection.Index or SnapshotSection.Values } ? wanted : null;
            var sender = new SnapshotSender(pin, index, resumed);
            if (resumed is { } found)
                sender.GoOnFrom(found);
            return sender;
        }
        catch
        {
            index?.Dispose();
            pin.Dispose();
            throw;
        }
    }

    /// <param name="chunk">Valid until the next call.</param>
    /// <returns>False behind the last chunk.</returns>
    /// <exception cref="InvalidDataException">The checkpoint is damaged; nothing can be sent of it.</exception>
    public bool TryReadChunk(out ReadOnlyMemory<byte> chunk)
    {
        try
        {
            return TryReadNext(out chunk);
        }
        catch (Exception damage) when (damage is IOException or InvalidDataException)
        {
            Damaged(damage);
            throw;
        }
    }

    public void Dispose()
    {
        _values?.Dispose();
        _index.Dispose();
        _pin.Dispose();
    }

    private bool TryReadNext(out ReadOnlyMemory<byte> chunk)
    {
        _length = SnapshotFormat.ChunkHeaderBytes;
        var kind = SkipEnded();
        switch (kind)
        {
            case SnapshotSection.Head: AddHead(); break;
            case SnapshotSection.State: AddState(); break;
            case SnapshotSection.Index: AddIndex(); break;
            case SnapshotSection.Values: AddValues(); break;
            case SnapshotSection.End: AddEnd(); break;
            default:
                chunk = default;
                return false;
        }
        _chain = SnapshotFormat.WriteHeader(_chunk.AsSpan(0, _length), kind, _number++, _chain);
        chunk = _chunk.AsMemory(0, _length);
        return true;
    }

    private void GoOnFrom(SnapshotPosition position)
    {
        (_section, _offset, _number, _chain) = (position.Section, position.Offset, position.NextChunk, position.Chain);
        (_valueCount, _valueBytes) = (position.ValueCount, position.ValueBytes);
        if (_section == SnapshotSection.Values)
            _values = _pin.ReadValues(_offset);
    }

    /// <summary>Moves on behind sections of which nothing is left.</summary>
    private SnapshotSection SkipEnded()
    {
        if (_section == SnapshotSection.State && _offset >= Head.StateBytes)
            (_section, _offset) = (SnapshotSection.Index, 0);
        if (_section == SnapshotSection.Index && _offset >= Head.IndexBytes)
            (_section, _offset) = (SnapshotSection.Values, 0);
        return _section;
    }

    private void AddHead()
    {
        byte[] head = Head.Encode();
        head.CopyTo(Reserve(head.Length));
        (_section, _offset) = (SnapshotSection.State, 0);
    }

    private void AddState()
    {
        var state = _pin.Manifest.State.Span[(int)_offset..];
        state = state[..Math.Min(state.Length, SnapshotFormat.FullChunkBytes)];
        state.CopyTo(Reserve(state.Length));
        _offset += state.Length;
    }

    private void AddIndex()
    {
        var bytes = Reserve((int)Math.Min(SnapshotFormat.FullChunkBytes, Head.IndexBytes - _offset));
        if (_index.Read(_offset, bytes) < bytes.Length)
            throw new InvalidDataException($"'{_index.Path}' was cut off while it was sent");
        _offset += bytes.Length;
        _retained.ReadTo(_offset);
    }

    /// <summary>At the end of the values this is a chunk of none, so that the receiver need not guess.</summary>
    private void AddValues()
    {
        _values ??= _pin.ReadValues(0);
        // All of it is read already, unless the transfer was taken up behind the index.
        _retained.ReadTo(long.MaxValue);
        int head = _length;
        int count = 0;
        Reserve(SnapshotFormat.ValuesHeadBytes);
        for (int looked = 0; _length < SnapshotFormat.FullChunkBytes && looked < ValuesPerChunkLimit; looked++)
        {
            if (!_values.TryNext(out var value))
            {
                _section = SnapshotSection.End;
                break;
            }
            // What was written after the checkpoint began comes with the log; what was compacted is of use to nobody.
            if (_values.Revision.Main > Head.Revision || !_retained.MayBeNeeded(_values.Revision, value))
                continue;
            AddValue(_values.Revision, value);
            count++;
        }
        _offset = _values.Position;
        BinaryPrimitives.WriteInt64LittleEndian(_chunk.AsSpan(head), _offset);
        BinaryPrimitives.WriteInt32LittleEndian(_chunk.AsSpan(head + 8), count);
    }

    private void AddValue(Revision revision, ReadOnlySpan<byte> value)
    {
        if (value.Length > SnapshotFormat.PayloadLimitBytes / 2)
            throw new InvalidDataException($"the value of revision {revision} has {value.Length} bytes: too many for a snapshot");
        var bytes = Reserve(SnapshotFormat.ValueHeadBytes + value.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, revision.Main);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], revision.Sub);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[16..], value.Length);
        value.CopyTo(bytes[SnapshotFormat.ValueHeadBytes..]);
        _valueCount++;
        _valueBytes += value.Length;
    }

    private void AddEnd()
    {
        var bytes = Reserve(SnapshotFormat.EndBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, _valueCount);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], _valueBytes);
        _section = SnapshotSection.Done;
    }

    private Span<byte> Reserve(int bytes)
    {
        if (_length + bytes > _chunk.Length)
            Array.Resize(ref _chunk, Math.Max(_length + bytes, 2 * _chunk.Length));
        _length += bytes;
        return _chunk.AsSpan(_length - bytes, bytes);
    }
}
