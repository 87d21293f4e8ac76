using System.Text;
using KvStore.Server.Bench.Http2;

namespace KvStore.Server.Tests.Bench;

public class ClientConnectionTests
{
    private const byte EndStream = 1, EndHeaders = 4, Padded = 8;

    /// <summary><c>:status 200</c>, and the trailer <c>grpc-status: 0</c> as a literal.</summary>
    private const string Status200 = "88", GrpcOk = "00" + "0B677270632D737461747573" + "0130";

    [Fact]
    public void A_call_sends_headers_and_message_and_ends_with_the_status_of_its_trailers()
    {
        using var server = new ScriptedServer().Greeted();
        var call = new RecordingStream();

        server.Client.Open(call, "/a/B", [1, 2, 3], endsRequest: true);
        server.Client.Flush();
        Assert.StartsWith("Headers 4", server.ReadFrame());
        Assert.Equal("Data 1 010203", server.ReadFrame());
        server.Send(FrameType.Headers, EndHeaders, 1, Status200);
        server.Send(FrameType.Data, 0, 1, "0A0B");
        server.Send(FrameType.Headers, EndHeaders | EndStream, 1, GrpcOk);

        Assert.Equal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", server.Preface);
        Assert.Equal(["data 0A0B", "closed grpc-status 0: "], call.Happened);
    }

    [Fact]
    public void An_answer_that_comes_byte_by_byte_is_put_together()
    {
        using var server = new ScriptedServer().Greeted();
        var call = server.Opened();

        const string headers = "000001" + "01" + "04" + "00000001" + Status200;
        const string data = "000002" + "00" + "00" + "00000001" + "0A0B";
        foreach (byte octet in Convert.FromHexString(headers + data))
            server.SendBytes(octet);

        Assert.Equal(["data 0A0B"], call.Happened);
    }

    [Fact]
    public void Padding_and_continued_headers_are_understood()
    {
        using var server = new ScriptedServer().Greeted();
        var call = server.Opened();

        server.Send(FrameType.Headers, EndHeaders, 1, Status200);
        server.Send(FrameType.Data, Padded, 1, "02" + "AA" + "0000");
        server.Send(FrameType.Headers, EndStream, 1, GrpcOk[..6]);
        server.Send(FrameType.Continuation, EndHeaders, 1, GrpcOk[6..]);

        Assert.Equal(["data AA", "closed grpc-status 0: "], call.Happened);
    }

    [Fact]
    public void A_stream_that_is_reset_or_ends_without_status_is_an_error()
    {
        using var server = new ScriptedServer().Greeted();
        var reset = server.Opened();
        var bare = server.Opened();
        var missing = server.Opened();

        server.Send(FrameType.ResetStream, 0, 1, "00000007");
        server.Send(FrameType.Headers, EndHeaders, 3, Status200);
        server.Send(FrameType.Data, EndStream, 3, "");
        server.Send(FrameType.Headers, EndHeaders | EndStream, 5, "8D");

        Assert.Equal(["closed the server reset the stream: REFUSED_STREAM"], reset.Happened);
        Assert.Equal(["closed the response ended without a grpc-status"], bare.Happened);
        Assert.Equal(["closed the server answered with HTTP status 404"], missing.Happened);
    }

    [Fact]
    public void No_more_is_sent_than_the_windows_allow()
    {
        using var server = new ScriptedServer().Greeted(settings: "0004" + "0000000A"); // Ten bytes a stream.
        server.Opened(message: new byte[25]);
        Assert.Equal("Data 0 00000000000000000000", server.ReadFrame());
        Assert.True(server.IsQuiet());

        server.Send(FrameType.WindowUpdate, 0, 1, "00000005");
        Assert.Equal("Data 0 0000000000", server.ReadFrame());

        server.Send(FrameType.Settings, 0, 0, "0004" + "0000000B"); // A larger initial window widens open streams too.
        Assert.Equal("Settings 1", server.ReadFrame());
        Assert.Equal("Data 0 00", server.ReadFrame());

        server.Send(FrameType.WindowUpdate, 0, 1, "00000064");
        Assert.Equal("Data 1 000000000000000000", server.ReadFrame());
    }

