using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace KvStore.Storage.Values.Faster;

/// <summary>Everything that is needed to open a checkpoint, in one file that is written last.</summary>
/// <remarks>
/// <code>
/// | "KVVALUES" | version u32 | length u32 | body | crc32c u32 |    little endian; crc over all before it
/// body:
///   checkpoint 16 | index 16 | page bits u8 | segment bits u8 | begin i64 | until i64 | values since index i64
///   FASTER's metadata of the log:   length u32, bytes
///   FASTER's metadata of the index: length u32, bytes
///   chunks of the index file:       count u32, each offset i64, length u32, crc32c u32
/// </code>
/// The index file may belong to an older checkpoint: only every so often the index is saved, the log from there on is replayed.
/// </remarks>
internal sealed record CheckpointManifest
{
    private const uint FormatVersion = 1;

    private const int HeaderBytes = 16;

    private const string Prefix = "checkpoint-";

    private static ReadOnlySpan<byte> Magic => "KVVALUES"u8;

    public required Guid Checkpoint { get; init; }

    public required Guid Index { get; init; }

    public required int PageBits { get; init; }

    public required int SegmentBits { get; init; }

    /// <summary>The first address of the log that the checkpoint needs.</summary>
    public required long Begin { get; init; }

    /// <summary>Where the log ends in this checkpoint.</summary>
    public required long Until { get; init; }

    public required long ValuesSinceIndex { get; init; }

    public required byte[] LogMetadata { get; init; }

    public required byte[] IndexMetadata { get; init; }

    public required IReadOnlyList<IndexChunk> IndexChunks { get; init; }

    public static string NameOf(Guid checkpoint) => Prefix + checkpoint.ToString("N", CultureInfo.InvariantCulture);

    public static bool TryParseName(string name, out Guid checkpoint)
    {
        checkpoint = default;
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && Guid.TryParseExact(name[Prefix.Length..], "N", out checkpoint);
    }

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(FormatVersion);
        writer.Write(0); // The length, filled in below.
        writer.Write(Checkpoint.ToByteArray());
        writer.Write(Index.ToByteArray());
        writer.Write((byte)PageBits);
        writer.Write((byte)SegmentBits);
        writer.Write(Begin);
        writer.Write(Until);
        writer.Write(ValuesSinceIndex);
        writer.Write(LogMetadata.Length);
        writer.Write(LogMetadata);
        writer.Write(IndexMetadata.Length);
        writer.Write(IndexMetadata);
        writer.Write(IndexChunks.Count);
        foreach (var chunk in IndexChunks)
        {
            writer.Write(chunk.Offset);
            writer.Write(chunk.Length);
            writer.Write(chunk.Checksum);
        }
        writer.Write(0); // The checksum, filled in below.
        writer.Flush();
        byte[] bytes = stream.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length - HeaderBytes - sizeof(uint));
        uint checksum = Crc32C.Of(bytes.AsSpan(0, bytes.Length - sizeof(uint)));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - sizeof(uint)), checksum);
        return bytes;
    }

    /// <exception cref="InvalidDataException">These are not the bytes of a manifest, or they are damaged.</exception>
    public static CheckpointManifest Parse(string path, byte[] bytes)
    {
        if (bytes.Length < HeaderBytes + sizeof(uint) || !bytes.AsSpan().StartsWith(Magic))
            throw new InvalidDataException($"{path}: this is not a checkpoint of a value store");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (version != FormatVersion)
        {
            throw new InvalidDataException(
                $"{path}: the format is version {version}, this program knows {FormatVersion}; use the program that wrote it");
        }
        int length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12));
        if (length != bytes.Length - HeaderBytes - sizeof(uint))
            throw new InvalidDataException(
                $"{path}: the file has {bytes.Length} bytes, it should have {length + HeaderBytes + 4L}");
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - sizeof(uint)));
        if (checksum != Crc32C.Of(bytes.AsSpan(0, bytes.Length - sizeof(uint))))
            throw new InvalidDataException($"{path}: the file fails its checksum; it is damaged");
        try
        {
            return ParseBody(new MemoryStream(bytes, HeaderBytes, length, writable: false));
        }
        catch (Exception failure) when (failure is EndOfStreamException or ArgumentException)
        {
            throw new InvalidDataException($"{path}: the file is shorter than its contents say", failure);
        }
    }

    /// <summary>
    /// Where the log begins and ends, out of FASTER's own text: one number a line (format 5, that of FASTER 2.6).
    /// </summary>
    /// <exception cref="InvalidDataException">It is another format.</exception>
    public static (long Begin, long Until) ParseLogMetadata(byte[] metadata)
    {
        const int untilLine = 9;
        const int beginLine = 12;
        string[] lines = Encoding.UTF8.GetString(metadata).Split('\n', StringSplitOptions.TrimEntries);
        if (lines.Length <= beginLine
            || lines[0] != "5"
            || !long.TryParse(lines[beginLine], CultureInfo.InvariantCulture, out long begin)
            || !long.TryParse(lines[untilLine], CultureInfo.InvariantCulture, out long until)
            || begin > until)
        {
            throw new InvalidDataException("FASTER's metadata of the log has another format than that of version 2.6");
        }
        return (begin, until);
    }

    private static CheckpointManifest ParseBody(Stream body)
    {
        using var reader = new BinaryReader(body, Encoding.UTF8);
        return new CheckpointManifest
        {
            // Initializers run in the order they are written, which is that of the bytes.
            Checkpoint = new Guid(reader.ReadBytes(16)),
            Index = new Guid(reader.ReadBytes(16)),
            PageBits = reader.ReadByte(),
            SegmentBits = reader.ReadByte(),
            Begin = reader.ReadInt64(),
            Until = reader.ReadInt64(),
            ValuesSinceIndex = reader.ReadInt64(),
            LogMetadata = reader.ReadBytes(reader.ReadInt32()),
            IndexMetadata = reader.ReadBytes(reader.ReadInt32()),
            IndexChunks = ParseChunks(reader),
        };
    }

    private static IndexChunk[] ParseChunks(BinaryReader reader)
    {
        var chunks = new IndexChunk[reader.ReadInt32()];
        for (int i = 0; i < chunks.Length; i++)
            chunks[i] = new IndexChunk(reader.ReadInt64(), reader.ReadInt32(), reader.ReadUInt32());
        return chunks;
    }
}
