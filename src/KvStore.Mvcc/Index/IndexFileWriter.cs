using System.Buffers.Binary;
using KvStore.Mvcc.Leases;
using KvStore.Raft;
using KvStore.Storage;
using KvStore.Storage.Disks;

namespace KvStore.Mvcc.Index;

/// <summary>Packs changes into the blocks of an <see cref="IndexFile"/>.</summary>
internal sealed class IndexFileWriter(IFile file)
{
    // The largest change beside its key: two lengths, flags, four numbers, a lease.
    private const int MaxFixedSize = 5 + 5 + 1 + 4 * 10 + 8;

    private byte[] _block = new byte[4096];
    private byte[] _key = new byte[512];
    private int _keyLength;
    private long _main;
    private int _length = IndexFile.BlockHeaderSize;
    private uint _changes;
    private uint _blocks;
    private long _offset = IndexFile.HeaderSize;

    public void Add(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone)
    {
        Reserve(key.Length + MaxFixedSize);
        AddKey(key);
        IndexFileFlags flags = FlagsOf(state, isTombstone);
        _block[_length++] = (byte)flags;
        AddSigned(state.Mod.Main - _main);
        _main = state.Mod.Main;
        if (flags.HasFlag(IndexFileFlags.HasSub))
            AddNumber((ulong)state.Mod.Sub);
        if (flags.HasFlag(IndexFileFlags.IsUpdate))
        {
            AddNumber((ulong)(state.Mod.Main - state.Create));
            AddNumber((ulong)state.Version);
        }
        if (flags.HasFlag(IndexFileFlags.HasLease))
        {
            BinaryPrimitives.WriteInt64LittleEndian(_block.AsSpan(_length), state.Lease.Value);
            _length += sizeof(long);
        }
        _changes++;
        if (_length >= IndexFile.BlockHeaderSize + IndexFile.FullBlockSize)
            EndBlock();
    }

    public void End()
    {
        if (_changes > 0)
            EndBlock();
        _changes = _blocks;
        EndBlock();
    }

    private static IndexFileFlags FlagsOf(in KeyState state, bool isTombstone)
    {
        IndexFileFlags flags = state.Mod.Sub != 0 ? IndexFileFlags.HasSub : IndexFileFlags.None;
        if (isTombstone)
            return flags | IndexFileFlags.Tombstone;
        if (state.Create != state.Mod.Main || state.Version != 1)
            flags |= IndexFileFlags.IsUpdate;
        return state.Lease != LeaseId.None ? flags | IndexFileFlags.HasLease : flags;
    }

    private void AddKey(ReadOnlySpan<byte> key)
    {
        int shared = key.CommonPrefixLength(_key.AsSpan(0, _keyLength));
        AddNumber((ulong)shared);
        AddNumber((ulong)(key.Length - shared));
        key[shared..].CopyTo(_block.AsSpan(_length));
        _length += key.Length - shared;
        if (key.Length > _key.Length)
            Array.Resize(ref _key, 2 * key.Length);
        key[shared..].CopyTo(_key.AsSpan(shared));
        _keyLength = key.Length;
    }

    private void EndBlock()
    {
        int payload = _length - IndexFile.BlockHeaderSize;
        Invariant.Holds(payload <= IndexFile.MaxBlockSize);
        BinaryPrimitives.WriteInt32LittleEndian(_block, payload);
        BinaryPrimitives.WriteUInt32LittleEndian(_block.AsSpan(4), _changes);
        uint crc = Crc32C.Append(Crc32C.Of(_block.AsSpan(0, 8)), _block.AsSpan(IndexFile.BlockHeaderSize, payload));
        BinaryPrimitives.WriteUInt32LittleEndian(_block.AsSpan(8), crc);
        file.Write(_offset, _block.AsSpan(0, _length));
        _offset += _length;
        _blocks++;
        (_length, _changes, _keyLength, _main) = (IndexFile.BlockHeaderSize, 0, 0, 0);
    }

    private void Reserve(int size)
    {
        if (_length + size > _block.Length)
            Array.Resize(ref _block, Math.Max(_length + size, 2 * _block.Length));
    }

    private void AddSigned(long number) => AddNumber((ulong)((number << 1) ^ (number >> 63)));

    private void AddNumber(ulong number)
    {
        for (; number >= 0x80; number >>= 7)
            _block[_length++] = (byte)(number | 0x80);
        _block[_length++] = (byte)number;
    }
}
