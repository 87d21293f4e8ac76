using KvStore.Server.Bench.Http2;

namespace KvStore.Server.Tests.Bench;

public class HpackTests
{
    // The worked examples of RFC 7541, Appendix C.
    [Theory]
    [InlineData("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com")]
    [InlineData("a8eb10649cbf", "no-cache")]
    [InlineData("6402", "302")]
    [InlineData("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT")]
    [InlineData("94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")]
    public void The_strings_of_the_standard_are_decoded(string packed, string text)
    {
        Assert.Equal(text, HpackHuffman.Decode(Convert.FromHexString(packed)));
    }

    [Theory]
    [InlineData("ff")] // Eight ones: a whole byte of padding is one too many.
    [InlineData("00")] // '0', then zeros for padding.
    [InlineData("fffffffc")] // The end of string itself.
    public void A_string_with_wrong_padding_is_refused(string packed)
    {
        Assert.Throws<Http2Exception>(() => HpackHuffman.Decode(Convert.FromHexString(packed)));
    }

    // RFC 7541, C.6: responses of one connection, Huffman-coded, whose fields refer to those of the blocks before.
    [Fact]
    public void Blocks_refer_to_the_fields_of_earlier_ones()
    {
        var decoder = new HpackDecoder();

        var first = Decode(
            decoder,
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3");
        var second = Decode(decoder, "4883640effc1c0bf");

        string[] common = ["cache-control=private", "date=Mon, 21 Oct 2013 20:13:21 GMT", "location=https://www.example.com"];
        Assert.Equal([":status=302", .. common], first);
        Assert.Equal([":status=307", .. common], second);
    }

    [Fact]
    public void A_field_that_was_evicted_cannot_be_referred_to()
    {
        var decoder = new HpackDecoder();
        Decode(decoder, "4001610162"); // a=b enters the table as index 62.
        Assert.Equal(["a=b"], Decode(decoder, "be"));

        Decode(decoder, "20"); // The table shrinks to nothing.

        Assert.Throws<Http2Exception>(() => Decode(decoder, "be"));
    }

    [Theory]
    [InlineData("80")] // Index 0.
    [InlineData("ff80808001")] // An index that no table can reach.
    [InlineData("ffffffffffff")] // A number without an end.
    [InlineData("000161")] // A name without its value.
    [InlineData("00056100")] // A name that is longer than the block.
    [InlineData("3fe1ff01")] // A table larger than we allowed.
    public void A_broken_block_is_refused(string block)
    {
        Assert.Throws<Http2Exception>(() => Decode(new HpackDecoder(), block));
    }

    [Fact]
    public void Every_byte_sequence_is_decoded_or_refused()
    {
        var random = new Random(7);
        int decoded = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] block = new byte[random.Next(1, 24)];
            random.NextBytes(block);
            try
            {
                Decode(new HpackDecoder(), Convert.ToHexString(block));
                decoded++;
            }
            catch (Http2Exception)
            {
                continue; // Refused, and by the one exception that says so.
            }
        }
        Assert.True(decoded > 100);
    }

    [Fact]
    public void Request_headers_become_short_and_still_say_the_same()
    {
        var encoder = new RequestHeaderEncoder("127.0.0.1:2379");
        var decoder = new HpackDecoder();
        var sizes = new List<int>();

        foreach (string path in (string[])["/a/B", "/a/B", "/a/C", "/a/B", "/a/C", "/a/B"])
        {
            byte[] block = encoder.Encode(path).ToArray();
            sizes.Add(block.Length);
            Assert.Equal(
                [":method=POST", ":scheme=http", $":path={path}", ":authority=127.0.0.1:2379", "content-type=application/grpc",
                    "te=trailers", "user-agent=kvstore-bench"],
                Decode(decoder, Convert.ToHexString(block)));
        }

        Assert.Equal([7, 12, 7, 7, 7], sizes[1..]);
    }

    [Fact]
    public void A_peer_with_a_small_table_gets_every_field_spelled_out()
    {
        var encoder = new RequestHeaderEncoder("h:1", peerTableSize: 100);

        string first = Convert.ToHexString(encoder.Encode("/a/B"));
        string second = Convert.ToHexString(encoder.Encode("/a/B"));

        Assert.Equal(Decode(new HpackDecoder(), first), Decode(new HpackDecoder(), second));
        Assert.StartsWith("20", first);
    }

    [Theory]
    [InlineData(":status=200", false, null)]
    [InlineData("grpc-status=0", true, "grpc-status 0: ")]
    [InlineData("grpc-status=8;grpc-message=too%20large", true, "grpc-status 8: too large")]
    [InlineData(":status=200;grpc-status=12", false, "grpc-status 12: ")]
    [InlineData(":status=404", false, "the server answered with HTTP status 404")]
    [InlineData("grpc-status=00x", true, "the server answered with grpc-status '00x', which is no number")]
    public void The_outcome_of_a_call_is_read_from_its_headers(string headers, bool isTrailer, string? outcome)
    {
        var fields = headers.Split(';').Select(field => new HeaderField(field.Split('=')[0], field.Split('=')[1])).ToList();

        Assert.Equal(outcome, ResponseStatus.Read(fields, isTrailer)?.ToString());
    }

    private static string[] Decode(HpackDecoder decoder, string block)
    {
        var fields = new List<HeaderField>();
        decoder.Decode(Convert.FromHexString(block), fields);
        return [.. fields.Select(field => $"{field.Name}={field.Value}")];
    }
}
