using System.Buffers.Binary;
using System.Text;

namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>Writes the header blocks of one direction: stored blocks of one zlib stream, each one flushed.</summary>
/// <remarks>
/// Nothing is compressed: these blocks hold a few dozen bytes, and stored blocks need no dictionary. Go's reader asks for
/// the empty stored block behind each: without it, it waits for more. Blocks must go out in the order they were made in.
/// </remarks>
internal sealed class SpdyHeaderWriter
{
    private const int StoredBlockLimit = ushort.MaxValue;
    private bool _hasZlibHeader;

    public byte[] Write(IReadOnlyDictionary<string, string> headers)
    {
        byte[] text = Lay(headers);
        var block = new List<byte>(text.Length + 12);
        if (!_hasZlibHeader)
            block.AddRange([0x78, 0x01]);
        _hasZlibHeader = true;
        foreach (byte[] part in text.Chunk(StoredBlockLimit))
            AddStored(block, part);
        AddStored(block, []);
        return [.. block];
    }

    private static byte[] Lay(IReadOnlyDictionary<string, string> headers)
    {
        using var text = new MemoryStream();
        WriteInt32(text, headers.Count);
        foreach (var (name, value) in headers)
        {
            WriteText(text, name.ToLowerInvariant()); // SPDY refuses upper-case names.
            WriteText(text, value);
        }
        return text.ToArray();
    }

    private static void AddStored(List<byte> block, byte[] part)
    {
        Span<byte> head = stackalloc byte[5];
        head[0] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(head[1..], (ushort)part.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(head[3..], (ushort)~part.Length);
        block.AddRange(head);
        block.AddRange(part);
    }

    private static void WriteText(MemoryStream text, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        WriteInt32(text, bytes.Length);
        text.Write(bytes);
    }

    private static void WriteInt32(MemoryStream text, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        text.Write(bytes);
    }
}
