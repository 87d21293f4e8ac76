using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>Reads the header blocks of one direction of a connection: they are one zlib stream, cut at its flushes.</summary>
/// <remarks>
/// .NET's zlib cannot be given a preset dictionary. A raw deflate stream can be made to have seen it: its first block is
/// a stored one that holds the dictionary, and what comes out of that is dropped. Not thread-safe.
/// </remarks>
internal sealed class SpdyHeaderReader : IDisposable
{
    /// <summary>Decompressed bytes of one block: what a deflate bomb may cost.</summary>
    private const int BlockLimit = 256 * 1024;

    private const int DictionaryFlag = 0x20;

    private readonly FedStream _compressed = new();
    private readonly DeflateStream _inflater;
    private readonly byte[] _buffer = new byte[4096];
    private bool _hasZlibHeader;

    public SpdyHeaderReader() => _inflater = new DeflateStream(_compressed, CompressionMode.Decompress);

    /// <summary>The headers of the next block; several values of one name are joined by NUL, as on the wire.</summary>
    /// <exception cref="SpdyException">It is no header block, or too large a one. This reader is of no use afterwards.</exception>
    public Dictionary<string, string> Read(ReadOnlySpan<byte> block)
    {
        try
        {
            return Parse(Inflate(block));
        }
        catch (InvalidDataException e)
        {
            throw new SpdyException($"bad header block: {e.Message}");
        }
    }

    public void Dispose() => _inflater.Dispose();

    private byte[] Inflate(ReadOnlySpan<byte> block)
    {
        if (!_hasZlibHeader)
            block = Begin(block);
        _compressed.Feed(block);
        using var output = new MemoryStream();
        int count;
        while ((count = _inflater.Read(_buffer)) > 0)
        {
            output.Write(_buffer, 0, count);
            if (output.Length > BlockLimit)
                throw new SpdyException($"header block of more than {BlockLimit} bytes");
        }
        return output.ToArray();
    }

    private ReadOnlySpan<byte> Begin(ReadOnlySpan<byte> block)
    {
        if (block.Length < 2 || (block[0] & 0x0F) != 8 || ((block[0] << 8) | block[1]) % 31 != 0)
            throw new SpdyException("header block without a zlib header");
        bool usesDictionary = (block[1] & DictionaryFlag) != 0;
        if (usesDictionary && (block.Length < 6 || BinaryPrimitives.ReadUInt32BigEndian(block[2..]) != 0xE3C6A7C2))
            throw new SpdyException("header block compressed against another dictionary");
        if (usesDictionary)
            ShowDictionary();
        _hasZlibHeader = true;
        return block[(usesDictionary ? 6 : 2)..];
    }

    private void ShowDictionary()
    {
        byte[] dictionary = SpdyDictionary.Bytes;
        var stored = new byte[5 + dictionary.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(stored.AsSpan(1), (ushort)dictionary.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(stored.AsSpan(3), (ushort)~dictionary.Length);
        dictionary.CopyTo(stored, 5);
        _compressed.Feed(stored);
        int dropped = 0;
        while (dropped < dictionary.Length)
            dropped += _inflater.Read(_buffer.AsSpan(0, Math.Min(_buffer.Length, dictionary.Length - dropped)));
    }

    private static Dictionary<string, string> Parse(ReadOnlySpan<byte> text)
    {
        int count = TakeInt32(ref text);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < count; i++)
        {
            string name = TakeText(ref text);
            if (!headers.TryAdd(name, TakeText(ref text)))
                throw new SpdyException($"header {name} stands twice in a block");
        }
        return headers;
    }

    private static string TakeText(ref ReadOnlySpan<byte> text)
    {
        int length = TakeInt32(ref text);
        if (length > text.Length)
            throw new SpdyException("header block ends early");
        string taken = Encoding.UTF8.GetString(text[..length]);
        text = text[length..];
        return taken;
    }

    private static int TakeInt32(ref ReadOnlySpan<byte> text)
    {
        if (text.Length < 4)
            throw new SpdyException("header block ends early");
        int taken = BinaryPrimitives.ReadInt32BigEndian(text);
        if (taken < 0)
            throw new SpdyException("header block with a length below zero");
        text = text[4..];
        return taken;
    }

    /// <summary>What has been fed and not yet read; its end is not the end of the deflate stream, only of a block.</summary>
    private sealed class FedStream : Stream
    {
        private byte[] _fed = [];
        private int _position;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public void Feed(ReadOnlySpan<byte> bytes)
        {
            _fed = [.. _fed.AsSpan(_position), .. bytes];
            _position = 0;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            int count = Math.Min(buffer.Length, _fed.Length - _position);
            _fed.AsSpan(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