    [Fact]
    public void A_full_connection_holds_streams_back_in_their_order()
    {
        using var server = new ScriptedServer().Greeted();
        server.Opened(message: new byte[65_530]);
        Assert.Equal(
            ["Data 0 (16384 bytes)", "Data 0 (16384 bytes)", "Data 0 (16384 bytes)", "Data 1 (16378 bytes)"],
            Enumerable.Range(0, 4).Select(_ => server.ReadFrame()));
        server.Opened(message: [1, 1, 1, 1, 1, 1, 1]);
        Assert.Equal("Data 0 0101010101", server.ReadFrame()); // Five bytes were left for the second stream.
        server.Opened(message: [2, 2]);
        Assert.True(server.IsQuiet());

        server.Send(FrameType.WindowUpdate, 0, 0, "00000003");
        Assert.Equal("Data 1 0101", server.ReadFrame());
        Assert.Equal("Data 0 02", server.ReadFrame());
        server.Send(FrameType.WindowUpdate, 0, 0, "00000003");
        Assert.Equal("Data 1 02", server.ReadFrame());
    }

    [Fact]
    public void What_was_received_is_given_back_to_the_server_in_large_steps()
    {
        const int frames = 2_048; // Of 16 KiB: half of the window.
        using var server = new ScriptedServer().Greeted();
        server.Opened();
        server.Send(FrameType.Headers, EndHeaders, 1, Status200);
        string payload = new('0', 2 * FrameHeader.DefaultPayloadLimit);
        for (int i = 0; i < frames; i++)
        {
            Assert.True(server.IsQuiet());
            server.Send(FrameType.Data, 0, 1, payload);
        }

        Assert.Equal("WindowUpdate 0 02000000", server.ReadFrame());
        Assert.Equal("WindowUpdate 0 02000000", server.ReadFrame());
    }

    [Fact]
    public void A_ping_is_answered_with_its_own_bytes()
    {
        using var server = new ScriptedServer().Greeted();

        server.Send(FrameType.Ping, 0, 0, "0102030405060708");

        Assert.Equal("Ping 1 0102030405060708", server.ReadFrame());
    }

    [Fact]
    public void A_cancelled_call_is_reset_and_hears_nothing_more()
    {
        using var server = new ScriptedServer().Greeted();
        var call = server.Opened(endsRequest: false);

        server.Client.Cancel(call);
        server.Send(FrameType.Headers, EndHeaders | EndStream, 1, GrpcOk);

        Assert.Equal("ResetStream 0 00000008", server.ReadFrame());
        Assert.Empty(call.Happened);
    }

    [Fact]
    public void A_server_that_leaves_ends_the_connection_with_its_reason()
    {
        using var server = new ScriptedServer().Greeted();
        string text = Convert.ToHexString(Encoding.ASCII.GetBytes("too_many_pings"));

        var lost = Assert.Throws<Http2Exception>(() => server.Send(FrameType.GoAway, 0, 0, "00000000" + "0000000B" + text));

        Assert.Equal("the server sent GOAWAY: ENHANCE_YOUR_CALM too_many_pings", lost.Message);
    }

    [Fact]
    public void A_connection_that_is_closed_says_so()
    {
        using var server = new ScriptedServer().Greeted();

        Assert.Equal("the server closed the connection", Assert.Throws<Http2Exception>(server.HangUp).Message);
    }

    [Theory]
    [InlineData(FrameType.Data, 0, "00")] // Before the headers.
    [InlineData(FrameType.Continuation, 4, "88")]
    [InlineData(FrameType.PushPromise, 4, "0000000288")]
    [InlineData(FrameType.ResetStream, 0, "00")]
    [InlineData(FrameType.WindowUpdate, 0, "00")]
    [InlineData(FrameType.Headers, 4, "FFFFFFFFFFFF")]
    internal void A_frame_against_the_protocol_ends_the_connection(FrameType type, byte flags, string payload)
    {
        using var server = new ScriptedServer().Greeted();
        server.Opened();

        Assert.Throws<Http2Exception>(() => server.Send(type, flags, 1, payload));
    }

    [Fact]
    public void A_header_block_must_not_be_interrupted()
    {
        using var server = new ScriptedServer().Greeted();
        server.Opened();
        server.Send(FrameType.Headers, 0, 1, Status200);

        Assert.Throws<Http2Exception>(() => server.Send(FrameType.Ping, 0, 0, "0102030405060708"));
    }

    [Fact]
    public void An_oversized_frame_ends_the_connection()
    {
        using var server = new ScriptedServer().Greeted();

        Assert.Throws<Http2Exception>(() => server.SendBytes(Convert.FromHexString("004001" + "00" + "00" + "00000001")));
    }
}
