using System.Text;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Tests.Streams;

/// <summary>The same sessions over every protocol.</summary>
public sealed class RemoteCommandTests
{
    private const string Spdy = "spdy";
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));

    public static TheoryData<string> Protocols { get; } =
        [Spdy, "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io"];

    /// <summary>Those whose input can end before the session does.</summary>
    public static TheoryData<string> HalfClosing { get; } = [Spdy, "v5.channel.k8s.io"];

    private CancellationToken Limit => _limit.Token;

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Output_and_errors_arrive_apart_and_so_does_the_exit_code(string protocol)
    {
        await using StreamServer server = await ServeShellAsync();
        await using var session = await ConnectAsync(server, protocol, "sh", "-c", "echo out; echo err >&2; exit 7");

        Task<string> output = ReadAllAsync(session.Stdout!);
        Task<string> errors = ReadAllAsync(session.Stderr!);

        Assert.Equal("out\n", await output);
        Assert.Equal("err\n", await errors);
        RemoteCommandResult result = await session.Result;
        if (protocol.StartsWith('v') || protocol == Spdy)
            Assert.Equal(7, result.ExitCode);
        else
            Assert.Equal("error executing remote command: command terminated with non-zero exit code: exit status 7", result.Error);
    }

    [Theory]
    [MemberData(nameof(HalfClosing))]
    public async Task Large_input_comes_back_whole_and_its_end_ends_the_command(string protocol)
    {
        await using StreamServer server = await ServeShellAsync();
        await using var session = await ConnectAsync(server, protocol, "cat");
        var sent = new byte[5_000_000];
        new Random(1).NextBytes(sent);

        Task<byte[]> receiving = ReadBytesAsync(session.Stdout!);
        await session.Stdin!.WriteAsync(sent, Limit);
        await session.Stdin.CompleteWritesAsync(Limit);

        Assert.True((await receiving).AsSpan().SequenceEqual(sent));
        Assert.Equal(RemoteCommandResult.Success, await session.Result);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Input_is_answered_while_the_session_goes_on(string protocol)
    {
        await using StreamServer server = await ServeShellAsync();
        await using var session = await ConnectAsync(server, protocol, "cat");
        var buffer = new byte[5];

        for (int i = 0; i < 3; i++)
        {
            await session.Stdin!.WriteAsync("hello"u8.ToArray(), Limit);
            await session.Stdout!.ReadExactlyAsync(buffer, Limit);
            Assert.Equal("hello", Encoding.UTF8.GetString(buffer));
        }
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_client_that_leaves_is_seen_by_the_command(string protocol)
    {
        var seen = new TaskCompletionSource();
        await using StreamServer server = await ServeAsync(async (_, disconnected) =>
        {
            disconnected.Register(() => seen.TrySetResult());
            await Task.Delay(Timeout.Infinite, disconnected);
            return RemoteCommandResult.Success;
        });
        var session = await ConnectAsync(server, protocol, "sleep");

        await session.DisposeAsync();

        await seen.Task.WaitAsync(Limit);
        await Assert.ThrowsAnyAsync<IOException>(() => session.Result.WaitAsync(Limit));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Output_that_nobody_reads_stops_the_command_until_the_client_leaves(string protocol)
    {
        var ended = new TaskCompletionSource<Exception>();
        await using StreamServer server = await ServeAsync(async (session, _) =>
        {
            try
            {
                while (true)
                    await session.Stdout.WriteAsync(new byte[100_000], CancellationToken.None);
            }
            catch (IOException e)
            {
                ended.TrySetResult(e);
                throw;
            }
        });
        var session = await ConnectAsync(server, protocol, "yes");
        await session.Stdout!.ReadExactlyAsync(new byte[10_000], Limit);

        await session.DisposeAsync();

        Assert.IsAssignableFrom<IOException>(await ended.Task.WaitAsync(Limit));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Input_that_the_command_never_reads_does_not_keep_its_end_from_the_client(string protocol)
    {
        var go = new TaskCompletionSource();
        await using StreamServer server = await ServeAsync(async (_, _) =>
        {
            await go.Task;
            return RemoteCommandResult.Exited(3);
        });
        await using var session = await ConnectAsync(server, protocol, "exit");
        Task writing = WriteWithoutEndAsync(session.Stdin!);
        Task<string> output = ReadAllAsync(session.Stdout!);

        go.SetResult();

        Assert.Equal("", await output);
        RemoteCommandResult result = await session.Result.WaitAsync(Limit);
        Assert.True(result.ExitCode == 3 || result.Error!.Contains("exit status 3"));
        await session.DisposeAsync();
        await writing.WaitAsync(Limit);
    }

    [Theory]
    [InlineData(Spdy)]
    [InlineData("v5.channel.k8s.io")]
    [InlineData("v4.base64.channel.k8s.io")]
    public async Task A_terminals_sizes_reach_the_command_in_order(string protocol)
    {
        await using StreamServer server = await ServeAsync(async (session, disconnected) =>
        {
            for (int i = 0; i < 2; i++)
            {
                TerminalSize size = await session.Sizes.ReadAsync(disconnected);
                await session.Stdout.WriteAsync(Encoding.UTF8.GetBytes($"{size.Width}x{size.Height};"), disconnected);
            }
            return RemoteCommandResult.Success;
        });
        var options = new RemoteCommandOptions { Command = ["sh"], Stdin = true, Stdout = true, Tty = true };
        await using var session = await ConnectAsync(server, protocol, options);

        await session.ResizeAsync(new TerminalSize(80, 24), Limit);
        await session.ResizeAsync(new TerminalSize(132, 43), Limit);

        Assert.Equal("80x24;132x43;", await ReadAllAsync(session.Stdout!));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_command_that_cannot_run_says_why(string protocol)
    {
        await using StreamServer server = await ServeAsync((_, _) => throw new InvalidOperationException("no such container"));
        await using var session = await ConnectAsync(server, protocol, "x");

        RemoteCommandResult result = await session.Result;

        Assert.Null(result.ExitCode);
        Assert.EndsWith("error executing command in container: no such container", result.Error);
    }

    [Fact]
    public async Task A_request_without_an_upgrade_or_streams_is_refused_in_words()
    {
        await using StreamServer server = await ServeShellAsync();
        using var client = new HttpClient(new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true } });

        using HttpResponseMessage noUpgrade = await client.GetAsync(server.At("/exec?output=1&command=x"), Limit);
        using HttpResponseMessage noStreams = await client.GetAsync(server.At("/exec?command=x"), Limit);

        Assert.Equal(400, (int)noUpgrade.StatusCode);
        Assert.Contains("missing upgrade headers", await noUpgrade.Content.ReadAsStringAsync(Limit));
        Assert.Equal(400, (int)noStreams.StatusCode);
        Assert.Contains("you must specify at least 1 of stdin, stdout, stderr", await noStreams.Content.ReadAsStringAsync(Limit));
    }

    [Fact]
    public async Task A_websocket_without_a_known_subprotocol_is_refused()
    {
        await using StreamServer server = await ServeShellAsync();
        using var socket = new System.Net.WebSockets.ClientWebSocket();
        socket.Options.AddSubProtocol("v9.channel.k8s.io");

        await Assert.ThrowsAsync<System.Net.WebSockets.WebSocketException>(() => socket.ConnectAsync(
            new UriBuilder(server.At("/exec?output=1&command=x")) { Scheme = "wss" }.Uri, StreamServer.Invoker, Limit));
    }

    [Fact]
    public void Options_survive_the_kubelets_query()
    {
        var options = new RemoteCommandOptions { Command = ["sh", "-c", "echo a&b=ü +"], Stdin = true, Stdout = true, Stderr = true };
        var query = new QueryCollection(Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(options.ToKubeletQuery()));

        RemoteCommandOptions read = RemoteCommandOptions.FromQuery(query);

        Assert.Equal(options.Command, read.Command);
        Assert.Equal((true, true, true, false), (read.Stdin, read.Stdout, read.Stderr, read.Tty));
    }

    private static Task<StreamServer> ServeShellAsync()
    {
        var shell = new EchoShell(new Dictionary<string, string>(), (time, ct) => Task.Delay(time, ct));
        return ServeAsync(shell.RunAsync);
    }

    private static Task<StreamServer> ServeAsync(RemoteCommandHandler handler) => StreamServer.StartAsync(
        context => RemoteCommandServer.ServeAsync(context, RemoteCommandOptions.FromQuery(context.Request.Query), handler));

    private Task<RemoteCommandConnection> ConnectAsync(StreamServer server, string protocol, params string[] command) =>
        ConnectAsync(server, protocol, new RemoteCommandOptions { Command = command, Stdin = true, Stdout = true, Stderr = true });

    private Task<RemoteCommandConnection> ConnectAsync(StreamServer server, string protocol, RemoteCommandOptions options)
    {
        var client = new RemoteCommandClient(StreamServer.Invoker);
        Uri uri = server.At("/exec?" + options.ToKubeletQuery());
        return protocol == Spdy ? client.ConnectSpdyAsync(uri, options, Limit) : client.ConnectWebSocketAsync(uri, options, protocol, Limit);
    }

    private async Task WriteWithoutEndAsync(Stream stream)
    {
        try
        {
            while (true)
                await stream.WriteAsync(new byte[10_000], Limit);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // The session is over.
        }
    }

    private async Task<string> ReadAllAsync(Stream stream) => Encoding.UTF8.GetString(await ReadBytesAsync(stream));

    private async Task<byte[]> ReadBytesAsync(Stream stream)
    {
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, Limit);
        return bytes.ToArray();
    }
}
