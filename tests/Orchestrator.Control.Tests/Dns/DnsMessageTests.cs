using System.Buffers.Binary;
using Orchestrator.Control.Dns;

namespace Orchestrator.Control.Tests.Dns;

/// <summary>Packets as they are, and as they should not be.</summary>
public sealed class DnsMessageTests
{
    private const string Web = "web.default.svc.cluster.local";

    /// <summary>An OPT record.</summary>
    private const string Edns = "0000290200000000000000";

    [Fact]
    public void An_answer_bears_the_case_of_its_question()
    {
        string answer = Dig.Text(ZoneFixture.Ask("WeB.DefAULT.svc.Cluster.LOCAL", DnsType.A));

        Assert.Equal("NoError\nWeB.DefAULT.svc.Cluster.LOCAL. 5 A 10.96.0.20", answer);
    }

    [Fact]
    public void Number_and_wishes_of_a_question_come_back_in_its_answer()
    {
        ushort wishes = DnsWire.RecursionDesiredFlag | DnsWire.CheckingDisabledFlag;
        var answer = ZoneFixture.Ask(ZoneFixture.Zone, Dig.Question(Web, DnsType.A, id: 0xbeef, flags: wishes));
        var denial = ZoneFixture.Ask(ZoneFixture.Zone, Dig.Question("x." + Web, DnsType.A, flags: 0));

        int always = DnsWire.ResponseFlag | DnsWire.AuthoritativeFlag | DnsWire.RecursionAvailableFlag;
        Assert.Equal(0xbeef, answer.Id);
        Assert.Equal(always | wishes, answer.Flags);
        Assert.Equal(always | (int)DnsCode.NameError, denial.Flags);
        Assert.Equal(DnsName.Parse(Web), answer.QuestionName);
        Assert.Equal(DnsType.A, answer.QuestionType);
    }

    [Fact]
    public void Names_are_written_once()
    {
        byte[] answer = ZoneFixture.React(
            ZoneFixture.Zone, Dig.Question("_pg._tcp.db.default.svc.cluster.local", DnsType.Srv, payloadSize: 1232), 0, false, out _);

        // The names in SRV records are whole (RFC 2782), all owners lead back.
        int question = DnsWire.HeaderLength + 39 + 4;
        int target = "db-0.db.default.svc.cluster.local".Length + 2;
        Assert.Equal(question + 2 * (12 + 6 + target) + (12 + 4) * 2 + (12 + 16) + 11, answer.Length);
    }

    [Theory]
    [InlineData(null, 512)]
    [InlineData(100, 512)]
    [InlineData(700, 700)]
    [InlineData(1232, 1232)]
    [InlineData(65535, 1232)]
    public void What_does_not_fit_is_left_out_and_said_so(int? payloadSize, int limit)
    {
        var zone = ZoneFixture.Zone.WithService(
            ZoneFixture.Service("default", "many", ["None"], ("http", "TCP", 80)),
            [ZoneFixture.Slice("default", "many-1", [("http", "TCP", 80)], [.. Enumerable.Range(0, 100).Select(i => ZoneFixture.Ready($"10.244.1.{i}"))])]);

        byte[] packet = ZoneFixture.React(zone, Dig.Question("many.default.svc.cluster.local", DnsType.A, payloadSize: payloadSize), 3, false, out _);
        byte[] whole = ZoneFixture.React(zone, Dig.Question("many.default.svc.cluster.local", DnsType.A), 3, true, out _);

        var answer = DnsMessage.Decode(packet)!;
        Assert.True(answer.IsTruncated);
        Assert.InRange(packet.Length, limit - 15, limit);
        Assert.Equal((limit - 12 - 36 - (payloadSize is null ? 0 : 11)) / 16, answer.Answers.Count);
        Assert.Equal(payloadSize is not null, answer.HasEdns);
        Assert.Equal(100, DnsMessage.Decode(whole)!.Answers.Count);
        Assert.False(DnsMessage.Decode(whole)!.IsTruncated);
    }

