using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using KvStore.Grpc.Tests.Protos;
using KvStore.Grpc.Tests.Support;
using KvStore.Testing;
using Microsoft.AspNetCore.Http;

namespace KvStore.Grpc.Tests;

public class ClientTests
{
    [Fact]
    public async Task Gzip_goes_both_ways()
    {
        await using var host = await EchoHost.StartAsync();
        var text = new string('x', 100_000);

        using var call = host.Channel.Say(text, new CallOptions { UseGzip = true });

        Assert.Equal(text, (await call.ResponseAsync.Soon()).Text);
    }

    [Fact]
    public async Task A_message_above_the_senders_or_the_receivers_limit_is_ResourceExhausted_in_grpc_gos_words()
    {
        await using var host = await EchoHost.StartAsync(
            server: new GrpcServerOptions { MaxReceiveMessageSize = 30_000, MaxSendMessageSize = 20_000 },
            channel: new GrpcChannelOptions { MaxSendMessageSize = 40_000, MaxReceiveMessageSize = 10_000 });

        Assert.Equal("grpc: trying to send message larger than max (40004 vs. 40000)", await RefusalOf(40_000));
        Assert.Equal("grpc: received message larger than max (30004 vs. 30000)", await RefusalOf(30_000));
        Assert.Equal("grpc: trying to send message larger than max (20004 vs. 20000)", await RefusalOf(20_000));
        Assert.Equal("grpc: received message larger than max (10003 vs. 10000)", await RefusalOf(10_000));
        Assert.Equal(5_000, (await host.Channel.Say(Of(5_000)).ResponseAsync.Soon()).Payload.Length);

        async Task<string> RefusalOf(int size)
        {
            var exception = await host.Channel.Say(Of(size)).ResponseAsync.Fails();
            Assert.Equal(StatusCode.ResourceExhausted, exception.StatusCode);
            return exception.Status.Detail;
        }

        static EchoRequest Of(int size) => new() { Payload = ByteString.CopyFrom(new byte[size]) };
    }

