using System.Buffers.Binary;
using KvStore.Mvcc.Leases;
using KvStore.Storage;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Index;

/// <summary>Reads an <see cref="IndexFile"/> into an index, checking everything before the index sees it.</summary>
internal sealed class IndexFileReader(IFile file, long revision)
{
    private byte[] _block = [];
    private int _length;
    private int _position;
    private long _offset = IndexFile.HeaderSize;

    private byte[] _key = new byte[512];
    private int _keyLength;
    private Revision _mod;

    // The last key and its last revision, over blocks: changes must come in order.
    private byte[] _lastKey = new byte[512];
    private int _lastKeyLength;
    private Revision _lastMod;
    private uint _blocks;

    /// <summary>How far it has read.</summary>
    public long Offset => _offset;

    public void LoadInto(IKeyIndex index)
    {
        if (index is NativeKeyIndex native)
            native.RestoreInOrder(Read);
        else
            Read(index.Restore);
    }

    /// <summary>Reads one block.</summary>
    /// <returns>False at the end block.</returns>
    public bool TryReadBlock(RestoredChange receiver)
    {
        if (!ReadBlock(out uint changes))
            return false;
        (_keyLength, _mod) = (0, default);
        for (uint i = 0; i < changes; i++)
            LoadChange(receiver);
        if (_position != _length)
            throw Damage("a block is longer than its changes");
        _offset += IndexFile.BlockHeaderSize + _length;
        _blocks++;
        return true;
    }

    private void Read(RestoredChange receiver)
    {
        while (TryReadBlock(receiver))
        {
        }
    }

    private bool ReadBlock(out uint changes)
    {
        Span<byte> header = stackalloc byte[IndexFile.BlockHeaderSize];
        _position = 0;
        if (file.Read(_offset, header) < header.Length)
            throw Damage("the file ends too early");
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        changes = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        if (length > IndexFile.MaxBlockSize || length > file.Length - _offset - header.Length)
            throw Damage("a block is longer than the file");
        _length = (int)length;
        if (_block.Length < _length)
            _block = new byte[_length + _length / 8];
        if (file.Read(_offset + header.Length, _block.AsSpan(0, _length)) < _length)
            throw Damage("the file ends too early");
        uint crc = Crc32C.Append(Crc32C.Of(header[..8]), _block.AsSpan(0, _length));
        if (crc != BinaryPrimitives.ReadUInt32LittleEndian(header[8..]))
            throw Damage("a block fails its check");
        if (_length > 0)
            return true;
        if (changes != _blocks || _offset + header.Length != file.Length)
            throw Damage("the end does not fit what comes before it");
        return false;
    }

    private void LoadChange(RestoredChange receiver)
    {
        ReadKey();
        var flags = (IndexFileFlags)TakeByte();
        if ((flags & ~IndexFileFlags.All) != 0)
            throw Damage("a change has unknown flags");
        long main = _mod.Main + TakeSigned();
        long sub = flags.HasFlag(IndexFileFlags.HasSub) ? (long)TakeNumber() : 0;
        _mod = new Revision(main, sub);
        var state = new KeyState(_mod, main, 1, LeaseId.None);
        if (flags.HasFlag(IndexFileFlags.IsUpdate))
            state = state with { Create = main - (long)TakeNumber(), Version = (long)TakeNumber() };
        if (flags.HasFlag(IndexFileFlags.HasLease))
            state = state with { Lease = new LeaseId(BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)))) };
        Check(state);
        receiver(_key.AsSpan(0, _keyLength), state, flags.HasFlag(IndexFileFlags.Tombstone));
        RememberKey();
    }

    private void ReadKey()
    {
        ulong shared = TakeNumber();
        ulong rest = TakeNumber();
        if (shared > (ulong)_keyLength || rest > (ulong)(_length - _position) || shared + rest == 0)
            throw Damage("a key has an impossible length");
        int length = (int)(shared + rest);
        if (length > _key.Length)
            Array.Resize(ref _key, 2 * length);
        Take((int)rest).CopyTo(_key.AsSpan((int)shared));
        _keyLength = length;
    }

    private void Check(in KeyState state)
    {
        if (state.Mod.Main < 0 || state.Mod.Main > revision || state.Mod.Main > LeafEntry.MaxMain || state.Mod.Sub < 0)
            throw Damage("a change has an impossible revision");
        if (state.Create < 0 || state.Create > state.Mod.Main || state.Version < 1)
            throw Damage("a change has an impossible creation");
        int order = _key.AsSpan(0, _keyLength).SequenceCompareTo(_lastKey.AsSpan(0, _lastKeyLength));
        if (order < 0 || (order == 0 && state.Mod <= _lastMod))
            throw Damage("changes are out of order");
    }

    private void RememberKey()
    {
        if (_lastKey.Length < _keyLength)
            _lastKey = new byte[2 * _keyLength];
        _key.AsSpan(0, _keyLength).CopyTo(_lastKey);
        (_lastKeyLength, _lastMod) = (_keyLength, _mod);
    }

    private byte TakeByte() => _position < _length ? _block[_position++] : throw Damage("a change is cut off");

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _length - _position)
            throw Damage("a change is cut off");
        _position += length;
        return _block.AsSpan(_position - length, length);
    }

    private long TakeSigned()
    {
        ulong number = TakeNumber();
        return (long)(number >> 1) ^ -(long)(number & 1);
    }

    private ulong TakeNumber()
    {
        byte first = TakeByte();
        return first < 0x80 ? first : TakeLongNumber(first);
    }

    private ulong TakeLongNumber(byte first)
    {
        ulong number = first & 0x7Fu;
        for (int shift = 7; shift < 64; shift += 7)
        {
            byte next = TakeByte();
            number |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return number;
        }
        throw Damage("a number is too long");
    }

    private InvalidDataException Damage(string what) =>
        IndexFile.Damage(file, _offset + (_position == 0 ? 0 : IndexFile.BlockHeaderSize + _position), what);
}
