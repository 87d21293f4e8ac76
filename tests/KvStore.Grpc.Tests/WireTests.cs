using System.IO.Compression;
using System.Net;
using Google.Protobuf;
using KvStore.Grpc.Tests.Protos;
using KvStore.Grpc.Tests.Support;

namespace KvStore.Grpc.Tests;

/// <summary>What the bytes on the wire are, and what the server makes of bad ones.</summary>
public class WireTests
{
    private const string InTheMiddle = "grpc: unexpected EOF: the stream ended in the middle of a message";
    private const string TooLarge = "grpc: received message larger than max";

    private static readonly byte[] Hi = RawCall.Frame(Echo.Request("hi").ToByteArray());

    [Fact]
    public async Task A_good_call_has_headers_one_message_and_a_status_in_its_trailers()
    {
        await using var host = await EchoHost.StartAsync();

        var response = await RawCall.PostAsync(host, "/echo.Echo/Say", Hi);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(Hi, response.Body);
        Assert.Equal("0", response.Trailers["grpc-status"]);
        Assert.DoesNotContain("grpc-status", response.Headers.Keys);
        Assert.DoesNotContain("server", response.Headers.Keys);
    }

    [Fact]
    public async Task An_error_before_any_message_is_all_in_the_headers_with_its_text_percent_encoded()
    {
        await using var host = await EchoHost.StartAsync(
            Echo.Saying((_, _) => throw new RpcException(StatusCode.NotFound, "50% ü\n")));

        var response = await RawCall.PostAsync(host, "/echo.Echo/Say", Hi);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("5", response.Headers["grpc-status"]);
        Assert.Equal("50%25 %C3%BC%0A", response.Headers["grpc-message"]);
        Assert.Empty(response.Body);
        Assert.Empty(response.Trailers);
    }

    [Fact]
    public async Task A_stream_that_refuses_at_once_answers_in_the_headers_too()
    {
        await using var host = await EchoHost.StartAsync(
            Echo.Counting((_, _, _) => throw new RpcException(StatusCode.Unauthenticated, "who are you")));

        var response = await RawCall.PostAsync(host, "/echo.Echo/Count", Hi);

        Assert.Equal((StatusCode.Unauthenticated, "who are you"), response.Refusal);
    }

    [Fact]
    public async Task An_error_after_a_message_is_in_the_trailers()
    {
        await using var host = await EchoHost.StartAsync(Echo.Counting(async (_, responses, _) =>
        {
            await responses.WriteAsync(new EchoResponse());
            throw new RpcException(StatusCode.Aborted, "midway");
        }));

        var response = await RawCall.PostAsync(host, "/echo.Echo/Count", Hi);

        Assert.Equal(RawCall.Frame([]), response.Body);
        Assert.Equal("10", response.Trailers["grpc-status"]);
        Assert.Equal("midway", response.Trailers["grpc-message"]);
    }

    public static TheoryData<string, byte[], StatusCode, string> BadBodies => new()
    {
        { "nothing", [], StatusCode.Internal, "grpc: the stream ended without the message that the method needs" },
        { "half a header", [0, 0], StatusCode.Internal, InTheMiddle },
        { "half a message", [0, 0, 0, 0, 9, 1], StatusCode.Internal, InTheMiddle },
        { "an unknown flag", [7, 0, 0, 0, 0], StatusCode.Internal, "grpc: received unexpected payload format 7" },
        { "a flag alone", [1, 0, 0, 0, 0], StatusCode.Internal, "grpc: compressed flag set with identity or empty encoding" },
        { "two messages", new byte[10], StatusCode.Internal, "grpc: /echo.Echo/Say takes one request message, but more came" },
        { "too large", [0, 0, 0, 0x10, 1], StatusCode.ResourceExhausted, $"{TooLarge} (4097 vs. 4096)" },
        { "far too large", [0, 255, 255, 255, 255], StatusCode.ResourceExhausted, $"{TooLarge} (4294967295 vs. 4096)" },
    };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_bad_body_is_a_clear_error_and_the_server_lives_on(string what, byte[] body, StatusCode code, string text)
    {
        await using var host = await EchoHost.StartAsync(server: new GrpcServerOptions { MaxReceiveMessageSize = 4096 });

        var response = await RawCall.PostAsync(host, "/echo.Echo/Say", body);

        Assert.Equal((what, code, text), (what, response.Refusal.Item1, response.Refusal.Item2));
        Assert.Equal("on", (await host.Channel.Say("on").ResponseAsync.Soon()).Text);
    }

