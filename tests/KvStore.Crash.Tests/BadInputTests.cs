using System.Net;
using System.Text;
using Google.Protobuf;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Wire;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Crash.Tests;

/// <summary>Nonsense of every layer gets a clear error; the member lives on, and a bystander notices nothing.</summary>
public sealed class BadInputTests(LiveMember member) : IClassFixture<LiveMember>
{
    private const string Put = "/etcdserverpb.KV/Put";

    private const int ProtocolError = 1, FrameSizeError = 6, CompressionError = 9;

    private static readonly byte[] GoodPut = new PutRequest { Key = ByteString.CopyFromUtf8("raw") }.ToByteArray();

    public static TheoryData<string, byte[], int> BadFrames() => new()
    {
        { "settings of a length that is no multiple of six", RawConnection.Frame(RawConnection.Settings, 0, 0, new byte[5]), FrameSizeError },
        { "a frame that claims 16 MiB", RawConnection.Frame(RawConnection.Data, 0, 1, new byte[64], length: 0xFFFFFF), FrameSizeError },
        { "data of no stream", RawConnection.Frame(RawConnection.Data, 0, 0, new byte[4]), ProtocolError },
        { "headers of a stream that only a server may open", RawConnection.Frame(RawConnection.Headers, 4, 2, [0x82]), ProtocolError },
        { "headers that point past the table", RawConnection.Frame(RawConnection.Headers, 4, 1, [0xFF, 0xFF, 0x7F]), CompressionError },
        { "a continuation of nothing", RawConnection.Frame(RawConnection.Continuation, 4, 1, [0x82]), ProtocolError },
        { "a window that grows by nothing", RawConnection.Frame(RawConnection.WindowUpdate, 0, 0, new byte[4]), ProtocolError },
        { "a ping of seven bytes", RawConnection.Frame(RawConnection.Ping, 0, 0, new byte[7]), FrameSizeError },
        { "a goaway of a stream", RawConnection.Frame(RawConnection.GoAway, 0, 3, new byte[8]), ProtocolError },
    };

