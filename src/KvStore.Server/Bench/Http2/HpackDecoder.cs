using System.Text;

namespace KvStore.Server.Bench.Http2;

/// <summary>Turns header blocks into fields (RFC 7541). One per connection: blocks must come in the order of the wire.</summary>
/// <remarks>
/// A server repeats nearly the same few fields in each response, so a field that is found in a table costs no allocation.
/// <code>
/// 1xxxxxxx indexed   01xxxxxx literal, added to the table   0000xxxx / 0001xxxx literal, not added   001xxxxx size update
/// </code>
/// </remarks>
internal sealed class HpackDecoder
{
    /// <summary>What both sides start with; we never offer another size.</summary>
    public const int DefaultTableSize = 4096;

    /// <summary>Newest first, as the wire counts; a server keeps about five fields, so moving them costs nothing.</summary>
    private readonly List<HeaderField> _dynamicTable = [];
    private int _tableSize;
    private int _tableCapacity = DefaultTableSize;

    /// <summary>Adds the block's fields to <paramref name="fields"/>.</summary>
    public void Decode(ReadOnlySpan<byte> block, List<HeaderField> fields)
    {
        int position = 0;
        while (position < block.Length)
        {
            byte lead = block[position];
            if ((lead & 0x80) != 0)
                fields.Add(FieldAt(ReadInteger(block, ref position, 7)));
            else if ((lead & 0x40) != 0)
                fields.Add(Insert(ReadLiteral(block, ref position, 6)));
            else if ((lead & 0x20) != 0)
                Resize(ReadInteger(block, ref position, 5));
            else
                fields.Add(ReadLiteral(block, ref position, 4));
        }
    }

    private HeaderField ReadLiteral(ReadOnlySpan<byte> block, ref int position, int prefixBits)
    {
        int nameIndex = ReadInteger(block, ref position, prefixBits);
        string name = nameIndex == 0 ? ReadString(block, ref position) : FieldAt(nameIndex).Name;
        return new HeaderField(name, ReadString(block, ref position));
    }

    private HeaderField FieldAt(int index)
    {
        int dynamicIndex = index - HeaderField.StaticTable.Length - 1;
        if (index == 0 || dynamicIndex >= _dynamicTable.Count)
            throw new Http2Exception($"a header with index {index}, which no table holds");
        return dynamicIndex < 0 ? HeaderField.StaticTable[index - 1] : _dynamicTable[dynamicIndex];
    }

    private HeaderField Insert(HeaderField field)
    {
        _dynamicTable.Insert(0, field);
        _tableSize += field.TableSize;
        Evict();
        return field;
    }

    private void Resize(int capacity)
    {
        if (capacity > DefaultTableSize)
            throw new Http2Exception($"a header table of {capacity} bytes, where {DefaultTableSize} are allowed");
        _tableCapacity = capacity;
        Evict();
    }

    /// <summary>A field larger than the table empties it and is not kept either (RFC 7541, §4.4).</summary>
    private void Evict()
    {
        while (_tableSize > _tableCapacity)
        {
            _tableSize -= _dynamicTable[^1].TableSize;
            _dynamicTable.RemoveAt(_dynamicTable.Count - 1);
        }
    }

    private static string ReadString(ReadOnlySpan<byte> block, ref int position)
    {
        if (position >= block.Length)
            throw new Http2Exception("a header block that ends inside a field");
        bool isHuffmanCoded = (block[position] & 0x80) != 0;
        int length = ReadInteger(block, ref position, 7);
        if (length > block.Length - position)
            throw new Http2Exception("a header block that ends inside a string");
        var bytes = block.Slice(position, length);
        position += length;
        return isHuffmanCoded ? HpackHuffman.Decode(bytes) : Encoding.Latin1.GetString(bytes);
    }

    /// <summary>An integer whose first bits share a byte with something else (RFC 7541, §5.1).</summary>
    private static int ReadInteger(ReadOnlySpan<byte> block, ref int position, int prefixBits)
    {
        int prefix = (1 << prefixBits) - 1;
        int value = block[position++] & prefix;
        if (value < prefix)
            return value;
        // Four more bytes give 28 bits: more than any header block that we accept is long.
        for (int shift = 0; shift <= 21; shift += 7)
        {
            if (position >= block.Length)
                throw new Http2Exception("a header block that ends inside a number");
            byte octet = block[position++];
            value += (octet & 0x7f) << shift;
            if ((octet & 0x80) == 0)
                return value;
        }
        throw new Http2Exception("a header block with a number beyond all limits");
    }
}
