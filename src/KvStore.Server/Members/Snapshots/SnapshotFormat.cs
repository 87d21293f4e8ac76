using System.Buffers.Binary;
using KvStore.Raft;
using KvStore.Storage;

namespace KvStore.Server.Members.Snapshots;

/// <summary>A snapshot's body on its way to another member.</summary>
/// <remarks>
/// <code>
/// body:    head | state ... | index ... | values ... | end          each is one chunk or more
/// chunk:   length u32 | kind u32 | number u64 | chain u32 | crc u32 | payload of that length         little-endian
///            chain: CRC32C of the first 16 bytes and the payload, gone on with from the chain of the chunk before, so the
///                   end's is one over everything;  crc: CRC32C of the 20 bytes before it, so that no length is believed unchecked
/// head:    "KVSNAPSH" | version u32 | state bytes i64 | index bytes i64 | values bytes i64 (about) | revision i64 |
///            compact revision i64 | checkpoint i64 | values' id 16 | applied term u64 | applied index u64 | ConfState (ConfStateCodec)
/// state:   bytes of the checkpoint's StateImage        index:   bytes of the checkpoint's IndexFile
/// values:  position i64 (where the sender goes on behind this chunk) | count u32 | { main i64 | sub i64 | length u32 | bytes }
/// end:     values i64 | bytes of values i64
/// </code>
/// </remarks>
internal static class SnapshotFormat
{
    public const uint Version = 1;

    public const int ChunkHeaderBytes = 24;

    /// <summary>A chunk ends with the value that fills it.</summary>
    public const int FullChunkBytes = 256 << 10;

    /// <summary>No chunk is longer: a value is a request's, and those are limited to far less.</summary>
    public const int PayloadLimitBytes = 256 << 20;

    public const int ValuesHeadBytes = 8 + 4;

    public const int ValueHeadBytes = 8 + 8 + 4;

    public const int EndBytes = 8 + 8;

    private const int ChainedHeaderBytes = 16;

    public static ReadOnlySpan<byte> Magic => "KVSNAPSH"u8;

    /// <summary>Fills in the header of a chunk whose payload stands behind it already.</summary>
    /// <returns>The chain behind it.</returns>
    public static uint WriteHeader(Span<byte> chunk, SnapshotSection kind, ulong number, uint chain)
    {
        int length = chunk.Length - ChunkHeaderBytes;
        Invariant.Holds(length <= PayloadLimitBytes);
        BinaryPrimitives.WriteInt32LittleEndian(chunk, length);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk[4..], (uint)kind);
        BinaryPrimitives.WriteUInt64LittleEndian(chunk[8..], number);
        chain = Chain(chain, chunk, chunk[ChunkHeaderBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk[ChainedHeaderBytes..], chain);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk[(ChainedHeaderBytes + 4)..], Crc32C.Of(chunk[..(ChainedHeaderBytes + 4)]));
        return chain;
    }

    /// <exception cref="InvalidDataException">The header is damaged.</exception>
    public static SnapshotChunkHeader ReadHeader(ReadOnlySpan<byte> header)
    {
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header[(ChainedHeaderBytes + 4)..]) != Crc32C.Of(header[..(ChainedHeaderBytes + 4)])
            || length > PayloadLimitBytes)
        {
            throw new InvalidDataException("the snapshot is damaged on its way: the header of a chunk fails its check");
        }
        return new SnapshotChunkHeader(
            (int)length,
            (SnapshotSection)BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(header[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[ChainedHeaderBytes..]));
    }

    public static uint Chain(uint chain, ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload) =>
        Crc32C.Append(Crc32C.Append(chain, header[..ChainedHeaderBytes]), payload);
}

/// <summary>The parts of a body, in their order.</summary>
internal enum SnapshotSection : uint
{
    Head = 1,
    State = 2,
    Index = 3,
    Values = 4,
    End = 5,

    /// <summary>Behind the end; no chunk is of this kind.</summary>
    Done = 6,
}

internal readonly record struct SnapshotChunkHeader(int Length, SnapshotSection Kind, ulong Number, uint Chain);
