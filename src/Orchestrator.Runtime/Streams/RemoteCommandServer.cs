using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Streams.Spdy;

namespace Orchestrator.Runtime.Streams;

/// <summary>The server's side of exec and attach: WebSocket channels v5, v4 and older, or SPDY/3.1.</summary>
public static class RemoteCommandServer
{
    /// <summary>How long a client may take to open the streams that it asked for.</summary>
    private static readonly TimeSpan StreamCreationTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long a client may take to end its connection once the command has ended; then it is cut.</summary>
    private static readonly TimeSpan FarewellTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Terminal sizes that nobody has read yet: only the newest counts.</summary>
    private const int PendingSizeLimit = 8;

    private const int StdinChannel = 0;
    private const int StdoutChannel = 1;
    private const int StderrChannel = 2;
    private const int ErrorChannel = 3;
    private const int ResizeChannel = 4;

    /// <summary>Serves a request to its end: handshake, streams, the command, its result.</summary>
    public static Task ServeAsync(HttpContext context, RemoteCommandOptions options, RemoteCommandHandler handler)
    {
        if (!options.HasStreams)
            return ConnectionUpgrade.RefuseAsync(context, StatusCodes.Status400BadRequest, "you must specify at least 1 of stdin, stdout, stderr");
        if (WebSocketUpgrade.IsRequested(context.Request))
            return ServeWebSocketAsync(context, options, handler);
        if (SpdyUpgrade.IsRequested(context.Request))
            return ServeSpdyAsync(context, options, handler);
        return ConnectionUpgrade.RefuseAsync(context, StatusCodes.Status400BadRequest, "unable to upgrade: missing upgrade headers in request");
    }

