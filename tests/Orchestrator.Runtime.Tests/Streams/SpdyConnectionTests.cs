using System.Buffers.Binary;
using System.Text;
using Orchestrator.Runtime.Streams;
using Orchestrator.Runtime.Streams.Spdy;

namespace Orchestrator.Runtime.Tests.Streams;

public sealed class SpdyConnectionTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string> NoHeaders = [];
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));
    private SpdyConnection _client = null!;
    private SpdyConnection _server = null!;

    private CancellationToken Limit => _limit.Token;

    public Task InitializeAsync() => ConnectAsync(null, null);

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_stream_carries_its_headers_and_bytes_both_ways_and_each_direction_ends_by_itself()
    {
        var (client, server) = await OpenAsync(new() { ["streamtype"] = "data" });

        await client.WriteAsync("question"u8.ToArray(), Limit);
        await client.CompleteWritesAsync(Limit);
        string question = await ReadAllAsync(server);
        await server.WriteAsync("answer"u8.ToArray(), Limit);
        await server.CompleteWritesAsync(Limit);
        string answer = await ReadAllAsync(client);

        Assert.Equal("data", server.Headers["StreamType"]);
        Assert.Equal("question", question);
        Assert.Equal("answer", answer);
    }

    [Fact]
    public async Task Opening_waits_for_the_reply_and_fails_when_the_peer_refuses()
    {
        Task<SpdyStream> opening = _client.OpenAsync(NoHeaders, Limit);

        SpdyStream offered = await _server.Incoming.ReadAsync(Limit);
        bool wasOpenBeforeReply = opening.IsCompleted;
        offered.Reset(SpdyResetStatus.RefusedStream);

        Assert.False(wasOpenBeforeReply);
        var refused = await Assert.ThrowsAsync<IOException>(() => opening.WaitAsync(Limit));
        Assert.Contains("RefusedStream", refused.Message);
    }

    [Fact]
    public async Task Many_streams_carry_much_at_once_without_mixing()
    {
        const int StreamCount = 20;
        const int Bytes = 3_000_000;
        Task serving = EchoIncomingAsync(StreamCount);

        byte[][] received = await Task.WhenAll(Enumerable.Range(0, StreamCount).Select(i => EchoAsync(i, Bytes)));

        await serving;
        for (int i = 0; i < StreamCount; i++)
            Assert.True(received[i].AsSpan().SequenceEqual(Pattern(i, Bytes)));
    }

    [Fact]
    public async Task A_writer_waits_while_nobody_reads_and_goes_on_when_somebody_does()
    {
        var (client, server) = await OpenAsync(NoHeaders);
        var sent = new byte[64 * 1024 * 1024];

        Task writing = client.WriteAsync(sent, Limit).AsTask();
        Task early = await Task.WhenAny(writing, PauseAsync());
        bool hadToWait = early != writing;
        long received = await DrainAsync(server, sent.Length);
        await writing;

        Assert.True(hadToWait);
        Assert.Equal(sent.Length, received);
    }

    [Fact]
    public async Task A_ping_is_answered_while_streams_are_idle()
    {
        await OpenAsync(NoHeaders);

        await _client.PingAsync(Limit);
        await _server.PingAsync(Limit);
    }

    [Fact]
    public async Task A_client_of_servers_that_end_by_cancel_reads_what_came_before_it()
    {
        await DisposeAsync();
        await ConnectAsync(SpdyOptions.Default with { TakesCancelForEnd = true }, null);
        var (client, server) = await OpenAsync(NoHeaders);

        await server.WriteAsync("last words"u8.ToArray(), Limit);
        server.Reset(SpdyResetStatus.Cancel);

        Assert.Equal("last words", await ReadAllAsync(client));
        await Assert.ThrowsAsync<IOException>(async () => await client.WriteAsync("too late"u8.ToArray(), Limit));
    }

    [Fact]
    public async Task A_reset_fails_reader_and_writer_of_the_other_side_and_no_other_stream()
    {
        var (client, server) = await OpenAsync(NoHeaders);
        var (otherClient, otherServer) = await OpenAsync(NoHeaders);
        Task<int> reading = server.ReadAsync(new byte[1], Limit).AsTask();

        client.Reset(SpdyResetStatus.Cancel);

        await Assert.ThrowsAsync<IOException>(() => reading);
        await Assert.ThrowsAsync<IOException>(() => server.WriteAsync(new byte[1], Limit).AsTask());
        Assert.True(server.Aborted.IsCancellationRequested);
        await Assert.ThrowsAsync<IOException>(() => client.ReadAsync(new byte[1], Limit).AsTask());
        await otherClient.WriteAsync("still"u8.ToArray(), Limit);
        await otherClient.CompleteWritesAsync(Limit);
        Assert.Equal("still", await ReadAllAsync(otherServer));
    }

    [Fact]
    public async Task What_came_before_the_connections_end_can_still_be_read()
    {
        var (client, server) = await OpenAsync(NoHeaders);
        await server.WriteAsync("result"u8.ToArray(), Limit);
        await server.CompleteWritesAsync(Limit);
        await _client.PingAsync(Limit);

        await _server.DisposeAsync();
        await _client.Completion.WaitAsync(Limit);

        Assert.Equal("result", await ReadAllAsync(client));
        await Assert.ThrowsAsync<IOException>(() => _client.OpenAsync(NoHeaders, Limit));
    }

    [Fact]
    public async Task A_reader_does_not_take_the_connections_end_for_the_streams()
    {
        var (client, server) = await OpenAsync(NoHeaders);
        await server.WriteAsync("half"u8.ToArray(), Limit);
        await _client.PingAsync(Limit);

        await _server.DisposeAsync();

        var buffer = new byte[100];
        Assert.Equal(4, await client.ReadAsync(buffer, Limit));
        await Assert.ThrowsAsync<IOException>(() => client.ReadAsync(buffer, Limit).AsTask());
        await Assert.ThrowsAsync<IOException>(() => WriteUntilFailureAsync(client));
    }

    [Fact]
    public async Task A_stream_that_nobody_reads_any_more_does_not_hold_up_the_others()
    {
        var (client, server) = await OpenAsync(NoHeaders);
        var (otherClient, otherServer) = await OpenAsync(NoHeaders);

        server.StopReading();
        await client.WriteAsync(new byte[8 * 1024 * 1024], Limit);
        await otherClient.WriteAsync("through"u8.ToArray(), Limit);
        await otherClient.CompleteWritesAsync(Limit);

        Assert.Equal("through", await ReadAllAsync(otherServer));
    }

    [Fact]
    public async Task More_streams_than_the_limit_are_refused_and_there_is_room_again_when_one_has_ended()
    {
        await ConnectAsync(null, new SpdyOptions { StreamLimit = 2 });
        var (first, firstServer) = await OpenAsync(NoHeaders);
        await OpenAsync(NoHeaders);

        await Assert.ThrowsAsync<IOException>(() => _client.OpenAsync(NoHeaders, Limit));
        await first.CompleteWritesAsync(Limit);
        await firstServer.CompleteWritesAsync(Limit);
        await _client.PingAsync(Limit);
        var (third, _) = await OpenAsync(NoHeaders);

        Assert.NotNull(third);
    }

    [Fact]
    public async Task A_peer_with_flow_control_gets_no_more_than_its_window_until_it_has_read()
    {
        await ConnectAsync(null, new SpdyOptions { AnnouncesWindows = true });
        var (client, server) = await OpenAsync(NoHeaders);
        await _client.PingAsync(Limit); // By now the client knows of the windows.

        Task writing = client.WriteAsync(new byte[1024 * 1024], Limit).AsTask();
        int inWindow = await ReadUntilQuietAsync(server, 64 * 1024);
        long rest = await DrainAsync(server, 1024 * 1024 - inWindow);
        await writing;

        Assert.Equal(64 * 1024, inWindow);
        Assert.Equal(1024 * 1024 - inWindow, rest);
    }

    [Fact]
    public async Task After_goaway_no_stream_is_opened_but_open_ones_go_on()
    {
        var (client, server) = await OpenAsync(NoHeaders);

        await _server.LeaveAsync(Limit);
        await _client.PingAsync(Limit);
        await client.WriteAsync("late"u8.ToArray(), Limit);
        await client.CompleteWritesAsync(Limit);

        await Assert.ThrowsAsync<IOException>(() => _client.OpenAsync(NoHeaders, Limit));
        Assert.Equal("late", await ReadAllAsync(server));
    }

    [Theory]
    [InlineData("80 02 00 01 00 00 00 00")] // Version 2.
    [InlineData("80 03 00 01 00 FF FF FF")] // A control frame of 16 MiB.
    [InlineData("80 03 00 03 00 00 00 02 00 00")] // Too short a reset.
    [InlineData("80 03 00 01 01 00 00 0A 00 00 00 01 00 00 00 00 00 00")] // No header block.
    public async Task A_frame_against_the_rules_ends_the_connection_with_goaway(string bytes)
    {
        var (raw, served) = await Loopback.ConnectAsync();
        await using SpdyConnection server = SpdyConnection.Serve(served);

        await raw.WriteAsync(Convert.FromHexString(bytes.Replace(" ", "")), Limit);

        await server.Completion.WaitAsync(Limit);
        var goAway = new byte[16];
        await raw.ReadExactlyAsync(goAway, Limit);
        Assert.Equal(7, BinaryPrimitives.ReadUInt16BigEndian(goAway.AsSpan(2)));
        Assert.Equal(1, BinaryPrimitives.ReadInt32BigEndian(goAway.AsSpan(12)));
    }

    [Fact]
    public async Task Random_bytes_end_the_connection_and_never_hang_it()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var (raw, served) = await Loopback.ConnectAsync();
            await using SpdyConnection server = SpdyConnection.Serve(served);
            var bytes = new byte[random.Next(1, 2000)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0)
                new byte[] { 0x80, 3, 0, (byte)random.Next(1, 10) }.CopyTo(bytes.AsMemory(0, Math.Min(4, bytes.Length)));

            try
            {
                await raw.WriteAsync(bytes, Limit);
                raw.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            }
            catch (IOException)
            {
                // It was ended before all was written.
            }

            await server.Completion.WaitAsync(Limit);
            await raw.DisposeAsync();
        }
    }

    private async Task ConnectAsync(SpdyOptions? clientOptions, SpdyOptions? serverOptions)
    {
        var (client, server) = await Loopback.ConnectAsync();
        _client = SpdyConnection.Connect(client, clientOptions);
        _server = SpdyConnection.Serve(server, serverOptions);
    }

    private async Task<(SpdyStream Client, SpdyStream Server)> OpenAsync(Dictionary<string, string> headers)
    {
        Task<SpdyStream> opening = _client.OpenAsync(headers, Limit);
        SpdyStream server = await _server.Incoming.ReadAsync(Limit);
        await server.ReplyAsync(Limit);
        return (await opening, server);
    }

    private async Task EchoIncomingAsync(int count)
    {
        var echoes = new List<Task>();
        for (int i = 0; i < count; i++)
        {
            SpdyStream stream = await _server.Incoming.ReadAsync(Limit);
            await stream.ReplyAsync(Limit);
            echoes.Add(DuplexCopy.CopyAsync(stream, stream, Limit));
        }
        await Task.WhenAll(echoes);
    }

    private async Task<byte[]> EchoAsync(int seed, int bytes)
    {
        SpdyStream stream = await _client.OpenAsync(NoHeaders, Limit);
        async Task SendAsync()
        {
            await stream.WriteAsync(Pattern(seed, bytes), Limit);
            await stream.CompleteWritesAsync(Limit);
        }
        Task sending = SendAsync();
        using var received = new MemoryStream();
        await stream.CopyToAsync(received, Limit);
        await sending;
        return received.ToArray();
    }

    private static byte[] Pattern(int seed, int bytes)
    {
        var pattern = new byte[bytes];
        new Random(seed).NextBytes(pattern);
        return pattern;
    }

    private async Task<string> ReadAllAsync(Stream stream)
    {
        using var text = new MemoryStream();
        await stream.CopyToAsync(text, Limit);
        return Encoding.UTF8.GetString(text.ToArray());
    }

    private async Task<long> DrainAsync(Stream stream, long expected)
    {
        var buffer = new byte[64 * 1024];
        long total = 0;
        while (total < expected)
            total += await stream.ReadAsync(buffer, Limit);
        return total;
    }

    /// <summary>Reads without letting the peer know: less than half a window has been consumed before the rest is in the buffer.</summary>
    private async Task<int> ReadUntilQuietAsync(SpdyStream stream, int expected)
    {
        await _client.PingAsync(Limit);
        await _server.PingAsync(Limit);
        var buffer = new byte[expected * 2];
        return await stream.ReadAsync(buffer, Limit);
    }

    /// <summary>Some round trips: time enough for a writer that need not wait.</summary>
    private static async Task PauseAsync()
    {
        for (int i = 0; i < 200; i++)
            await Task.Yield();
    }

    private async Task WriteUntilFailureAsync(Stream stream)
    {
        while (true)
            await stream.WriteAsync(new byte[1000], Limit);
    }
}
