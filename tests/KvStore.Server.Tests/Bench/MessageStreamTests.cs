using KvStore.Server.Bench.Http2;

namespace KvStore.Server.Tests.Bench;

public class MessageStreamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Messages_come_whole_however_they_are_cut_into_frames(int frameBytes)
    {
        byte[] wire = Convert.FromHexString(
            "0000000001" + "AA" + "0000000000" + "0000000004" + "BBCCDDEE" + "0000000002" + "0102");
        var stream = new Recorder();

        foreach (byte[] frame in wire.Chunk(frameBytes))
            stream.OnData(frame, now: 1);

        Assert.Equal(["AA", "", "BBCCDDEE", "0102"], stream.Messages);
    }

    [Theory]
    [InlineData("0100000001AA")] // Compressed.
    [InlineData("0001000001AA")] // Beyond 16 MiB.
    public void A_message_that_cannot_be_read_ends_the_connection(string wire)
    {
        Assert.Throws<Http2Exception>(() => new Recorder().OnData(Convert.FromHexString(wire), now: 1));
    }

    private sealed class Recorder : MessageStream
    {
        public List<string> Messages { get; } = [];

        public override void OnClosed(in CallOutcome outcome, long now) => Messages.Add(outcome.ToString());

        protected override void OnMessage(ReadOnlySpan<byte> message, long now) => Messages.Add(Convert.ToHexString(message));
    }
}
