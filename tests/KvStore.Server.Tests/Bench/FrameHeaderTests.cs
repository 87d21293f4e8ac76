using KvStore.Server.Bench.Http2;

namespace KvStore.Server.Tests.Bench;

public class FrameHeaderTests
{
    [Fact]
    public void A_header_is_read_as_it_was_written()
    {
        var header = new FrameHeader(0x123456, FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, 0x7fff_fffd);
        byte[] bytes = new byte[FrameHeader.Size];

        header.Write(bytes);

        Assert.Equal("123456" + "01" + "05" + "7FFFFFFD", Convert.ToHexString(bytes));
        Assert.Equal(header, FrameHeader.Read(bytes));
    }

    [Fact]
    public void The_reserved_bit_of_the_stream_is_ignored()
    {
        Assert.Equal(1, FrameHeader.Read(Convert.FromHexString("000000" + "00" + "00" + "80000001")).StreamId);
    }

    [Theory]
    [InlineData(FrameType.Data, FrameFlags.None, "616263", "616263")]
    [InlineData(FrameType.Data, FrameFlags.Padded, "026162630000", "616263")]
    [InlineData(FrameType.Data, FrameFlags.Padded, "0100", "")]
    [InlineData(FrameType.Headers, FrameFlags.Priority, "0000000010" + "82", "82")]
    [InlineData(FrameType.Headers, FrameFlags.Priority | FrameFlags.Padded, "01" + "0000000010" + "82" + "00", "82")]
    internal void Padding_and_priority_are_stripped(FrameType type, FrameFlags flags, string payload, string content)
    {
        byte[] bytes = Convert.FromHexString(payload);

        Assert.Equal(content, Convert.ToHexString(new FrameHeader(bytes.Length, type, flags, 1).Strip(bytes)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0261")]
    [InlineData("ff0000")]
    public void Padding_beyond_the_frame_is_refused(string payload)
    {
        byte[] bytes = Convert.FromHexString(payload);
        var header = new FrameHeader(bytes.Length, FrameType.Data, FrameFlags.Padded, 1);

        Assert.Throws<Http2Exception>(() => header.Strip(bytes));
    }
}
