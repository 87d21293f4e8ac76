using KvStore.Raft;
using KvStore.Storage.Wal;

namespace KvStore.Storage.Tests.Wal;

public class ConfStateCodecTests
{
    private static readonly ConfState State = new()
    {
        AutoLeave = true,
        Voters = [new NodeId(1), new NodeId(0x0102030405060708)],
        Learners = [],
        VotersOutgoing = [new NodeId(3)],
        LearnersNext = [new NodeId(ulong.MaxValue)],
    };

    // What is on disks already.
    private const string Bytes =
        "01" + "02000000" + "0100000000000000" + "0807060504030201" + "00000000" + "01000000" + "0300000000000000" + "01000000" + "FFFFFFFFFFFFFFFF";

    [Fact]
    public void The_bytes_are_the_same_as_ever()
    {
        Assert.Equal(Bytes, Convert.ToHexString(ConfStateCodec.Encode(State)));
        Assert.Equal("00" + "00000000" + "00000000" + "00000000" + "00000000", Convert.ToHexString(ConfStateCodec.Encode(ConfState.Empty)));
    }

    [Fact]
    public void What_was_written_is_read_back()
    {
        var read = ConfStateCodec.Decode(Convert.FromHexString(Bytes));

        Assert.True(read.AutoLeave);
        Assert.Equal(State.Voters, read.Voters);
        Assert.Equal(State.Learners, read.Learners);
        Assert.Equal(State.VotersOutgoing, read.VotersOutgoing);
        Assert.Equal(State.LearnersNext, read.LearnersNext);
    }

    [Fact]
    public void Bytes_that_are_cut_off_or_go_on_are_refused()
    {
        byte[] bytes = Convert.FromHexString(Bytes);

        for (int length = 0; length < bytes.Length; length++)
            Assert.Throws<InvalidDataException>(() => ConfStateCodec.Decode(bytes.AsSpan(0, length)));
        Assert.Throws<InvalidDataException>(() => ConfStateCodec.Decode([.. bytes, 0]));
    }

    [Fact]
    public void Counts_that_can_not_be_are_refused()
    {
        byte[] bytes = Convert.FromHexString(Bytes);
        bytes[4] = 0x7f;
        Assert.Throws<InvalidDataException>(() => ConfStateCodec.Decode(bytes));

        bytes[4] = 0xff;
        Assert.Throws<InvalidDataException>(() => ConfStateCodec.Decode(bytes));
    }
}