    [Fact]
    public async Task A_message_that_is_no_protobuf_is_Internal_on_every_kind_of_call()
    {
        await using var host = await EchoHost.StartAsync();
        var garbage = RawCall.Frame([0x0a, 0xff, 0xff]);

        foreach (var method in new[] { "Say", "Count" })
        {
            var (code, text) = (await RawCall.PostAsync(host, $"/echo.Echo/{method}", garbage)).Refusal;
            Assert.Equal(StatusCode.Internal, code);
            Assert.StartsWith("grpc: failed to unmarshal the received message: ", text);
        }

        var chat = await RawCall.PostAsync(host, "/echo.Echo/Chat", [.. Hi, .. garbage]);
        Assert.Equal(Hi, chat.Body);
        Assert.Equal("13", chat.Trailers["grpc-status"]);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/grpc-web")]
    [InlineData(null)]
    public async Task A_wrong_content_type_is_415_with_a_status(string? contentType)
    {
        await using var host = await EchoHost.StartAsync();

        var response = await RawCall.PostAsync(host, "/echo.Echo/Say", Hi, contentType);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Equal((StatusCode.InvalidArgument, $"invalid gRPC request content-type \"{contentType}\""), response.Refusal);
    }

    [Fact]
    public async Task Subtypes_of_the_content_type_are_taken()
    {
        await using var host = await EchoHost.StartAsync();

        var response = await RawCall.PostAsync(host, "/echo.Echo/Say", Hi, "application/grpc+proto");

        Assert.Equal("0", response.Trailers["grpc-status"]);
    }

    [Theory]
    [InlineData("/echo.Echo/Nope", "unknown method Nope for service echo.Echo")]
    [InlineData("/no.Such/Thing", "unknown service no.Such")]
    [InlineData("/Thing", "malformed method name: \"/Thing\"")]
    public async Task An_unknown_method_is_Unimplemented(string path, string text)
    {
        await using var host = await EchoHost.StartAsync();

        Assert.Equal((StatusCode.Unimplemented, text), (await RawCall.PostAsync(host, path, Hi)).Refusal);
    }

    [Theory]
    [InlineData("5x")]
    [InlineData("m")]
    [InlineData("-1S")]
    [InlineData("123456789S")]
    public async Task A_malformed_timeout_is_Internal(string timeout)
    {
        await using var host = await EchoHost.StartAsync();

        var response = await RawCall.PostAsync(host, "/echo.Echo/Say", Hi, headers: ("grpc-timeout", timeout));

        Assert.Equal((StatusCode.Internal, $"malformed grpc-timeout: \"{timeout}\""), response.Refusal);
    }

    [Theory]
    [InlineData("Say")]
    [InlineData("Chat")]
    public async Task A_server_answers_DeadlineExceeded_by_itself_even_if_its_handler_does_not_listen(string method)
    {
        var clock = new ManualTimeProvider();
        var finish = new TaskCompletionSource();
        var service = Echo.Binder
            .Unary<EchoRequest, EchoResponse>("Say", async (_, _) =>
            {
                await finish.Task;
                return new EchoResponse();
            })
            .DuplexStreaming<EchoRequest, EchoResponse>("Chat", (_, _, context) => context.CancellationToken.Cancelled());
        await using var host = await EchoHost.StartAsync(service, new GrpcServerOptions { TimeProvider = clock });

        var answer = RawCall.PostAsync(host, $"/echo.Echo/{method}", Hi, headers: ("grpc-timeout", "3S"));
        await clock.TimerCreatedAsync();
        clock.Advance(TimeSpan.FromSeconds(3));
        var response = await answer;

        // A stream's headers may have left already.
        Assert.Equal("4", response.Trailers.GetValueOrDefault("grpc-status") ?? response.Headers["grpc-status"]);
        finish.SetResult();
    }

    [Fact]
    public async Task A_gzip_request_is_read_and_answered_in_kind()
    {
        await using var host = await EchoHost.StartAsync();
        var message = Echo.Request(new string('x', 10_000)).ToByteArray();

        var response = await RawCall.PostAsync(
            host, "/echo.Echo/Say", RawCall.Frame(Gzip(message), flag: 1), headers: ("grpc-encoding", "gzip"));

        Assert.Equal("gzip", response.Headers["grpc-encoding"]);
        Assert.Equal(1, response.Body[0]);
        using var plain = new GZipStream(new MemoryStream(response.Body[5..]), CompressionMode.Decompress);
        Assert.Equal(message.Length, EchoResponse.Parser.ParseFrom(plain).CalculateSize());
    }

    [Fact]
    public async Task A_small_response_to_a_gzip_request_is_not_compressed()
    {
        await using var host = await EchoHost.StartAsync();

        var response = await RawCall.PostAsync(host, "/echo.Echo/Say", Hi, headers: ("grpc-encoding", "gzip"));

        Assert.Equal(Hi, response.Body);
    }

    [Fact]
    public async Task An_unknown_encoding_is_Unimplemented_and_told_what_is_known()
    {
        await using var host = await EchoHost.StartAsync();

        var response = await RawCall.PostAsync(host, "/echo.Echo/Say", Hi, headers: ("grpc-encoding", "snappy"));

        Assert.Equal(
            (StatusCode.Unimplemented, "grpc: Decompressor is not installed for grpc-encoding \"snappy\""), response.Refusal);
        Assert.Equal("identity,gzip", response.Headers["grpc-accept-encoding"]);
    }

    [Fact]
    public async Task A_gzip_bomb_is_refused_and_broken_gzip_is_an_error()
    {
        await using var host = await EchoHost.StartAsync(server: new GrpcServerOptions { MaxReceiveMessageSize = 100_000 });

        var bomb = await RawCall.PostAsync(host, "/echo.Echo/Say",
            RawCall.Frame(Gzip(new byte[5_000_000]), flag: 1), headers: ("grpc-encoding", "gzip"));
        var broken = await RawCall.PostAsync(host, "/echo.Echo/Say",
            RawCall.Frame([1, 2, 3, 4], flag: 1), headers: ("grpc-encoding", "gzip"));

        Assert.Equal(StatusCode.ResourceExhausted, bomb.Refusal.Item1);
        Assert.StartsWith("grpc: received message after decompression larger than max", bomb.Refusal.Item2);
        Assert.Equal(StatusCode.Internal, broken.Refusal.Item1);
        Assert.StartsWith("grpc: failed to decompress the received message", broken.Refusal.Item2);
    }

    [Fact]
    public async Task A_gRPC_request_over_HTTP_1_or_by_GET_is_told_what_is_needed()
    {
        await using var host = await EchoHost.StartAsync();
        using var http = new HttpClient();
        var content = new ByteArrayContent(Hi);
        content.Headers.ContentType = new("application/grpc");

        var response = await http.PostAsync(host.Address + "/echo.Echo/Say", content).Soon();

        Assert.Equal(HttpStatusCode.UpgradeRequired, response.StatusCode);
        Assert.Equal("gRPC needs HTTP/2\n", await response.Content.ReadAsStringAsync());
    }

    private static byte[] Gzip(byte[] message)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            gzip.Write(message);
        return compressed.ToArray();
    }
}