    [Fact]
    public async Task A_call_of_which_nothing_was_sent_says_so()
    {
        using var dead = GrpcChannel.ForAddress($"http://127.0.0.1:{FreePort()}");
        await using var host = await EchoHost.StartAsync(channel: new GrpcChannelOptions { MaxSendMessageSize = 100 });

        var refused = await dead.Say("").ResponseAsync.Fails();
        var late = await dead.Say("", new CallOptions { Deadline = DateTime.UtcNow.AddSeconds(-1) }).ResponseAsync.Fails();
        var large = await host.Channel.Say(new EchoRequest { Payload = ByteString.CopyFrom(new byte[1000]) }).ResponseAsync.Fails();

        Assert.IsType<HttpRequestException>(Assert.IsType<RequestNotSentException>(refused.Status.DebugException).InnerException);
        Assert.IsType<RequestNotSentException>(late.Status.DebugException);
        Assert.IsType<RequestNotSentException>(large.Status.DebugException);
        Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);
    }

    [Fact]
    public async Task A_call_that_was_sent_and_not_answered_claims_nothing_of_the_kind()
    {
        using var blackHole = new TcpListener(IPAddress.Loopback, 0);
        blackHole.Start();
        using var channel = GrpcChannel.ForAddress($"http://{blackHole.LocalEndpoint}");
        var call = channel.Say("").ResponseAsync;

        using (var connection = await RawHttp2.AcceptAsync(blackHole))
        {
            await connection.ReadAsync(RawFrame.Headers);
            connection.Cut();
        }

        Assert.IsNotType<RequestNotSentException>((await call.Fails()).Status.DebugException);
    }

    [Fact]
    public async Task No_server_is_Unavailable_with_the_cause()
    {
        var port = FreePort();
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");

        var unary = await channel.Say("").ResponseAsync.Fails();
        var stream = await channel.Chat().ResponseStream.MoveNext().Fails();
        using var writing = channel.Chat();
        var write = await writing.RequestStream.WriteAsync(new EchoRequest()).Fails();

        Assert.Equal(StatusCode.Unavailable, unary.StatusCode);
        Assert.Equal($"can not connect to http://127.0.0.1:{port}/: Connection refused", unary.Status.Detail);
        Assert.NotNull(unary.InnerException);
        Assert.Equal(StatusCode.Unavailable, stream.StatusCode);
        Assert.Equal(StatusCode.Unavailable, write.StatusCode);
    }

    [Fact]
    public async Task No_Unix_socket_is_Unavailable()
    {
        using var channel = GrpcChannel.ForAddress("unix:/no/such/socket");

        Assert.Equal(StatusCode.Unavailable, (await channel.Say("").ResponseAsync.Fails()).StatusCode);
    }

    [Fact]
    public async Task A_connection_that_breaks_ends_its_calls_with_Unavailable_and_the_next_call_connects_anew()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var channel = GrpcChannel.ForAddress($"http://{listener.LocalEndpoint}");

        var call = channel.Say("").ResponseAsync;
        using (var first = await RawHttp2.AcceptAsync(listener))
        {
            await first.ReadAsync(RawFrame.Data);
            first.Cut();
        }

        Assert.Equal(StatusCode.Unavailable, (await call.Fails()).StatusCode);
        var next = channel.Say("").ResponseAsync;
        using var second = await RawHttp2.AcceptAsync(listener);
        Assert.NotNull(await second.ReadAsync(RawFrame.Data));
    }

    [Fact]
    public async Task A_message_to_a_broken_stream_fails_also_while_nobody_reads()
    {
        await using var host = await EchoHost.StartAsync();
        await using var proxy = new FaultProxy(host.EndPoint);
        using var channel = GrpcChannel.ForAddress(proxy.Url);
        using var call = channel.Chat();
        await call.RequestStream.WriteAsync(new EchoRequest());
        Assert.True(await call.ResponseStream.MoveNext().Soon());

        proxy.Cut();

        Assert.Equal(StatusCode.Unavailable, (await WriteOnAsync(call.RequestStream).Fails()).StatusCode);
        Assert.Equal(StatusCode.Unavailable, (await call.ResponseStream.MoveNext().Fails()).StatusCode);
    }

    [Fact]
    public async Task Messages_to_a_stream_that_the_server_turns_away_end_with_Unavailable()
    {
        for (int round = 0; round < 10; round++)
        {
            // One of its own: connections that the handler opens in vain must not be the next round's.
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            using var channel = GrpcChannel.ForAddress($"http://{listener.LocalEndpoint}");
            using var call = channel.Chat();
            using var server = await RawHttp2.AcceptAsync(listener);
            var writing = WriteOnAsync(call.RequestStream);
            await server.ReadAsync(RawFrame.Data);

            await server.SendAsync(RawFrame.GoAway, 0, streamId: 0, 0, 0, 0, 0, 0, 0, 0, 0);

            // The handler opens the stream again elsewhere, where nothing of what was written is.
            using var again = await RawHttp2.AcceptAsync(listener);
            Assert.Equal(StatusCode.Unavailable, (await writing.Fails()).StatusCode);
        }
    }

    private static async Task WriteOnAsync(IClientStreamWriter<EchoRequest> requests)
    {
        while (true)
            await requests.WriteAsync(new EchoRequest());
    }

    [Theory]
    [InlineData(0x8, StatusCode.Cancelled)]
    [InlineData(0xb, StatusCode.ResourceExhausted)]
    [InlineData(0x2, StatusCode.Internal)]
    public async Task A_reset_stream_has_the_status_of_its_error_code(byte errorCode, StatusCode expected)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var channel = GrpcChannel.ForAddress($"http://{listener.LocalEndpoint}");

        var call = channel.Say("").ResponseAsync;
        using var server = await RawHttp2.AcceptAsync(listener);
        var request = await server.ReadAsync(RawFrame.Headers);
        await server.SendAsync(RawFrame.ResetStream, 0, request!.StreamId, 0, 0, 0, errorCode);

        Assert.Equal(expected, (await call.Fails()).StatusCode);
    }

    [Theory]
    [InlineData(404, StatusCode.Unimplemented)]
    [InlineData(401, StatusCode.Unauthenticated)]
    [InlineData(503, StatusCode.Unavailable)]
    [InlineData(418, StatusCode.Unknown)]
    [InlineData(200, StatusCode.Unknown)]
    public async Task Who_is_no_gRPC_server_is_told_by_its_HTTP_status(int httpStatus, StatusCode expected)
    {
        await using var web = await WebServer.StartAsync(context =>
        {
            context.Response.StatusCode = httpStatus;
            return context.Response.WriteAsync("a page");
        });
        using var channel = GrpcChannel.ForAddress(web.Address);

        Assert.Equal(expected, (await channel.Say("").ResponseAsync.Fails()).StatusCode);
    }

    [Fact]
    public async Task A_response_without_status_or_without_message_is_Internal()
    {
        await using var web = await WebServer.StartAsync(context =>
        {
            context.Response.ContentType = "application/grpc";
            if (context.Request.Headers["how"] == "status only")
                context.Response.AppendTrailer("grpc-status", "0");
            return context.Response.Body.FlushAsync();
        });
        using var channel = GrpcChannel.ForAddress(web.Address);

        var nothing = await channel.Say("").ResponseAsync.Fails();
        var statusOnly = await channel.Say("", new CallOptions(new Metadata { { "how", "status only" } })).ResponseAsync.Fails();

        Assert.Equal(
            (StatusCode.Internal, "grpc: the server ended the call without a status"),
            (nothing.StatusCode, nothing.Status.Detail));
        Assert.Equal(
            (StatusCode.Internal, "grpc: the server ended the call with OK but sent no response"),
            (statusOnly.StatusCode, statusOnly.Status.Detail));
    }

    [Fact]
    public async Task A_disposed_channel_ends_calls_with_an_error()
    {
        await using var host = await EchoHost.StartAsync();
        var channel = GrpcChannel.ForAddress(host.Address);
        channel.Dispose();

        Assert.Equal(StatusCode.Cancelled, (await channel.Say("").ResponseAsync.Fails()).StatusCode);
    }

    [Fact]
    public async Task A_channel_pings_a_silent_connection_also_without_calls()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var channel = GrpcChannel.ForAddress(
            $"http://{listener.LocalEndpoint}", new GrpcChannelOptions { KeepAlivePingInterval = TimeSpan.FromSeconds(1) });

        var call = channel.Say("").ResponseAsync;
        using var server = await RawHttp2.AcceptAsync(listener);
        var request = await server.ReadAsync(RawFrame.Headers);
        await server.SendAsync(RawFrame.ResetStream, 0, request!.StreamId, 0, 0, 0, 8);
        await call.Fails();

        Assert.NotNull(await server.ReadAsync(RawFrame.Ping));
    }

    [Fact]
    public async Task A_connection_that_does_not_answer_pings_is_given_up()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var channel = GrpcChannel.ForAddress($"http://{listener.LocalEndpoint}", new GrpcChannelOptions
        {
            KeepAlivePingInterval = TimeSpan.FromSeconds(1),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(1),
        });

        var call = channel.Say("").ResponseAsync;
        using var silent = await RawHttp2.AcceptAsync(listener);

        Assert.Equal(StatusCode.Unavailable, (await call.Fails()).StatusCode);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
