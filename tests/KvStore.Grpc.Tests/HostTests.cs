using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using KvStore.Grpc.Tests.Protos;
using KvStore.Grpc.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace KvStore.Grpc.Tests;

/// <summary>Connections: shared ports, pings, all the ways in which a client may leave, and the server's stop.</summary>
public class HostTests
{
    private static readonly RequestDelegate Page = context =>
        context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Path}");

    [Fact]
    public async Task One_port_serves_gRPC_and_pages_over_both_versions_of_HTTP()
    {
        await using var host = await StartAsync();

        Assert.Equal("hi", (await host.Channel.Say("hi").ResponseAsync.Soon()).Text);
        Assert.Equal("HTTP/1.1 /health", await PageAsync(host, HttpVersion.Version11));
        Assert.Equal("HTTP/2 /health", await PageAsync(host, HttpVersion.Version20));
    }

    [Fact]
    public async Task A_preface_that_comes_in_pieces_is_recognised()
    {
        await using var host = await StartAsync();
        using var socket = await ConnectAsync(host);

        await socket.SendAsync("P"u8.ToArray());
        await socket.SendAsync("OST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"u8.ToArray());

        Assert.Contains("HTTP/1.1 /x", await ReadToEndAsync(socket));
    }

    [Fact]
    public async Task A_silent_connection_is_closed_in_time_and_holds_nobody_up()
    {
        await using var host = await StartAsync(firstBytesTimeout: TimeSpan.FromMilliseconds(200));
        using var silent = await ConnectAsync(host);
        using var halting = await ConnectAsync(host);
        await halting.SendAsync("PR"u8.ToArray());

        Assert.Equal("hi", (await host.Channel.Say("hi").ResponseAsync.Soon()).Text);
        Assert.Equal("", await ReadToEndAsync(silent));
        Assert.Equal("", await ReadToEndAsync(halting));
    }

    [Fact]
    public async Task Garbage_is_answered_or_cut_and_the_server_lives_on()
    {
        await using var host = await StartAsync();
        foreach (var garbage in new[] { "\x16\x03\x01", "\0\0\0\0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "GET\r\n\r\n" })
        {
            using var socket = await ConnectAsync(host);
            await socket.SendAsync(System.Text.Encoding.Latin1.GetBytes(garbage));
            socket.Shutdown(SocketShutdown.Send);
            await ReadToEndAsync(socket);
        }

        Assert.Equal("on", (await host.Channel.Say("on").ResponseAsync.Soon()).Text);
    }

    [Fact]
    public async Task A_malformed_frame_ends_its_connection_only()
    {
        await using var host = await StartAsync();
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);

        await raw.SendAsync(RawFrame.Headers, RawFrame.EndHeaders, 2, 0xff, 0xff); // An even stream and a broken block.

        Assert.NotNull(await raw.ReadAsync(RawFrame.GoAway));
        Assert.Null(await raw.ReadAsync(RawFrame.Data));
        Assert.Equal("on", (await host.Channel.Say("on").ResponseAsync.Soon()).Text);
    }

    [Fact]
    public async Task A_port_in_use_is_named_in_the_error()
    {
        await using var first = await StartAsync();
        var options = new GrpcHostOptions { Endpoints = [new GrpcListenEndpoint(first.EndPoint)] };
        var second = new GrpcHost(new GrpcServer([]), options);

        var exception = await Assert.ThrowsAsync<IOException>(() => second.StartAsync());

        Assert.Contains($"can not listen on {first.EndPoint}: Address already in use", exception.Message);
        await second.DisposeAsync();
    }

    [Fact]
    public async Task A_socket_file_left_by_a_killed_process_is_replaced_but_a_live_one_is_not()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        // The file of a process that ended without closing: bound elsewhere, then put in place.
        using var killed = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        killed.Bind(new UnixDomainSocketEndPoint(path + ".x"));
        File.Move(path + ".x", path);
        killed.Close();
        var options = new GrpcHostOptions { Endpoints = [GrpcListenEndpoint.Unix(path)] };

        await using var host = await EchoHost.StartAsync(null, null, null, options);
        var second = new GrpcHost(new GrpcServer([]), options);

        Assert.Equal("hi", (await host.Channel.Say("hi").ResponseAsync.Soon()).Text);
        await Assert.ThrowsAsync<IOException>(() => second.StartAsync());
        await second.DisposeAsync();
        Assert.Equal("hi", (await host.Channel.Say("hi").ResponseAsync.Soon()).Text);
    }

    [Fact]
    public async Task A_client_may_ping_as_often_as_it_likes_without_streams()
    {
        await using var host = await StartAsync();
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);

        for (byte i = 0; i < 100; i++)
        {
            await raw.SendAsync(RawFrame.Ping, 0, 0, 0, 0, 0, 0, 0, 0, 0, i);
            var pong = await raw.ReadAsync(RawFrame.Ping, RawFrame.GoAway);
            Assert.Equal((RawFrame.Ping, RawFrame.Ack, i), (pong!.Type, pong.Flags, pong.Payload[7]));
        }
    }

    [Fact]
    public async Task A_server_pings_a_silent_connection_and_keeps_it_open_as_long_as_it_answers()
    {
        await using var host = await StartAsync(ping: TimeSpan.FromSeconds(1));
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);

        for (var i = 0; i < 2; i++)
        {
            var ping = await raw.ReadAsync(RawFrame.Ping, RawFrame.GoAway);
            Assert.Equal(RawFrame.Ping, ping!.Type);
            await raw.SendAsync(RawFrame.Ping, RawFrame.Ack, 0, ping.Payload);
        }

        await raw.OpenCallAsync(1, "/echo.Echo/Say");
        await raw.SendMessageAsync(1, [], isLast: true);
        Assert.Equal(RawFrame.Headers, (await raw.ReadAsync(RawFrame.Headers, RawFrame.GoAway))!.Type);
    }

    [Fact]
    public async Task A_server_gives_up_a_connection_that_does_not_answer_its_ping()
    {
        await using var host = await StartAsync(ping: TimeSpan.FromSeconds(1), answer: TimeSpan.FromSeconds(1));
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);

        Assert.NotNull(await raw.ReadAsync(RawFrame.Ping));

        Assert.NotNull(await raw.ReadAsync(RawFrame.GoAway));
        Assert.Null(await raw.ReadAsync());
    }

    public enum Leaving
    {
        Reset,
        HalfCloseThenReset,
        Close,
        Cut,
    }

    [Theory]
    [InlineData(Leaving.Reset)]
    [InlineData(Leaving.HalfCloseThenReset)]
    [InlineData(Leaving.Close)]
    [InlineData(Leaving.Cut)]
    public async Task However_a_client_leaves_its_stream_the_handler_ends_and_its_token_is_cancelled(Leaving how)
    {
        var started = new TaskCompletionSource();
        var inputEnded = new TaskCompletionSource<Exception?>();
        var cancelled = new TaskCompletionSource();
        var reported = new ConcurrentBag<Exception>();
        await using var host = await EchoHost.StartAsync(Echo.Chatting(async (requests, _, context) =>
        {
            await requests.MoveNext();
            started.SetResult();
            inputEnded.SetResult(await Record.ExceptionAsync(() => requests.MoveNext(context.CancellationToken)));
            await context.CancellationToken.Cancelled();
            cancelled.SetResult();
        }), new GrpcServerOptions { OnUnhandledException = (_, exception) => reported.Add(exception) });
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);
        await raw.OpenCallAsync(1, "/echo.Echo/Chat");
        await raw.SendMessageAsync(1, [], isLast: false);
        await started.Task.Soon();

        await LeaveAsync(raw, how);

        var ended = await inputEnded.Task.Soon();
        // The reset may overtake the half-close before it.
        Assert.True(ended is OperationCanceledException || (ended is null && how == Leaving.HalfCloseThenReset), $"{ended}");
        await cancelled.Task.Soon();
        Assert.Empty(reported);
    }

    [Theory]
    [InlineData(Leaving.Reset)]
    [InlineData(Leaving.Close)]
    [InlineData(Leaving.Cut)]
    public async Task However_a_client_leaves_a_unary_call_its_token_is_cancelled(Leaving how)
    {
        var started = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        await using var host = await EchoHost.StartAsync(Echo.Saying(async (_, context) =>
        {
            started.SetResult();
            await context.CancellationToken.Cancelled();
            cancelled.SetResult();
            return new EchoResponse();
        }));
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);
        await raw.OpenCallAsync(1, "/echo.Echo/Say");
        await raw.SendMessageAsync(1, [], isLast: true);
        await started.Task.Soon();

        await LeaveAsync(raw, how);

        await cancelled.Task.Soon();
        Assert.Equal(StatusCode.Unimplemented, (await host.Channel.Chat().ResponseStream.MoveNext().Fails()).StatusCode);
    }

    [Fact]
    public async Task A_stop_says_goodbye_ends_streams_lets_unary_calls_finish_and_refuses_what_comes_after()
    {
        var started = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        var slow = Echo.Binder
            .Unary<EchoRequest, EchoResponse>("Say", async (request, _) =>
            {
                started.TrySetResult();
                await finish.Task;
                return new EchoResponse { Text = request.Text };
            })
            .DuplexStreaming<EchoRequest, EchoResponse>("Chat", async (requests, _, _) => await requests.MoveNext());
        await using var host = await EchoHost.StartAsync(slow);
        using var stream = host.Channel.Chat();
        await stream.ResponseHeadersAsync.Soon();
        var unary = host.Channel.Say("in time").ResponseAsync;
        await started.Task.Soon();
        using var idle = await RawHttp2.ConnectAsync(host.EndPoint);
        await idle.ReadAsync(RawFrame.Settings);
        using var undecided = await ConnectAsync(host);

        var stop = host.StopAsync();

        Assert.Equal(StatusCode.Unavailable, (await stream.ResponseStream.MoveNext().Fails()).StatusCode);
        Assert.NotNull(await idle.ReadAsync(RawFrame.GoAway));
        Assert.False(stop.IsCompleted);
        finish.SetResult();
        Assert.Equal("in time", (await unary.Soon()).Text);
        await stop.Soon();
        Assert.Equal("", await ReadToEndAsync(undecided));
        Assert.Equal(StatusCode.Unavailable, (await host.Channel.Say("late").ResponseAsync.Fails()).StatusCode);
    }

    [Fact]
    public async Task A_handler_that_does_not_end_holds_a_stop_up_only_for_the_grace()
    {
        var started = new TaskCompletionSource();
        var never = new TaskCompletionSource();
        await using var host = await EchoHost.StartAsync(
            Echo.Saying(async (_, _) =>
            {
                started.SetResult();
                await never.Task;
                return new EchoResponse();
            }),
            null, null,
            new GrpcHostOptions
            {
                Endpoints = [GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0)],
                ShutdownGrace = TimeSpan.FromMilliseconds(100),
            });
        var call = host.Channel.Say("").ResponseAsync;
        await started.Task.Soon();
        var watch = System.Diagnostics.Stopwatch.StartNew();

        await host.StopAsync().Soon();

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(4.9), $"the stop took {watch.Elapsed}");
        Assert.Equal(StatusCode.Unavailable, (await call.Fails()).StatusCode);
        never.SetResult();
    }

    private static Task<EchoHost> StartAsync(TimeSpan? firstBytesTimeout = null, TimeSpan? ping = null, TimeSpan? answer = null) =>
        EchoHost.StartAsync(null, null, null, new GrpcHostOptions
        {
            Endpoints = [GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0)],
            HttpFallback = Page,
            FirstBytesTimeout = firstBytesTimeout ?? TimeSpan.FromSeconds(30),
            KeepAlivePingInterval = ping ?? TimeSpan.FromHours(2),
            KeepAlivePingTimeout = answer ?? TimeSpan.FromSeconds(60),
        });

    private static Task LeaveAsync(RawHttp2 raw, Leaving how)
    {
        switch (how)
        {
            case Leaving.Reset:
                return raw.SendAsync(RawFrame.ResetStream, 0, 1, 0, 0, 0, 8);
            case Leaving.HalfCloseThenReset:
                return HalfCloseThenResetAsync(raw);
            case Leaving.Close:
                raw.Dispose();
                return Task.CompletedTask;
            default:
                raw.Cut();
                return Task.CompletedTask;
        }
    }

    private static async Task HalfCloseThenResetAsync(RawHttp2 raw)
    {
        await raw.SendAsync(RawFrame.Data, RawFrame.EndStream, 1);
        await raw.SendAsync(RawFrame.ResetStream, 0, 1, 0, 0, 0, 8);
    }

    private static async Task<string> PageAsync(EchoHost host, Version version)
    {
        using var response = await RawCall.GetAsync(host, "/health", version);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task<Socket> ConnectAsync(EchoHost host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(host.EndPoint);
        return socket;
    }

    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        var text = new System.Text.StringBuilder();
        var buffer = new byte[4096];
        try
        {
            for (int count; (count = await socket.ReceiveAsync(buffer).Soon()) > 0;)
                text.Append(System.Text.Encoding.Latin1.GetString(buffer, 0, count));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            text.Append("(reset)");
        }

        return text.ToString();
    }
}
