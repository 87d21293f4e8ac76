using System.Buffers.Binary;
using Orchestrator.Runtime.Streams.Spdy;

namespace Orchestrator.Runtime.Tests.Streams;

public sealed class SpdyHeaderTests
{
    [Fact]
    public void The_dictionary_is_the_one_whose_checksum_peers_send()
    {
        byte[] dictionary = SpdyDictionary.Bytes;

        Assert.Equal(1423, dictionary.Length);
        Assert.Equal(0xE3C6A7C2u, Adler32(dictionary));
    }

    [Fact]
    public void What_is_written_is_read_block_by_block()
    {
        var writer = new SpdyHeaderWriter();
        using var reader = new SpdyHeaderReader();
        var first = new Dictionary<string, string> { ["StreamType"] = "stdin", ["port"] = "8080" };
        var second = new Dictionary<string, string> { ["long"] = new('x', 100_000) };

        var readFirst = reader.Read(writer.Write(first));
        var readSecond = reader.Read(writer.Write(second));

        Assert.Equal("stdin", readFirst["streamtype"]);
        Assert.Equal("8080", readFirst["port"]);
        Assert.Equal(second["long"], readSecond["long"]);
    }

    [Fact]
    public void Blocks_that_zlib_compressed_against_the_dictionary_are_read()
    {
        // Two blocks of one zlib stream, as Go's library makes them: by python's zlib with its preset dictionary.
        byte[][] blocks = Zlib.Compress(
            SpdyDictionary.Bytes,
            [Lay(("streamtype", "error"), ("port", "8080")), Lay(("streamtype", "data"), ("port", "8080"), ("content-type", "text/plain"))]);
        using var reader = new SpdyHeaderReader();

        var first = reader.Read(blocks[0]);
        var second = reader.Read(blocks[1]);

        Assert.Equal("error", first["streamtype"]);
        Assert.Equal("8080", first["port"]);
        Assert.Equal("data", second["streamtype"]);
        Assert.Equal("text/plain", second["content-type"]);
    }

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 0x78, 0x02, 0x00 })]
    [InlineData(new byte[] { 0x78, 0xBB, 1, 2, 3, 4, 5 })]
    [InlineData(new byte[] { 0x78, 0x01, 0x07, 0xFF, 0xFF })]
    [InlineData(new byte[] { 0x78, 0x01, 0x00, 0x04, 0x00, 0xFB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF })]
    [InlineData(new byte[] { 0x78, 0x01, 0x00, 0x04, 0x00, 0xFB, 0xFF, 0x00, 0x00, 0x00, 0x05 })]
    public void A_block_that_is_none_is_refused(byte[] block)
    {
        using var reader = new SpdyHeaderReader();

        Assert.Throws<SpdyException>(() => reader.Read(block));
    }

    [Fact]
    public void A_block_that_grows_without_limit_is_refused()
    {
        using var reader = new SpdyHeaderReader();
        byte[][] bomb = Zlib.Compress(SpdyDictionary.Bytes, [new byte[8 * 1024 * 1024]]);

        Assert.True(bomb[0].Length < 64 * 1024);
        Assert.Throws<SpdyException>(() => reader.Read(bomb[0]));
    }

    private static byte[] Lay(params (string Name, string Value)[] headers)
    {
        var bytes = new List<byte>();
        Add(bytes, headers.Length);
        foreach (var (name, value) in headers)
        {
            foreach (string text in (string[])[name, value])
            {
                Add(bytes, text.Length);
                bytes.AddRange(System.Text.Encoding.ASCII.GetBytes(text));
            }
        }
        return [.. bytes];
    }

    private static void Add(List<byte> bytes, int number)
    {
        var four = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(four, number);
        bytes.AddRange(four);
    }

    private static uint Adler32(byte[] bytes)
    {
        uint a = 1, b = 0;
        foreach (byte value in bytes)
        {
            a = (a + value) % 65521;
            b = (b + a) % 65521;
        }
        return (b << 16) | a;
    }
}