    private static Channel<TerminalSize> NewSizes() => Channel.CreateBounded<TerminalSize>(
        new BoundedChannelOptions(PendingSizeLimit) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>The handler's exceptions are the command's failure; only the connection's own end is nobody's result.</summary>
    private static async Task<RemoteCommandResult?> RunAsync(RemoteCommandHandler handler, RemoteCommandSession session, CancellationToken disconnected)
    {
        try
        {
            return await handler(session, disconnected);
        }
        catch (Exception) when (disconnected.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e)
        {
            return RemoteCommandResult.Failed(e.Message);
        }
    }

    private static async Task ServeWebSocketAsync(HttpContext context, RemoteCommandOptions options, RemoteCommandHandler handler)
    {
        IReadOnlyList<string> offered = WebSocketUpgrade.Offered(context.Request);
        StreamProtocol? protocol = offered.Count == 0 ? StreamProtocol.Unnamed : StreamProtocol.Choose(offered, StreamProtocol.OverWebSocket);
        if (protocol is null)
        {
            await ConnectionUpgrade.RefuseAsync(
                context, StatusCodes.Status400BadRequest, $"unable to upgrade: none of the subprotocols {string.Join(", ", offered)} is supported");
            return;
        }
        var socket = await WebSocketUpgrade.AcceptAsync(context, protocol.Name.Length == 0 ? null : protocol.Name);
        if (socket is null)
            return;
        await using var channels = new WebSocketChannels(socket, protocol.IsBase64, protocol.HasCloseSignal);
        await ServeChannelsAsync(channels, protocol, options, handler);
    }

    private static async Task ServeChannelsAsync(
        WebSocketChannels channels, StreamProtocol protocol, RemoteCommandOptions options, RemoteCommandHandler handler)
    {
        WebSocketChannel? stdin = options.Stdin ? channels.Open(StdinChannel, isReadable: true) : null;
        WebSocketChannel? resize = options.Tty ? channels.Open(ResizeChannel, isReadable: true) : null;
        channels.Start();
        Channel<TerminalSize> sizes = NewSizes();
        Task pumping = PumpSizesAsync(resize, sizes.Writer);
        var session = new RemoteCommandSession
        {
            Options = options,
            Stdin = stdin ?? Stream.Null,
            Stdout = options.Stdout ? channels.Open(StdoutChannel, isReadable: false) : Stream.Null,
            Stderr = options.Stderr ? channels.Open(StderrChannel, isReadable: false) : Stream.Null,
            Sizes = sizes.Reader,
        };
        try
        {
            // An empty message on the first channel tells clients that wait for it that the session is open.
            int first = options.Stdout ? StdoutChannel : options.Stderr ? StderrChannel : ErrorChannel;
            await channels.SendAsync(first, ReadOnlyMemory<byte>.Empty, channels.Closed);
            RemoteCommandResult? result = await RunAsync(handler, session, channels.Closed);
            if (result is not null)
                await SendResultAsync(channels, protocol, result);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client is gone: nobody waits for the result.
        }
        stdin?.StopReading();
        await channels.CloseAsync(FarewellTimeout);
        await channels.DisposeAsync();
        await pumping;
    }

    private static async Task SendResultAsync(WebSocketChannels channels, StreamProtocol protocol, RemoteCommandResult result)
    {
        byte[] bytes = protocol.HasStatus ? result.ToStatus() : Encoding.UTF8.GetBytes(result.ToText());
        if (bytes.Length > 0)
            await channels.SendAsync(ErrorChannel, bytes, channels.Closed);
    }

    private static Task PumpSizesAsync(Stream? resize, ChannelWriter<TerminalSize> sizes)
    {
        if (resize is not null)
            return TerminalSize.PumpAsync(resize, sizes, CancellationToken.None); // Ends with the connection.
        sizes.TryComplete();
        return Task.CompletedTask;
    }

    private static async Task ServeSpdyAsync(HttpContext context, RemoteCommandOptions options, RemoteCommandHandler handler)
    {
        var accepted = await SpdyUpgrade.AcceptAsync(context, [.. StreamProtocol.OverSpdy.Select(known => known.Name)]);
        if (accepted is null)
            return;
        await using SpdyConnection connection = accepted.Value.Connection;
        StreamProtocol protocol = StreamProtocol.OverSpdy.First(known => known.Name == accepted.Value.Protocol);
        Dictionary<string, SpdyStream>? streams = await TakeStreamsAsync(connection, Expected(options, protocol));
        if (streams is not null)
            await ServeStreamsAsync(connection, protocol, streams, options, handler);
    }

    private static HashSet<string> Expected(RemoteCommandOptions options, StreamProtocol protocol)
    {
        var expected = new HashSet<string> { "error" };
        if (options.Stdin)
            expected.Add("stdin");
        if (options.Stdout)
            expected.Add("stdout");
        if (options.Stderr)
            expected.Add("stderr");
        if (options.Tty && protocol.HasResize)
            expected.Add("resize");
        return expected;
    }

    /// <returns>The expected streams by their type; null when they did not all come.</returns>
    private static async Task<Dictionary<string, SpdyStream>?> TakeStreamsAsync(SpdyConnection connection, HashSet<string> expected)
    {
        var streams = new Dictionary<string, SpdyStream>();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(connection.Closed);
        timeout.CancelAfter(StreamCreationTimeout);
        try
        {
            while (streams.Count < expected.Count)
            {
                SpdyStream stream = await connection.Incoming.ReadAsync(timeout.Token);
                string type = stream.Headers.GetValueOrDefault("streamtype", "");
                if (expected.Contains(type) && streams.TryAdd(type, stream))
                    await stream.ReplyAsync(timeout.Token);
                else
                    stream.Reset(SpdyResetStatus.RefusedStream);
            }
            return streams;
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException or IOException)
        {
            return null;
        }
    }

    private static async Task ServeStreamsAsync(
        SpdyConnection connection,
        StreamProtocol protocol,
        Dictionary<string, SpdyStream> streams,
        RemoteCommandOptions options,
        RemoteCommandHandler handler)
    {
        Channel<TerminalSize> sizes = NewSizes();
        Task pumping = PumpSizesAsync(streams.GetValueOrDefault("resize"), sizes.Writer);
        var session = new RemoteCommandSession
        {
            Options = options,
            Stdin = streams.GetValueOrDefault("stdin") ?? Stream.Null,
            Stdout = streams.GetValueOrDefault("stdout") ?? Stream.Null,
            Stderr = streams.GetValueOrDefault("stderr") ?? Stream.Null,
            Sizes = sizes.Reader,
        };
        RemoteCommandResult? result = await RunAsync(handler, session, connection.Closed);
        if (result is not null)
            await FinishAsync(connection, protocol, streams, result);
        await connection.DisposeAsync();
        await pumping;
    }

    /// <summary>Result first, then the end of all streams, then time for the client to read them and go.</summary>
    private static async Task FinishAsync(
        SpdyConnection connection, StreamProtocol protocol, Dictionary<string, SpdyStream> streams, RemoteCommandResult result)
    {
        using var timeout = new CancellationTokenSource(FarewellTimeout);
        try
        {
            byte[] bytes = protocol.HasStatus ? result.ToStatus() : Encoding.UTF8.GetBytes(result.ToText());
            await streams["error"].WriteAsync(bytes, timeout.Token);
            if (streams.TryGetValue("stdin", out SpdyStream? stdin))
                stdin.StopReading();
            foreach (SpdyStream stream in streams.Values)
                await stream.CompleteWritesAsync(timeout.Token);
            await connection.LeaveAsync(timeout.Token);
            await connection.Completion.WaitAsync(timeout.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client is gone, or has had its time.
        }
    }
}
