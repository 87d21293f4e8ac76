using System.Buffers.Binary;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Tests.Streams;

public sealed class PortForwardTests : IAsyncLifetime
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));
    private readonly EchoServer _pod = new();
    private StreamServer _server = null!;

    public static TheoryData<bool> Tunnelled { get; } = [false, true];

    private CancellationToken Limit => _limit.Token;

    public async Task InitializeAsync() => _server = await StreamServer.StartAsync(ServeAsync);

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _pod.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Tunnelled))]
    public async Task Many_connections_carry_much_at_once(bool isTunnelled)
    {
        await using PortForwardConnection session = await ConnectAsync(isTunnelled);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            await using ForwardedConnection connection = await session.OpenAsync(_pod.Port, Limit);
            var sent = new byte[500_000];
            new Random(i).NextBytes(sent);
            Task<byte[]> receiving = ReadBytesAsync(connection.Data);
            await connection.Data.WriteAsync(sent, Limit);
            await connection.Data.CompleteWritesAsync(Limit);
            Assert.True((await receiving).AsSpan().SequenceEqual(sent));
            Assert.Equal("", await connection.ReadErrorAsync(Limit));
        }));
    }

    [Theory]
    [MemberData(nameof(Tunnelled))]
    public async Task A_port_that_nobody_listens_on_is_told_and_the_session_goes_on(bool isTunnelled)
    {
        await using PortForwardConnection session = await ConnectAsync(isTunnelled);

        await using ForwardedConnection refused = await session.OpenAsync(1, Limit);
        string error = await refused.ReadErrorAsync(Limit);
        await using ForwardedConnection connection = await session.OpenAsync(_pod.Port, Limit);
        await connection.Data.WriteAsync("x"u8.ToArray(), Limit);

        Assert.StartsWith("error forwarding port 1 to pod web_default, uid 1234: ", error);
        Assert.Equal(1, await connection.Data.ReadAsync(new byte[1], Limit));
    }

    [Fact]
    public async Task A_client_that_resets_its_stream_ends_the_pods_connection_and_gets_no_error()
    {
        await using PortForwardConnection session = await ConnectAsync(isTunnelled: false);
        ForwardedConnection connection = await session.OpenAsync(_pod.Port, Limit);
        await connection.Data.WriteAsync("x"u8.ToArray(), Limit);
        await connection.Data.ReadExactlyAsync(new byte[1], Limit);

        await connection.Data.DisposeAsync();

        Assert.Equal("", await connection.ReadErrorAsync(Limit));
    }

    [Theory]
    [InlineData("v4.channel.k8s.io")]
    [InlineData("v4.base64.channel.k8s.io")]
    public async Task Websocket_channels_begin_with_their_port_and_carry_bytes_and_errors(string protocol)
    {
        bool isBase64 = protocol.Contains("base64");
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(protocol);
        var uri = new UriBuilder(_server.At($"/portForward?ports={_pod.Port}&ports=1")) { Scheme = "wss" };
        await socket.ConnectAsync(uri.Uri, StreamServer.Invoker, Limit);

        await SendAsync(socket, isBase64, 0, "hello"u8.ToArray());
        var channels = await ReceiveAsync(socket, isBase64, until: received => received[0].Length >= 7 && received[3].Length > 2);

        Assert.Equal(_pod.Port, BinaryPrimitives.ReadUInt16LittleEndian(channels[0]));
        Assert.Equal(_pod.Port, BinaryPrimitives.ReadUInt16LittleEndian(channels[1]));
        Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(channels[2]));
        Assert.Equal("hello", Encoding.ASCII.GetString(channels[0][2..]));
        Assert.StartsWith("error forwarding port 1 to pod web_default", Encoding.UTF8.GetString(channels[3][2..]));
    }

    [Theory]
    [InlineData("ports=0", "port \"0\" must be > 0")]
    [InlineData("ports=80,x", "unable to parse \"x\" as a port")]
    [InlineData("ports=70000", "unable to parse \"70000\" as a port")]
    public async Task Ports_that_are_none_are_refused(string query, string reason)
    {
        using var client = new HttpClient(new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true } });

        using HttpResponseMessage response = await client.GetAsync(_server.At("/portForward?" + query), Limit);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(reason, await response.Content.ReadAsStringAsync(Limit));
    }

    [Fact]
    public async Task A_client_without_the_protocols_name_hears_which_there_are()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _server.At("/portForward"));
        request.Headers.Connection.Add("Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "SPDY/3.1");
        request.Headers.TryAddWithoutValidation("X-Stream-Protocol-Version", "other");

        using HttpResponseMessage response = await StreamServer.Invoker.SendAsync(request, Limit);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("portforward.k8s.io", response.Headers.GetValues("X-Accepted-Stream-Protocol-Versions").Single());
    }

    private static async Task ServeAsync(HttpContext context)
    {
        PortForwardRequest? request = PortForwardRequest.FromQuery("web_default", "1234", context.Request.Query, out string error);
        if (request is null)
        {
            context.Response.StatusCode = 400;
            await context.Response.WriteAsync(error);
            return;
        }
        await PortForwardServer.ServeAsync(context, request, async (port, connection, disconnected) =>
        {
            await using SocketStream pod = await SocketStream.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), disconnected);
            await DuplexCopy.RunAsync(connection, pod, disconnected);
        });
    }

    private Task<PortForwardConnection> ConnectAsync(bool isTunnelled)
    {
        var client = new PortForwardClient(StreamServer.Invoker);
        Uri uri = _server.At("/portForward");
        return isTunnelled ? client.ConnectTunnelAsync(uri, Limit) : client.ConnectSpdyAsync(uri, Limit);
    }

    private async Task SendAsync(ClientWebSocket socket, bool isBase64, byte channel, byte[] data)
    {
        byte[] message = isBase64
            ? Encoding.ASCII.GetBytes((char)('0' + channel) + Convert.ToBase64String(data))
            : [channel, .. data];
        await socket.SendAsync(message, isBase64 ? WebSocketMessageType.Text : WebSocketMessageType.Binary, true, Limit);
    }

    private async Task<byte[][]> ReceiveAsync(ClientWebSocket socket, bool isBase64, Func<byte[][], bool> until)
    {
        byte[][] channels = [[], [], [], []];
        var buffer = new byte[10_000];
        while (!until(channels))
        {
            ValueWebSocketReceiveResult result = await socket.ReceiveAsync(buffer.AsMemory(), Limit);
            Assert.NotEqual(WebSocketMessageType.Close, result.MessageType);
            int channel = isBase64 ? buffer[0] - '0' : buffer[0];
            byte[] data = buffer[1..result.Count];
            channels[channel] = [.. channels[channel], .. isBase64 ? Convert.FromBase64String(Encoding.ASCII.GetString(data)) : data];
        }
        return channels;
    }

    private async Task<byte[]> ReadBytesAsync(Stream stream)
    {
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, Limit);
        return bytes.ToArray();
    }
}
