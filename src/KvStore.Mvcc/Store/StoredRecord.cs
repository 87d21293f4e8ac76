using System.Numerics;
using System.Runtime.CompilerServices;
using KvStore.Mvcc.Leases;

namespace KvStore.Mvcc.Store;

/// <summary>What is stored at a revision: the bytes of an mvccpb.KeyValue, so that answers are made by copying them.</summary>
/// <remarks>
/// <code>
/// put:        0A len key   10 create_revision   18 mod_revision   20 version   [2A len value]   [30 lease]
/// tombstone:  0A len key                        18 mod_revision
/// </code>
/// Fields of value zero are left out, as protobuf does; a put has a create revision and a version of at least 1, so the byte
/// after the key tells the two apart. A tombstone holds exactly what a delete event says.
/// </remarks>
internal readonly struct StoredRecord
{
    private const byte KeyTag = 0x0A, CreateTag = 0x10, ModTag = 0x18, VersionTag = 0x20, ValueTag = 0x2A, LeaseTag = 0x30;

    public int KeyOffset { get; private init; }
    public int KeyLength { get; private init; }
    public int ValueOffset { get; private init; }
    public int ValueLength { get; private init; }
    public long CreateRevision { get; private init; }
    public long ModRevision { get; private init; }
    public long Version { get; private init; }
    public LeaseId Lease { get; private init; }

    public bool IsTombstone => Version == 0;

    public ReadOnlySpan<byte> KeyOf(ReadOnlySpan<byte> record) => record.Slice(KeyOffset, KeyLength);

    public ReadOnlySpan<byte> ValueOf(ReadOnlySpan<byte> record) => record.Slice(ValueOffset, ValueLength);

    public static byte[] Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long create, long mod, long version, LeaseId lease)
    {
        var record = new byte[PutSize(key, value, create, mod, version, lease)];
        int position = WriteBytes(record, 0, KeyTag, key);
        position = WriteVarint(record, position, CreateTag, (ulong)create);
        position = WriteVarint(record, position, ModTag, (ulong)mod);
        position = WriteVarint(record, position, VersionTag, (ulong)version);
        if (!value.IsEmpty)
            position = WriteBytes(record, position, ValueTag, value);
        if (lease != LeaseId.None)
            WriteVarint(record, position, LeaseTag, (ulong)lease.Value);
        return record;
    }

    public static byte[] Tombstone(ReadOnlySpan<byte> key, long mod)
    {
        var record = new byte[BytesSize(key) + 1 + VarintSize((ulong)mod)];
        WriteVarint(record, WriteBytes(record, 0, KeyTag, key), ModTag, (ulong)mod);
        return record;
    }

    /// <summary>Size of <see cref="WriteKeyOnly"/>'s output.</summary>
    public static int KeyOnlySize(ReadOnlySpan<byte> key, long create, long mod, long version, LeaseId lease) =>
        PutSize(key, [], create, mod, version, lease);

    /// <summary>A KeyValue without its value, for reads that ask for keys alone.</summary>
    public static void WriteKeyOnly(
        Span<byte> destination, ReadOnlySpan<byte> key, long create, long mod, long version, LeaseId lease)
    {
        int position = WriteBytes(destination, 0, KeyTag, key);
        position = WriteVarint(destination, position, CreateTag, (ulong)create);
        position = WriteVarint(destination, position, ModTag, (ulong)mod);
        position = WriteVarint(destination, position, VersionTag, (ulong)version);
        if (lease != LeaseId.None)
            WriteVarint(destination, position, LeaseTag, (ulong)lease.Value);
    }

    /// <exception cref="InvalidDataException">The bytes are no record of ours.</exception>
    public static StoredRecord Read(ReadOnlySpan<byte> record)
    {
        int position = 0;
        Expect(record, ref position, KeyTag);
        int keyLength = ReadLength(record, ref position);
        int keyOffset = position;
        position += keyLength;
        long create = ReadOptional(record, ref position, CreateTag);
        long mod = ReadOptional(record, ref position, ModTag);
        long version = ReadOptional(record, ref position, VersionTag);
        int valueOffset = position, valueLength = 0;
        if (position < record.Length && record[position] == ValueTag)
        {
            position++;
            valueLength = ReadLength(record, ref position);
            valueOffset = position;
            position += valueLength;
        }
        long lease = ReadOptional(record, ref position, LeaseTag);
        if (position != record.Length || mod == 0 || create == 0 != (version == 0))
            throw Damaged();
        return new StoredRecord
        {
            KeyOffset = keyOffset,
            KeyLength = keyLength,
            CreateRevision = create,
            ModRevision = mod,
            Version = version,
            ValueOffset = valueOffset,
            ValueLength = valueLength,
            Lease = new LeaseId(lease),
        };
    }

    private static int PutSize(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long create, long mod, long version, LeaseId lease) =>
        // Sizes are far from overflowing: a request is limited. A negative lease is a large number, as protobuf has it.
        BytesSize(key) + 1 + VarintSize((ulong)create) + 1 + VarintSize((ulong)mod) + 1 + VarintSize((ulong)version)
            + (value.IsEmpty ? 0 : BytesSize(value)) + (lease == LeaseId.None ? 0 : 1 + VarintSize((ulong)lease.Value));

    private static int BytesSize(ReadOnlySpan<byte> bytes) => 1 + VarintSize((ulong)bytes.Length) + bytes.Length;

    internal static int VarintSize(ulong value) => value < 0x80 ? 1 : (70 - BitOperations.LeadingZeroCount(value)) / 7;

    internal static int WriteVarint(Span<byte> destination, int position, byte tag, ulong value)
    {
        destination[position++] = tag;
        return WriteVarint(destination, position, value);
    }

    internal static int WriteVarint(Span<byte> destination, int position, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            destination[position++] = (byte)(value | 0x80);
        destination[position++] = (byte)value;
        return position;
    }

    private static int WriteBytes(Span<byte> destination, int position, byte tag, ReadOnlySpan<byte> bytes)
    {
        position = WriteVarint(destination, position, tag, (ulong)bytes.Length);
        bytes.CopyTo(destination[position..]);
        return position + bytes.Length;
    }

    private static void Expect(ReadOnlySpan<byte> record, ref int position, byte tag)
    {
        if (position >= record.Length || record[position++] != tag)
            throw Damaged();
    }

    private static int ReadLength(ReadOnlySpan<byte> record, ref int position)
    {
        ulong length = ReadVarint(record, ref position);
        if (length > (ulong)(record.Length - position))
            throw Damaged();
        return (int)length;
    }

    private static long ReadOptional(ReadOnlySpan<byte> record, ref int position, byte tag)
    {
        if (position >= record.Length || record[position] != tag)
            return 0;
        position++;
        return (long)ReadVarint(record, ref position);
    }

    private static ulong ReadVarint(ReadOnlySpan<byte> record, ref int position)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64 && position < record.Length; shift += 7)
        {
            byte next = record[position++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        throw Damaged();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static InvalidDataException Damaged() =>
        new("a stored value is no KeyValue as this version writes it: the data is damaged, restore the member from its peers");
}
