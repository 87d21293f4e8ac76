using Google.Protobuf;
using KvStore.Grpc.Tests.Protos;
using KvStore.Grpc.Tests.Support;

namespace KvStore.Grpc.Tests;

/// <summary>What holds for calls however they travel: over TCP, over a Unix socket, with TLS, in memory.</summary>
public abstract class CallContract
{
    private protected abstract Task<ICallSetting> StartAsync(
        GrpcServiceBinder service, GrpcServerOptions? server = null, TimeProvider? clientClock = null);

    private protected interface ICallSetting : IAsyncDisposable
    {
        CallInvoker Channel { get; }

        GrpcServer Server { get; }
    }

    [Fact]
    public async Task A_unary_call_brings_its_response()
    {
        await using var setting = await StartAsync(Echo.Obvious);

        var payload = ByteString.CopyFrom(1, 2);

        var response = await setting.Channel.Say(new EchoRequest { Text = "hi", Number = 7, Payload = payload });

        Assert.Equal(new EchoResponse { Text = "hi", Number = 7, Payload = payload }, response);
    }

    [Fact]
    public async Task A_large_message_travels_whole_both_ways()
    {
        await using var setting = await StartAsync(Echo.Obvious);
        var payload = ByteString.CopyFrom(Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31)).ToArray());

        var response = await setting.Channel.Say(new EchoRequest { Payload = payload });

        Assert.Equal(payload, response.Payload);
    }

    [Fact]
    public async Task Many_calls_at_once_each_get_their_own_response()
    {
        await using var setting = await StartAsync(Echo.Saying(async (request, _) =>
        {
            await Task.Yield();
            return new EchoResponse { Number = request.Number };
        }));

        var responses = await Task.WhenAll(Enumerable.Range(0, 500).Select(number =>
            setting.Channel.Say(Echo.Request(number: number)).ResponseAsync)).Soon();

        Assert.Equal(Enumerable.Range(0, 500), responses.Select(response => response.Number));
    }

    [Fact]
    public async Task Headers_and_trailers_travel_as_text_and_as_bytes()
    {
        await using var setting = await StartAsync(Echo.Saying(async (request, context) =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "answer", "header" }, { "raw-bin", [0, 255] } });
            context.ResponseTrailers.Add("seen", context.RequestHeaders.GetValue("ASKED")! + context.GetRequestHeader("asked"));
            context.ResponseTrailers.Add("seen-bin", context.RequestHeaders.GetValueBytes("raw-bin")!);
            return new EchoResponse();
        }));
        var headers = new Metadata { { "asked", "yes" }, { "raw-bin", [0, 1, 254] } };

        using var call = setting.Channel.Say("", new CallOptions(headers));
        await call;

        var responseHeaders = await call.ResponseHeadersAsync;
        Assert.Equal("header", responseHeaders.GetValue("answer"));
        Assert.Equal([0, 255], responseHeaders.GetValueBytes("raw-bin"));
        Assert.Equal("yesyes", call.GetTrailers().GetValue("seen"));
        Assert.Equal([0, 1, 254], call.GetTrailers().GetValueBytes("seen-bin"));
        Assert.Equal(Status.DefaultSuccess, call.GetStatus());
    }

    [Theory]
    [InlineData("etcdserver: key is not provided")]
    [InlineData("100 % schön\r\n行")]
    [InlineData("")]
    public async Task A_refusal_reaches_the_caller_with_its_text_and_trailers(string text)
    {
        await using var setting = await StartAsync(Echo.Saying((_, _) =>
            throw new RpcException(new Status(StatusCode.InvalidArgument, text), new Metadata { { "why", "because" } })));

        var exception = await setting.Channel.Say("").ResponseAsync.Fails();

        Assert.Equal((StatusCode.InvalidArgument, text), (exception.StatusCode, exception.Status.Detail));
        Assert.Equal("because", exception.Trailers.GetValue("why"));
    }

    [Fact]
    public async Task A_status_set_on_the_context_ends_the_call_without_a_response()
    {
        await using var setting = await StartAsync(Echo.Saying((_, context) =>
        {
            context.Status = new Status(StatusCode.NotFound, "nothing here");
            return ValueTask.FromResult(new EchoResponse());
        }));

        var exception = await setting.Channel.Say("").ResponseAsync.Fails();

        Assert.Equal((StatusCode.NotFound, "nothing here"), (exception.StatusCode, exception.Status.Detail));
    }

    [Fact]
    public async Task An_unhandled_exception_is_Unknown_with_its_text_and_is_reported()
    {
        var reported = new List<(string, Exception)>();
        var options = new GrpcServerOptions { OnUnhandledException = (method, exception) => reported.Add((method, exception)) };
        await using var setting = await StartAsync(Echo.Saying((_, _) => throw new FormatException("no sense")), options);

        var exception = await setting.Channel.Say("").ResponseAsync.Fails();

        Assert.Equal((StatusCode.Unknown, "no sense"), (exception.StatusCode, exception.Status.Detail));
        var (method, reportedException) = Assert.Single(reported);
        Assert.Equal("/echo.Echo/Say", method);
        Assert.IsType<FormatException>(reportedException);
    }

    [Fact]
    public async Task A_method_without_handler_and_an_unknown_service_are_Unimplemented()
    {
        await using var setting = await StartAsync(Echo.Obvious);
        var foreign = new Method<EchoRequest, EchoResponse>(
            MethodType.Unary, "no.Such", "Thing", Echo.Say.RequestMarshaller, Echo.Say.ResponseMarshaller);

        var unbound = await setting.Channel.AsyncUnaryCall(Echo.Unbound, null, default, new EchoRequest()).ResponseAsync.Fails();
        var unknown = await setting.Channel.AsyncUnaryCall(foreign, null, default, new EchoRequest()).ResponseAsync.Fails();

        Assert.Equal(StatusCode.Unimplemented, unbound.StatusCode);
        Assert.Equal("unknown method Unbound for service echo.Echo", unbound.Status.Detail);
        Assert.Equal(StatusCode.Unimplemented, unknown.StatusCode);
        Assert.Equal("unknown service no.Such", unknown.Status.Detail);
    }

    [Fact]
    public async Task A_server_stream_brings_all_messages_in_order_and_then_its_end()
    {
        await using var setting = await StartAsync(Echo.Obvious);

        using var call = setting.Channel.Count(1000);
        var numbers = new List<int>();
        await foreach (var response in call.ResponseStream.ReadAllAsync())
            numbers.Add(response.Number);

        Assert.Equal(Enumerable.Range(1, 1000), numbers);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task Buffered_messages_arrive_with_the_next_unbuffered_one()
    {
        await using var setting = await StartAsync(Echo.Counting(async (request, responses, _) =>
        {
            responses.WriteOptions = WriteOptions.Buffered;
            for (var number = 1; number < request.Number; number++)
                await responses.WriteAsync(new EchoResponse { Number = number });
            responses.WriteOptions = null;
            await responses.WriteAsync(new EchoResponse { Number = request.Number });
        }));

        using var call = setting.Channel.Count(1000);
        var numbers = new List<int>();
        await foreach (var response in call.ResponseStream.ReadAllAsync())
            numbers.Add(response.Number);

        Assert.Equal(Enumerable.Range(1, 1000), numbers);
    }

    [Fact]
    public async Task A_server_stream_that_fails_midway_brings_its_messages_and_then_the_error()
    {
        await using var setting = await StartAsync(Echo.Counting(async (_, responses, _) =>
        {
            await responses.WriteAsync(new EchoResponse { Number = 1 });
            throw new RpcException(StatusCode.OutOfRange, "no more");
        }));

        using var call = setting.Channel.Count(9);

        Assert.True(await call.ResponseStream.MoveNext().Soon());
        Assert.Equal(1, call.ResponseStream.Current.Number);
        var exception = await call.ResponseStream.MoveNext().Fails();
        Assert.Equal((StatusCode.OutOfRange, "no more"), (exception.StatusCode, exception.Status.Detail));
    }

    [Fact]
    public async Task A_client_stream_is_answered_after_its_end()
    {
        await using var setting = await StartAsync(Echo.Obvious);

        using var call = setting.Channel.Collect();
        foreach (var text in new[] { "a", "b", "c" })
            await call.RequestStream.WriteAsync(Echo.Request(text)).Soon();
        await call.RequestStream.CompleteAsync();

        Assert.Equal("a b c", (await call.ResponseAsync.Soon()).Text);
    }

    [Fact]
    public async Task Each_side_of_a_duplex_call_goes_at_its_own_pace()
    {
        await using var setting = await StartAsync(Echo.Obvious);

        using var call = setting.Channel.Chat();
        foreach (var text in new[] { "one", "two", "three" })
        {
            await call.RequestStream.WriteAsync(Echo.Request(text)).Soon();
            Assert.True(await call.ResponseStream.MoveNext().Soon());
            Assert.Equal(text, call.ResponseStream.Current.Text);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext().Soon());
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task The_headers_of_a_stream_arrive_before_any_message()
    {
        var finish = new TaskCompletionSource();
        await using var setting = await StartAsync(Echo.Chatting((_, _, _) => finish.Task));

        using var call = setting.Channel.Chat();

        await call.ResponseHeadersAsync.Soon();
        finish.SetResult();
        Assert.False(await call.ResponseStream.MoveNext().Soon());
    }

    [Fact]
    public async Task A_deadline_ends_the_call_at_both_ends()
    {
        var clock = new ManualTimeProvider();
        var serverSaw = new TaskCompletionSource<CancellationToken>();
        var serverClock = new ManualTimeProvider();
        await using var setting = await StartAsync(
            Echo.Saying(async (_, context) =>
            {
                Assert.Equal(serverClock.GetUtcNow().UtcDateTime.AddSeconds(5), context.Deadline);
                serverSaw.SetResult(context.CancellationToken);
                await context.CancellationToken.Cancelled();
                throw new OperationCanceledException();
            }),
            new GrpcServerOptions { TimeProvider = serverClock }, clock);

        using var call = setting.Channel.Say("", new CallOptions(Deadline: clock.GetUtcNow().UtcDateTime.AddSeconds(5)));
        var token = await serverSaw.Task.Soon();
        clock.Advance(TimeSpan.FromSeconds(5));
        serverClock.Advance(TimeSpan.FromSeconds(5));

        var exception = await call.ResponseAsync.Fails();
        Assert.Equal((StatusCode.DeadlineExceeded, "context deadline exceeded"), (exception.StatusCode, exception.Status.Detail));
        Assert.True(token.IsCancellationRequested);
    }

    [Fact]
    public async Task A_deadline_in_the_past_ends_the_call_at_once()
    {
        await using var setting = await StartAsync(Echo.Obvious);

        var exception = await setting.Channel.Say("", new CallOptions(Deadline: DateTime.UnixEpoch)).ResponseAsync.Fails();

        Assert.Equal(StatusCode.DeadlineExceeded, exception.StatusCode);
    }

    [Fact]
    public async Task A_callers_token_cancels_a_unary_call_at_both_ends()
    {
        var serverSaw = new TaskCompletionSource<CancellationToken>();
        await using var setting = await StartAsync(Echo.Saying(async (_, context) =>
        {
            serverSaw.SetResult(context.CancellationToken);
            await context.CancellationToken.Cancelled();
            return new EchoResponse();
        }));
        using var source = new CancellationTokenSource();

        using var call = setting.Channel.Say("", new CallOptions(CancellationToken: source.Token));
        var token = await serverSaw.Task.Soon();
        await source.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await call.ResponseAsync.Fails()).StatusCode);
        await token.Cancelled();
    }

    [Fact]
    public async Task Disposing_an_idle_stream_ends_its_handler()
    {
        var ended = new TaskCompletionSource<Exception?>();
        await using var setting = await StartAsync(Echo.Chatting(async (requests, _, _) =>
            ended.SetResult(await Record.ExceptionAsync(() => requests.MoveNext()))));

        var call = setting.Channel.Chat();
        await call.ResponseHeadersAsync.Soon();
        call.Dispose();

        Assert.IsAssignableFrom<OperationCanceledException>(await ended.Task.Soon());
    }

    [Fact]
    public async Task A_write_to_a_cancelled_stream_is_cancelled()
    {
        var ended = new TaskCompletionSource<Exception?>();
        await using var setting = await StartAsync(Echo.Chatting(async (_, responses, context) =>
        {
            await context.CancellationToken.Cancelled();
            ended.SetResult(await Record.ExceptionAsync(() => responses.WriteAsync(new EchoResponse())));
        }));

        var call = setting.Channel.Chat();
        await call.ResponseHeadersAsync.Soon();
        call.Dispose();

        Assert.IsAssignableFrom<OperationCanceledException>(await ended.Task.Soon());
    }

    [Fact]
    public async Task Ending_all_streams_ends_them_with_Unavailable_and_refuses_new_ones_but_no_unary_call()
    {
        await using var setting = await StartAsync(Echo.Obvious);
        using var call = setting.Channel.Chat();
        await call.ResponseHeadersAsync.Soon();

        setting.Server.EndStreams();

        Assert.Equal(StatusCode.Unavailable, (await call.ResponseStream.MoveNext().Fails()).StatusCode);
        Assert.Equal(StatusCode.Unavailable, (await setting.Channel.Chat().ResponseStream.MoveNext().Fails()).StatusCode);
        Assert.Equal("still", (await setting.Channel.Say("still").ResponseAsync.Soon()).Text);
    }

    [Fact]
    public async Task A_handler_that_ends_quietly_when_cancelled_still_ends_the_stream_with_the_reason()
    {
        await using var setting = await StartAsync(Echo.Chatting((_, _, context) => context.CancellationToken.Cancelled()));
        using var call = setting.Channel.Chat();
        await call.ResponseHeadersAsync.Soon();

        setting.Server.EndStreams();

        Assert.Equal(StatusCode.Unavailable, (await call.ResponseStream.MoveNext().Fails()).StatusCode);
    }

    [Fact]
    public async Task A_client_that_writes_after_the_servers_refusal_learns_of_it()
    {
        await using var setting = await StartAsync(
            Echo.Chatting((_, _, _) => throw new RpcException(StatusCode.PermissionDenied, "not you")));

        using var call = setting.Channel.Chat();
        var read = await call.ResponseStream.MoveNext().Fails();
        var written = await call.RequestStream.WriteAsync(new EchoRequest()).Fails();

        Assert.Equal(StatusCode.PermissionDenied, read.StatusCode);
        Assert.Equal((StatusCode.PermissionDenied, "not you"), (written.StatusCode, written.Status.Detail));
    }

    [Fact]
    public async Task Nothing_is_written_after_completion()
    {
        await using var setting = await StartAsync(Echo.Obvious);
        using var call = setting.Channel.Chat();

        await call.RequestStream.CompleteAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync(new EchoRequest()).Soon());
    }

    [Fact]
    public async Task A_response_stream_refuses_a_second_writer_and_a_write_after_the_call()
    {
        IServerStreamWriter<EchoResponse>? leaked = null;
        var refused = new TaskCompletionSource<Exception?>();
        await using var setting = await StartAsync(Echo.Chatting(async (_, responses, _) =>
        {
            leaked = responses;
            // Nobody reads yet: writes pile up until one has to wait, and meanwhile no other may come.
            var payload = ByteString.CopyFrom(new byte[1 << 20]);
            Task write;
            do
                write = responses.WriteAsync(new EchoResponse { Payload = payload });
            while (write.IsCompletedSuccessfully);
            refused.SetResult(await Record.ExceptionAsync(() => responses.WriteAsync(new EchoResponse())));
            await write;
        }));

        using var call = setting.Channel.Chat();
        Assert.IsType<InvalidOperationException>(await refused.Task.Soon());
        while (await call.ResponseStream.MoveNext().Soon())
            Assert.Equal(1 << 20, call.ResponseStream.Current.Payload.Length);

        await Assert.ThrowsAsync<InvalidOperationException>(() => leaked!.WriteAsync(new EchoResponse()));
    }

    [Fact]
    public async Task A_method_bound_so_keeps_its_requests_bytes()
    {
        ReadOnlyMemory<byte> kept = default;
        await using var setting = await StartAsync(Echo.Binder.Unary<EchoRequest, EchoResponse>(
            "Say",
            (request, context) =>
            {
                kept = context.RequestBytes;
                return ValueTask.FromResult(new EchoResponse { Text = request.Text });
            },
            keepRequestBytes: true));
        var request = new EchoRequest { Text = "keep me", Number = 3 };

        var response = await setting.Channel.Say(request).ResponseAsync.Soon();

        Assert.Equal("keep me", response.Text);
        Assert.Equal(request.ToByteArray(), kept.ToArray());
    }

    [Fact]
    public async Task Handlers_may_take_bytes_and_give_messages_that_write_themselves()
    {
        await using var setting = await StartAsync(Echo.Binder.Unary<ReadOnlyMemory<byte>, Spliced>(
            "Say", (request, _) => ValueTask.FromResult(new Spliced(request))));

        var response = await setting.Channel.Say("both have field 1").ResponseAsync.Soon();

        Assert.Equal("both have field 1", response.Text);
    }

    [Fact]
    public async Task An_observer_sees_each_call_begin_and_end_and_may_refuse_it()
    {
        var observer = new RecordingObserver();
        await using var setting = await StartAsync(Echo.Obvious, new GrpcServerOptions { Observer = observer });

        await setting.Channel.Say("hi").ResponseAsync.Soon();
        await setting.Channel.Say("hi", new CallOptions(new Metadata { { "token", "bad" } })).ResponseAsync.Fails();
        await observer.Finished(2);

        Assert.Equal(
            [
                "Unary /echo.Echo/Say", "received 4", "sent 4", "OK ",
                "Unary /echo.Echo/Say", "Unauthenticated invalid auth token",
            ],
            observer.Seen);
    }

    private sealed class Spliced(ReadOnlyMemory<byte> bytes) : IGrpcMessage
    {
        public int CalculateSize() => bytes.Length;

        public void WriteTo(Span<byte> destination) => bytes.Span.CopyTo(destination);
    }

    private sealed class RecordingObserver : ServerCallObserver
    {
        private readonly SemaphoreSlim _finished = new(0);

        public List<string> Seen { get; } = [];

        public async Task Finished(int count)
        {
            for (var i = 0; i < count; i++)
                await _finished.WaitAsync().Soon();
        }

        public override void OnStarted(ServerCallContext context, MethodType type)
        {
            Seen.Add($"{type} {context.Method}");
            if (context.GetRequestHeader("token") == "bad")
                throw new RpcException(StatusCode.Unauthenticated, "invalid auth token");
        }

        public override void OnMessageReceived(ServerCallContext context, int sizeBytes) => Seen.Add($"received {sizeBytes}");

        public override void OnMessageSent(ServerCallContext context, int sizeBytes) => Seen.Add($"sent {sizeBytes}");

        public override void OnFinished(ServerCallContext context, MethodType type, Status status, TimeSpan elapsed)
        {
            Seen.Add($"{status.StatusCode} {status.Detail}");
            _finished.Release();
        }
    }
}
