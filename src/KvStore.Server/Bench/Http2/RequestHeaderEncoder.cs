using System.Text;

namespace KvStore.Server.Bench.Http2;

/// <summary>
/// The header block of a gRPC call, ready-made: after the first call of a method it is eight bytes that never change.
/// </summary>
/// <remarks>
/// The first block spells the fields out and has the peer keep them in its dynamic table, later ones name them by their index.
/// A new method adds one field in front and moves all indices by one, so the ready blocks are made anew then. With a dozen of
/// methods nothing is ever evicted; a peer that allows less than the default table gets every field spelled out instead.
/// </remarks>
internal sealed class RequestHeaderEncoder(string authority, int peerTableSize = HpackDecoder.DefaultTableSize)
{
    private const int MethodPost = 3, SchemeHttp = 6, PathName = 4, AuthorityName = 1, ContentTypeName = 31, UserAgentName = 58;

    private readonly List<string> _inserted = [];
    private readonly Dictionary<string, byte[]> _blocks = [];
    private readonly bool _isIndexing = peerTableSize >= HpackDecoder.DefaultTableSize;
    private bool _hasAnnouncedTable;

    /// <summary>The block that calls <paramref name="path"/>; it must be sent before the next one is asked for.</summary>
    public ReadOnlySpan<byte> Encode(string path)
    {
        if (_blocks.TryGetValue(path, out byte[]? ready))
            return ready;
        int insertedBefore = _inserted.Count;
        byte[] block = Build(path);
        if (_inserted.Count > insertedBefore)
            _blocks.Clear();
        else
            _blocks[path] = block;
        return block;
    }

    private byte[] Build(string path)
    {
        using var block = new MemoryStream(256);
        if (!_isIndexing && !_hasAnnouncedTable)
            block.WriteByte(0x20); // The table's size becomes 0.
        _hasAnnouncedTable = true;
        WriteInteger(block, 0x80, 7, MethodPost);
        WriteInteger(block, 0x80, 7, SchemeHttp);
        WriteField(block, PathName, "", path);
        WriteField(block, AuthorityName, "", authority);
        WriteField(block, ContentTypeName, "", "application/grpc");
        WriteField(block, 0, "te", "trailers");
        WriteField(block, UserAgentName, "", "kvstore-bench");
        return block.ToArray();
    }

    private void WriteField(MemoryStream block, int nameIndex, string name, string value)
    {
        int insertion = _inserted.IndexOf(value);
        if (insertion >= 0)
        {
            WriteInteger(block, 0x80, 7, HeaderField.StaticTable.Length + _inserted.Count - insertion);
            return;
        }
        WriteInteger(block, _isIndexing ? 0x40 : 0x00, _isIndexing ? 6 : 4, nameIndex);
        if (nameIndex == 0)
            WriteString(block, name);
        WriteString(block, value);
        if (_isIndexing)
            _inserted.Add(value);
    }

    private static void WriteString(MemoryStream block, string text)
    {
        WriteInteger(block, 0x00, 7, text.Length);
        block.Write(Encoding.ASCII.GetBytes(text));
    }

    private static void WriteInteger(MemoryStream block, int lead, int prefixBits, int value)
    {
        int prefix = (1 << prefixBits) - 1;
        if (value < prefix)
        {
            block.WriteByte((byte)(lead | value));
            return;
        }
        block.WriteByte((byte)(lead | prefix));
        value -= prefix;
        for (; value >= 0x80; value >>= 7)
            block.WriteByte((byte)(value | 0x80));
        block.WriteByte((byte)value);
    }
}
