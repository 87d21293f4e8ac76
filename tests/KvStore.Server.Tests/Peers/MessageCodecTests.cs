using KvStore.Raft;
using KvStore.Server.Peers.Wire;
using KvStore.Testing;

namespace KvStore.Server.Tests.Peers;

public class MessageCodecTests
{
    private static readonly NodeId Sender = new(0xA1);
    private static readonly NodeId Receiver = new(0xB2);

    private static byte[] Encode(Message message)
    {
        var bytes = new MemoryStream();
        byte[] head = new byte[MessageCodec.MaxHeadBytes(message)];
        bytes.Write(head, 0, MessageCodec.EncodeHead(message, Sender, head));
        foreach (var entry in message.Entries.Span)
            bytes.Write(entry.Data.Span);
        return bytes.ToArray();
    }

    private static Message Decode(ReadOnlySpan<byte> bytes) => MessageCodec.Decode(bytes, Sender, Receiver);

    public static TheoryData<MessageType> PeerTypes => [.. RandomMessages.Types];

    [Theory]
    [MemberData(nameof(PeerTypes))]
    public void A_message_of_every_type_arrives_as_it_was(MessageType type)
    {
        var messages = new RandomMessages(seed: (int)type, Sender, Receiver);
        for (int i = 0; i < 200; i++)
        {
            var message = messages.Next(type);

            Assert.Equal(MessageText.Of(message), MessageText.Of(Decode(Encode(message))));
        }
    }

    [Fact]
    public void A_heartbeat_takes_a_few_bytes() =>
        Assert.Equal(6, Encode(new Message { Type = MessageType.Heartbeat, From = Sender, To = Receiver, Term = 5, Commit = 1000 }).Length);

    [Fact]
    public void Consecutive_entries_of_one_term_take_three_bytes_more_than_their_payload()
    {
        Entry[] entries = [new Entry(7, 101, EntryType.Normal, new byte[300]), new Entry(7, 102, EntryType.Normal, new byte[300])];
        var message = new Message { Type = MessageType.App, From = Sender, To = Receiver, Term = 7, Index = 100, LogTerm = 7, Entries = entries };

        Assert.Equal(7 + (2 * 303), Encode(message).Length);
    }

    [Fact]
    public void Decoded_memory_is_the_messages_own()
    {
        byte[] bytes = Encode(new Message
        {
            Type = MessageType.App, From = Sender, Entries = new[] { new Entry(1, 1, EntryType.Normal, new byte[] { 1, 2, 3 }) },
        });
        var message = Decode(bytes);

        bytes.AsSpan().Fill(0xFF);

        Assert.Equal([1, 2, 3], message.Entries.Span[0].Data.ToArray());
    }

    [Theory]
    [InlineData(MessageType.Hup)]
    [InlineData(MessageType.StorageAppendResp)]
    [InlineData(MessageType.SnapStatus)]
    public void A_message_that_a_member_tells_only_itself_is_refused(MessageType type) =>
        Assert.Contains("may only tell itself", Assert.Throws<InvalidDataException>(() => Decode(Encode(new Message { Type = type, From = Sender }))).Message);

    [Theory]
    [InlineData(MessageType.Prop)]
    [InlineData(MessageType.ReadIndex)]
    public void What_is_passed_on_to_the_leader_comes_in_the_name_of_who_asked_first(MessageType type) =>
        Assert.Equal(new NodeId(9), Decode(Encode(new Message { Type = type, From = new NodeId(9) })).From);

    [Fact]
    public void A_message_in_the_name_of_another_member_is_refused() =>
        Assert.Contains(
            "in the name of another member",
            Assert.Throws<InvalidDataException>(() => Decode(Encode(new Message { Type = MessageType.Vote, From = new NodeId(9) }))).Message);

    [Fact]
    public void The_wish_to_transfer_leadership_keeps_the_name_of_who_is_to_lead() =>
        Assert.Equal(new NodeId(9), Decode(Encode(new Message { Type = MessageType.TransferLeader, From = new NodeId(9) })).From);

    [Fact]
    public void An_unknown_type_is_refused() => Assert.Throws<InvalidDataException>(() => Decode([24, 0, 0]));

    [Fact]
    public void A_claim_of_many_entries_takes_no_memory()
    {
        byte[] claim = [(byte)MessageType.App, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0];
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<InvalidDataException>(() => Decode(claim));

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100_000);
    }

    [Fact]
    public void Damaged_bytes_give_a_message_or_an_InvalidDataException_and_nothing_else()
    {
        const int seed = 4711;
        var random = new Random(seed);
        var messages = new RandomMessages(seed, Sender, Receiver);
        int rounds = Lanes.Pick(2_000, 10_000, 500_000);
        int refused = 0;
        for (int i = 0; i < rounds; i++)
            refused += TryDecode(Damage(Encode(messages.Next()), random)) ? 0 : 1;
        Figures.Report($"peer messages: {rounds} damaged ones decoded, {refused} refused (seed {seed})");
        Assert.InRange(refused, rounds / 4, rounds);
    }

    private static bool TryDecode(byte[] bytes)
    {
        try
        {
            Decode(bytes);
            return true;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private static byte[] Damage(byte[] bytes, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                random.NextBytes(bytes);
                bytes[0] = (byte)random.Next(26);
                return bytes;
            case 2:
                return [.. bytes, .. bytes];
            default:
                for (int i = random.Next(1, 4); i > 0; i--)
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                return bytes;
        }
    }
}