    [Fact]
    public void Addresses_that_only_save_a_question_are_left_out_without_a_word()
    {
        var zone = ZoneFixture.Zone.WithService(
            ZoneFixture.Service("default", "many", ["None"], ("http", "TCP", 80)),
            [ZoneFixture.Slice("default", "many-1", [("http", "TCP", 80)], [.. Enumerable.Range(0, 6).Select(i => ZoneFixture.Ready($"10.244.1.{i}"))])]);

        var answer = ZoneFixture.Ask(zone, Dig.Question("_http._tcp.many.default.svc.cluster.local", DnsType.Srv));

        Assert.Equal(6, answer.Answers.Count);
        Assert.False(answer.IsTruncated);
        Assert.InRange(answer.Additionals.Count, 1, 5);
    }

    [Fact]
    public void The_longest_answer_over_a_stream_stays_within_what_a_stream_carries()
    {
        var zone = ZoneFixture.Zone.WithService(
            ZoneFixture.Service("default", "huge", ["None"], ("http", "TCP", 80)),
            [ZoneFixture.Slice("default", "huge-1", [("http", "TCP", 80)],
                [.. Enumerable.Range(0, 5000).Select(i => ZoneFixture.Ready($"10.244.{i / 250}.{i % 250}"))])]);

        byte[] packet = ZoneFixture.React(zone, Dig.Question("huge.default.svc.cluster.local", DnsType.A, payloadSize: 4096), 0, true, out _);

        Assert.True(DnsMessage.Decode(packet)!.IsTruncated);
        Assert.InRange(packet.Length, 65500, 65535);
    }

    [Fact]
    public void A_version_of_edns_that_nobody_knows_is_refused_with_ours()
    {
        byte[] packet = ZoneFixture.React(ZoneFixture.Zone, Dig.Question(Web, DnsType.A, payloadSize: 1232, version: 1), 0, false, out _);

        var answer = DnsMessage.Decode(packet)!;
        Assert.Equal(DnsCode.BadVersion, answer.Code);
        Assert.True(answer.HasEdns);
        Assert.Equal(0, packet[^5]); // The version.
        Assert.Empty(answer.Answers);
    }

    [Theory]
    [InlineData(0x1000, DnsCode.NotImplemented)] // STATUS
    [InlineData(0x2000, DnsCode.NotImplemented)] // NOTIFY
    [InlineData(0x2800, DnsCode.NotImplemented)] // UPDATE
    public void Other_operations_are_not_implemented(int flags, DnsCode code)
    {
        var answer = ZoneFixture.Ask(ZoneFixture.Zone, Dig.Question(Web, DnsType.A, flags: (ushort)flags));

        Assert.Equal(code, answer.Code);
        Assert.Equal(flags, answer.Flags & DnsWire.OpcodeMask);
        Assert.Equal(7, answer.Id);
    }

    [Theory]
    [InlineData(DnsType.Axfr, DnsWire.InternetClass, DnsCode.Refused)]
    [InlineData(DnsType.Ixfr, DnsWire.InternetClass, DnsCode.Refused)]
    [InlineData(DnsType.Txt, 3, DnsCode.Refused)] // Class CHAOS: version.bind
    [InlineData(DnsType.Opt, DnsWire.InternetClass, DnsCode.FormatError)]
    [InlineData(DnsType.A, DnsWire.AnyClass, DnsCode.NoError)]
    public void Only_questions_about_names_are_answered(DnsType type, int kind, DnsCode code) =>
        Assert.Equal(code, ZoneFixture.Ask(ZoneFixture.Zone, Dig.Question(Web, type, kind: (ushort)kind)).Code);

    [Fact]
    public void Nothing_is_denied_before_all_is_known() =>
        Assert.Equal("ServerFailure", Dig.Text(ZoneFixture.Ask(null, Dig.Question(Web, DnsType.A))));

    [Fact]
    public void A_question_that_comes_back_to_who_sent_it_on_fails()
    {
        byte[] packet = new byte[ForwardedQuestion.BufferLength];
        int length = ForwardedQuestion.Write(7, DnsQuery.Of(1, DnsName.Parse("www.example.org"), DnsType.A), hasEdns: true, loopToken: 42, packet);
        byte[] into = new byte[ResponseWriter.BufferLength];

        var own = DnsResponder.React(ZoneFixture.Zone, new DnsQuery(), packet.AsSpan(0, length), false, 0, loopToken: 42, into);
        var others = DnsResponder.React(ZoneFixture.Zone, new DnsQuery(), packet.AsSpan(0, length), false, 0, loopToken: 43, into.AsSpan(own.Length));

        Assert.Equal(DnsCode.ServerFailure, DnsMessage.Decode(into.AsSpan(0, own.Length))!.Code);
        Assert.Equal(ResolutionKind.Foreign, others.Pending?.Kind);
    }