    public static TheoryData<string, string> BadText() => new()
    {
        { "a line that is no request", "whatever\r\n\r\n" },
        { "a request without a host", "GET /health HTTP/1.1\r\n\r\n" },
        { "a length below zero", "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n" },
        { "a header without a name", "GET /health HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n" },
        { "a version that is not there", "GET /health HTTP/9.9\r\nHost: a\r\n\r\n" },
        { "headers without end", "GET /health HTTP/1.1\r\nHost: a\r\nX: " + new string('x', 1 << 20) + "\r\n\r\n" },
        { "nothing but control characters", new string('\u0001', 4096) + "\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(BadFrames))]
    public async Task A_malformed_frame_ends_its_connection_with_the_code_of_its_error(string what, byte[] frame, int code)
    {
        using var connection = new RawConnection(member.Url);
        await connection.SendAsync(RawConnection.Hello);
        await connection.SendAsync(frame);

        Assert.Equal((what, code), (what, await connection.ReadGoAwayAsync()));
        await member.AssertUndisturbedAsync();
    }

    [Theory]
    [MemberData(nameof(BadText))]
    public async Task A_malformed_request_of_HTTP_1_is_answered_as_one_and_its_connection_ends(string what, string request)
    {
        using var connection = new RawConnection(member.Url);
        await connection.SendAsync(Encoding.ASCII.GetBytes(request));

        string answer = await connection.ReadTextAsync();

        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4") || answer.StartsWith("HTTP/1.1 505"), $"{what}: {answer}");
        await member.AssertUndisturbedAsync();
    }

    [Fact]
    public async Task Random_bytes_of_any_kind_end_their_own_connection_only()
    {
        var random = new Random(1);
        for (int i = 0; i < 50; i++)
        {
            var noise = new byte[random.Next(1, 4096)];
            random.NextBytes(noise);
            using var connection = new RawConnection(member.Url);
            if (i % 2 == 0)
                await connection.SendAsync(RawConnection.Hello);
            await connection.SendAsync(noise);
            connection.Finish();
            await connection.ReadToEndAsync();
        }
        await member.AssertUndisturbedAsync();
    }

    [Theory]
    [InlineData("/no.such.Service/Put", StatusCode.Unimplemented, "unknown service no.such.Service")]
    [InlineData("/etcdserverpb.KV/NoSuch", StatusCode.Unimplemented, "unknown method NoSuch")]
    [InlineData("/etcdserverpb.KV", StatusCode.Unimplemented, "malformed method name")]
    [InlineData("/", StatusCode.Unimplemented, "malformed method name")]
    public async Task A_call_of_nothing_known_is_told_what_is_not_known(string path, StatusCode code, string text) =>
        await AssertRefusedAsync(new RawCall(path, RawCall.Message(GoodPut)), code, text);

    [Fact]
    public async Task A_message_that_is_broken_is_refused_by_what_is_wrong_with_it()
    {
        await AssertRefusedAsync(new RawCall(Put, []), StatusCode.Internal);
        await AssertRefusedAsync(new RawCall(Put, [0, 0, 0]), StatusCode.Internal);
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message(GoodPut, length: 100)), StatusCode.Internal);
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message([0xFF, 0xFF, 0xFF])), StatusCode.Internal);
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message([0x0A, 0x7F, 0x61])), StatusCode.Internal);
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message(GoodPut, compressed: 1)), StatusCode.Internal);
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message(GoodPut, compressed: 9)), StatusCode.Internal);
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message([1, 2, 3], compressed: 1)) { Encoding = "gzip" }, StatusCode.Internal);
        await AssertRefusedAsync(
            new RawCall(Put, RawCall.Message(GoodPut, compressed: 1)) { Encoding = "deflate" }, StatusCode.Unimplemented, "deflate");
        await AssertRefusedAsync(
            new RawCall(Put, [.. RawCall.Message(GoodPut), .. RawCall.Message(GoodPut)]), StatusCode.Internal);
    }

    [Fact]
    public async Task A_message_that_is_too_large_is_refused_whether_it_comes_or_is_only_claimed()
    {
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message(GoodPut, length: uint.MaxValue)), StatusCode.ResourceExhausted);
        await AssertRefusedAsync(
            new RawCall(Put, RawCall.Message(GoodPut, length: int.MaxValue)), StatusCode.ResourceExhausted, "larger than max");
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message(new byte[8 << 20])), StatusCode.ResourceExhausted, "larger than max");
        using var client = new EtcdClient(member.Url);
        await AssertRefusedAsync(
            () => client.PutAsync("key", new string('x', 1_572_864)), StatusCode.InvalidArgument, "etcdserver: request is too large");
    }

    [Fact]
    public async Task What_is_no_call_is_refused_as_HTTP_does()
    {
        var other = await new RawCall(Put, "{}"u8.ToArray()) { ContentType = "application/json" }.SendAsync(member.Url);
        Assert.InRange(other.Http, HttpStatusCode.BadRequest, HttpStatusCode.UnsupportedMediaType);
        await AssertRefusedAsync(new RawCall(Put, RawCall.Message(GoodPut)) { Timeout = "soon" }, StatusCode.Internal, "timeout");
    }

    [Fact]
    public async Task Values_that_no_client_library_would_send_are_refused_by_their_rule()
    {
        using var client = new EtcdClient(member.Url);
        await AssertRefusedAsync(() => client.GetAsync(""), StatusCode.InvalidArgument, "etcdserver: key is not provided");
        await AssertRefusedAsync(
            () => client.RangeAsync(new RangeRequest { Key = EtcdClient.AllKeys, SortOrder = (RangeRequest.Types.SortOrder)99 }),
            StatusCode.InvalidArgument, "etcdserver: invalid sort option");
        await AssertRefusedAsync(
            () => client.RangeAsync(new RangeRequest { Key = EtcdClient.AllKeys, SortTarget = (RangeRequest.Types.SortTarget)(-1) }),
            StatusCode.InvalidArgument, "etcdserver: invalid sort option");
        await AssertRefusedAsync(
            () => client.GetAllAsync(1_000_000), StatusCode.OutOfRange, "etcdserver: mvcc: required revision is a future revision");
        await AssertRefusedAsync(
            () => client.CompactAsync(1_000_000), StatusCode.OutOfRange, "etcdserver: mvcc: required revision is a future revision");
        await AssertRefusedAsync(
            () => client.GrantAsync(0, long.MaxValue), StatusCode.OutOfRange, "etcdserver: too large lease TTL");
        await AssertRefusedAsync(
            () => client.PutAsync("key", "value", lease: -1), StatusCode.NotFound, "etcdserver: requested lease not found");
        await AssertRefusedAsync(
            () => client.TxnAsync(TxnOf(129)), StatusCode.InvalidArgument, "etcdserver: too many operations in txn request");
        Assert.Empty((await client.RangeAsync(new RangeRequest
        {
            Key = ByteString.CopyFromUtf8("z"), RangeEnd = ByteString.CopyFromUtf8("a"), Limit = -1,
        })).Kvs);
        await member.AssertUndisturbedAsync();
    }

    [Fact]
    public async Task A_watch_stream_survives_requests_that_say_nothing()
    {
        using var client = new EtcdClient(member.Url);
        using var watch = await client.WatchAsync(0);
        await watch.RequestStream.WriteAsync(new WatchRequest());
        await watch.RequestStream.WriteAsync(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = 4711 } });
        await watch.RequestStream.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { StartRevision = -5 } });
        await watch.RequestStream.WriteAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });

        Assert.True(await watch.ResponseStream.MoveNext().WaitAsync(Limits.Patience));
        Assert.True(watch.ResponseStream.Current.Created);
        await member.AssertUndisturbedAsync();
        Assert.True(await watch.ResponseStream.MoveNext().WaitAsync(Limits.Patience));
    }

    [Fact]
    public async Task Connections_that_stop_in_the_middle_of_a_sentence_hold_nobody_up()
    {
        byte[][] beginnings =
        [
            [],
            "PRI * HT"u8.ToArray(),
            "GET /health HTTP/1.1\r\nHost: "u8.ToArray(),
            RawConnection.Hello,
            [.. RawConnection.Hello, 0, 0, 9],
            [.. RawConnection.Hello, .. RawConnection.Frame(RawConnection.Headers, 0, 1, [0x83])],
        ];
        var connections = new List<RawConnection>();
        try
        {
            for (int i = 0; i < 200; i++)
            {
                var connection = new RawConnection(member.Url);
                connections.Add(connection);
                await connection.SendAsync(beginnings[i % beginnings.Length]);
            }
            await member.AssertUndisturbedAsync();
        }
        finally
        {
            connections.ForEach(connection => connection.Dispose());
        }
        await member.AssertUndisturbedAsync();
    }

    private static TxnRequest TxnOf(int operations)
    {
        var request = new TxnRequest();
        for (int i = 0; i < operations; i++)
            request.Success.Add(new RequestOp { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8($"key{i}") } });
        return request;
    }

    private async Task AssertRefusedAsync(RawCall call, StatusCode code, string text = "")
    {
        var (http, status, message) = await call.SendAsync(member.Url);
        Assert.Equal((HttpStatusCode.OK, ((int)code).ToString()), (http, status));
        Assert.NotEqual("", message);
        Assert.Contains(text, message);
        await member.AssertUndisturbedAsync();
    }

    private static async Task AssertRefusedAsync(Func<Task> call, StatusCode code, string text)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal((code, text), (refusal.StatusCode, refusal.Status.Detail));
    }
}
