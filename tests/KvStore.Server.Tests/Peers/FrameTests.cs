using KvStore.Raft;
using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Tests.Peers;

public class FrameTests
{
    private const int LimitBytes = 1 << 20;

    private static readonly NodeId Sender = new(1);

    private static async Task<byte[]> WrittenAsync(params Message[] messages)
    {
        var batch = new FrameBatch(Sender, LimitBytes);
        foreach (var message in messages)
            Assert.True(batch.TryAdd(message));
        var stream = new MemoryStream();
        await batch.WriteToAsync(stream, CancellationToken.None);
        Assert.Equal(batch.SizeBytes, stream.Length);
        return stream.ToArray();
    }

    private static async Task<List<byte[]>> ReadAsync(byte[] bytes, int readBytes, int limitBytes = LimitBytes)
    {
        using var reader = new FrameReader(new TricklingStream(bytes, readBytes), 64, limitBytes);
        var frames = new List<byte[]>();
        while (await reader.FillAsync(CancellationToken.None))
        {
            while (reader.TryTake(out var body))
                frames.Add(body.ToArray());
        }
        return frames;
    }

    private static Message App(int entries, int bytes) => new()
    {
        Type = MessageType.App, From = Sender, Term = 3,
        Entries = Enumerable.Range(1, entries).Select(i => new Entry(3, (ulong)i, EntryType.Normal, Filled(bytes, (byte)i))).ToArray(),
    };

    private static byte[] Filled(int length, byte value)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        return bytes;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    [InlineData(1 << 20)]
    public async Task Frames_are_found_however_the_bytes_arrive(int readBytes)
    {
        Message[] messages = [App(3, 10), App(0, 0), App(2, 100_000), App(1, 65_536), App(5, 1)];

        var frames = await ReadAsync(await WrittenAsync(messages), readBytes);

        Assert.Equal(
            messages.Select(MessageText.Of),
            frames.Select(body => MessageText.Of(MessageCodec.Decode(body, Sender, NodeId.None))));
    }

    [Fact]
    public async Task A_flipped_bit_anywhere_is_noticed()
    {
        byte[] good = await WrittenAsync(App(2, 20));
        for (int bit = 0; bit < good.Length * 8; bit++)
        {
            byte[] bad = [.. good];
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            // A length that grew leaves the frame incomplete, for ever.
            if (await Record.ExceptionAsync(() => ReadAsync(bad, 1000)) is { } fault)
                Assert.IsType<InvalidDataException>(fault);
            else
                Assert.InRange(bit, 0, 31);
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1001u)]
    [InlineData(uint.MaxValue)]
    public async Task A_length_that_no_frame_has_is_refused_before_its_bytes_come(uint length)
    {
        byte[] header = [.. BitConverter.GetBytes(length), 0, 0, 0, 0];

        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(header, 1000, limitBytes: 1000));
    }

    [Fact]
    public void A_message_beyond_the_limit_is_not_written()
    {
        var batch = new FrameBatch(Sender, 1000);

        Assert.False(batch.TryAdd(App(1, 1001)));
        Assert.Equal(0, batch.SizeBytes);
        Assert.True(batch.TryAdd(App(1, 500)));
    }

    /// <summary>Gives a few bytes at a time.</summary>
    private sealed class TricklingStream(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, most)], cancellationToken);
    }
}