    [Theory]
    [InlineData("000701000001000000000000", "a name is missing")]
    [InlineData("00070100000100000000000003", "a label is missing")]
    [InlineData("0007010000010000000000000377656200000100", "a class is cut")]
    [InlineData("000701000001000000000000c00c00010001", "a name that leads to itself")]
    [InlineData("00070100000100000000000040004000010001", "a label of a kind that nobody uses")]
    [InlineData("000701000002000000000000037765620000010001037765620000010001", "two questions")]
    [InlineData("000701000000000000000000", "no question")]
    [InlineData("000701000001000000000001037765620000010001", "an additional record is missing")]
    [InlineData("0007010000010000000000010377656200000100010000290200000000000001", "an option's data is missing")]
    [InlineData("00070100000100000000000103776562000001000100002902000000000000040003000a", "an option longer than its record")]
    [InlineData("00070100000100000000000103776562000001000101" + "61" + Edns, "EDNS at a name")]
    [InlineData("000701000001000000000002037765620000010001" + Edns + Edns, "EDNS twice")]
    [InlineData("000701000001000100000000037765620000010001" + Edns, "EDNS among the answers")]
    public void What_is_no_question_gets_a_format_error(string packet, string reason)
    {
        var answer = ZoneFixture.Ask(ZoneFixture.Zone, Convert.FromHexString(packet));

        Assert.True(answer.Code == DnsCode.FormatError, reason);
        Assert.Equal(7, answer.Id);
        Assert.Empty(answer.Answers);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0007010000010000000000")]
    [InlineData("000781000001000000000000037765620000010001")]
    public void What_may_be_an_answer_gets_none(string packet)
    {
        ZoneFixture.React(ZoneFixture.Zone, Convert.FromHexString(packet), 0, false, out var reaction);

        Assert.Equal(default, reaction);
    }

    [Fact]
    public void The_longest_name_there_is_is_taken_and_no_longer_one()
    {
        string label = new('a', 61);
        // Three labels of 62 bytes with their lengths, one of 64, one of 4, and the root.
        byte[] longest = Dig.Question($"{label}.{label}.{label}.{label}aa.aaa", DnsType.A);
        byte[] longer = [.. longest[..12], .. DnsName.Parse("aa").Wire[..^1], .. longest[12..]];

        ZoneFixture.React(ZoneFixture.Zone, longest, 0, false, out var taken);
        var refused = ZoneFixture.Ask(ZoneFixture.Zone, longer);

        Assert.Equal(DnsWire.NameLimit, longest.Length - 12 - 4);
        Assert.Equal(ResolutionKind.Foreign, taken.Pending?.Kind);
        Assert.Equal(DnsCode.FormatError, refused.Code);
    }

    [Fact]
    public void Compressed_names_of_other_servers_are_read()
    {
        // www.example.org CNAME web.example.org, MX 10 mail.example.org, SOA; each name leads back to the question's.
        byte[] packet = Convert.FromHexString(
            "0001818000010002000100000377777707" + "6578616d706c65036f72670000010001"
            + "c00c00050001000000640006" + "03776562c010"
            + "c010000f0001000000640009" + "000a046d61696cc010"
            + "c0100006000100000064" + "0021" + "026e73c010" + "0568656c6c6fc010" + "0000000100000002000000030000000400000005");

        var message = DnsMessage.Decode(packet);

        Assert.NotNull(message);
        Assert.Equal("www.example.org. 100 CNAME web.example.org.", Dig.Text(message.Answers[0]));
        Assert.Equal("000a" + Convert.ToHexStringLower(DnsName.Parse("mail.example.org").Wire), Convert.ToHexStringLower(message.Answers[1].Data[0]));
        Assert.Equal("example.org. 100 SOA ns.example.org. hello.example.org.", Dig.Text(message.Authorities[0]));
    }

    [Theory]
    [InlineData("c00c00010001000000640003010203", "an address of three bytes")]
    [InlineData("c00c00050001000000640002c02d", "a name that leads forward")]
    [InlineData("c00c00050001000000640003c00c00", "bytes after a name")]
    [InlineData("c00c0005000100000064000103", "a cut name")]
    [InlineData("c00c000f00010000006400010a", "a cut preference")]
    public void An_answer_with_a_record_that_is_none_is_none(string record, string reason) =>
        Assert.True(DnsMessage.Decode(Convert.FromHexString("0001818000010001000000000377777707" + "6578616d706c65036f72670000010001" + record)) is null, reason);

    [Theory]
    [InlineData(20, 60, DnsCode.NoError, 20)]
    [InlineData(600, 60, DnsCode.NoError, 30)]
    [InlineData(0, 60, DnsCode.NoError, 0)]
    [InlineData(null, 60, DnsCode.NameError, 5)]
    [InlineData(null, 2, DnsCode.NameError, 2)]
    [InlineData(null, 60, DnsCode.NoError, 5)]
    [InlineData(null, null, DnsCode.NameError, 0)]
    [InlineData(20, 60, DnsCode.ServerFailure, 0)]
    public void Answers_are_kept_as_long_as_they_say_and_no_longer_than_the_limits(int? ttl, int? denialTtl, DnsCode code, int expected)
    {
        byte[] packet = Dig.Response(
            1, (ushort)code, "www.example.org", DnsType.A,
            ttl is { } seconds ? [Dig.Record("www.example.org", DnsType.A, (uint)seconds, [1, 2, 3, 4])] : [],
            denialTtl is { } denial ? [Dig.Record("example.org", DnsType.Soa, 3600, Authority((uint)denial))] : []);

        Assert.Equal((uint)expected, ForwardedQuestion.LifetimeSeconds(DnsMessage.Decode(packet)!, positiveLimit: 30, negativeLimit: 5));
    }

    [Fact]
    public void Random_bytes_and_broken_packets_harm_nobody()
    {
        var random = new Random(20261127);
        byte[][] seeds =
        [
            Dig.Question(Web, DnsType.A, payloadSize: 1232),
            Dig.Question("_http._tcp." + Web, DnsType.Srv),
            Dig.Question("5.0.244.10.in-addr.arpa", DnsType.Ptr, payloadSize: 512),
            ZoneFixture.React(ZoneFixture.Zone, Dig.Question("_pg._tcp.db.default.svc.cluster.local", DnsType.Srv, payloadSize: 1232), 0, false, out _),
            ZoneFixture.React(ZoneFixture.Zone, Dig.Question("cluster.local", DnsType.Soa), 0, false, out _),
        ];
        byte[] into = new byte[ResponseWriter.BufferLength];
        var query = new DnsQuery();
        int answered = 0, decoded = 0;
        for (int i = 0; i < 200_000; i++)
        {
            byte[] packet = i % 4 == 0 ? RandomBytes(random) : Mutated(random, seeds[random.Next(seeds.Length)]);
            var reaction = DnsResponder.React(ZoneFixture.Zone, query, packet, isStream: i % 2 == 0, (uint)i, loopToken: 1, into);
            // What we say ourselves can always be read.
            if (reaction.Length > 0)
            {
                Assert.NotNull(DnsMessage.Decode(into.AsSpan(0, reaction.Length)));
                answered++;
            }
            decoded += DnsMessage.Decode(packet) is null ? 0 : 1;
        }

        Assert.InRange(answered, 20_000, 190_000);
        Assert.InRange(decoded, 10_000, 190_000);
    }

    private static byte[] RandomBytes(Random random)
    {
        byte[] packet = new byte[random.Next(0, 80)];
        random.NextBytes(packet);
        // Half of them look like questions at first.
        if (packet.Length > 12 && random.Next(2) == 0)
            Convert.FromHexString("000701000001000000000000").CopyTo(packet, 0);
        return packet;
    }

    private static byte[] Mutated(Random random, byte[] seed)
    {
        byte[] packet = [.. seed];
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            int at = random.Next(packet.Length);
            packet[at] = random.Next(4) switch
            {
                0 => 0xc0,
                1 => (byte)random.Next(256),
                2 => (byte)(packet[at] ^ 1 << random.Next(8)),
                _ => (byte)random.Next(64),
            };
        }
        return random.Next(5) == 0 ? packet[..random.Next(packet.Length)] : packet;
    }

    private static byte[] Authority(uint minimum)
    {
        byte[] data = [.. DnsName.Parse("ns.example.org").Wire, .. DnsName.Parse("root.example.org").Wire, .. new byte[20]];
        BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(data.Length - 4), minimum);
        return data;
    }
}
