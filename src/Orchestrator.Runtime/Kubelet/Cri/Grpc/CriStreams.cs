using System.Net.Sockets;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>The client of a runtime's streaming server: what exec, attach and port-forward answer with is a URL there.</summary>
internal sealed class CriStreams
{
    private const int BufferBytes = 32 * 1024;

    /// <summary>For the word on how a forwarded connection ended, once it has.</summary>
    private static readonly TimeSpan LastWordTimeout = TimeSpan.FromSeconds(5);

    private readonly HttpMessageInvoker _invoker;

    public CriStreams(CriOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            // Each connection is upgraded and never comes back.
            PooledConnectionLifetime = TimeSpan.Zero,
        };
        if (options.StreamingNetwork is { } network)
            handler.ConnectCallback = async (context, ct) => new NetworkStream(await network.ConnectAsync(context.DnsEndPoint, ct), ownsSocket: true);
        _invoker = new HttpMessageInvoker(handler);
    }

    /// <summary>Joins a session with the command at <paramref name="url"/> until that has ended.</summary>
    /// <exception cref="CriException">The runtime did not want to, or the connection to it broke.</exception>
    public async Task<RemoteCommandResult> RunAsync(string url, RemoteCommandSession session, CancellationToken ct)
    {
        try
        {
            await using RemoteCommandConnection command =
                await new RemoteCommandClient(_invoker).ConnectSpdyAsync(new Uri(url), session.Options, ct);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
            Task input = Task.WhenAll(PumpInputAsync(session, command, ended.Token), PumpSizesAsync(session, command, ended.Token));
            try
            {
                await PumpOutputsAsync(session, command, ended);
                return await command.Result.WaitAsync(ct);
            }
            finally
            {
                await ended.CancelAsync();
                await input;
            }
        }
        catch (Exception e) when (IsOfConnection(e) && !ct.IsCancellationRequested)
        {
            throw new CriException(e.Message, cause: e);
        }
    }

    /// <summary>Joins <paramref name="client"/> with a port of the sandbox that <paramref name="url"/> stands for.</summary>
    /// <exception cref="CriException">Nobody listens at the port, or the connection broke.</exception>
    public async Task ForwardAsync(string url, int port, DuplexStream client, CancellationToken ct)
    {
        string error;
        try
        {
            await using PortForwardConnection connection = await new PortForwardClient(_invoker).ConnectSpdyAsync(new Uri(url), ct);
            await using ForwardedConnection forwarded = await connection.OpenAsync(port, ct);
            error = await ForwardAsync(forwarded, client, ct);
        }
        catch (Exception e) when (IsOfConnection(e) && !ct.IsCancellationRequested)
        {
            throw new CriException(e.Message, cause: e);
        }
        if (error.Length > 0)
            throw new CriException(error);
    }

    private static async Task<string> ForwardAsync(ForwardedConnection forwarded, DuplexStream client, CancellationToken ct)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task<string> error = forwarded.ReadErrorAsync(ended.Token);
        Task copy = DuplexCopy.RunAsync(client, forwarded.Data, ended.Token);
        try
        {
            // An error ends it though the client, who does not know yet, still keeps its direction open.
            if (await Task.WhenAny(error, copy) == error && error.IsCompletedSuccessfully && (await error).Length > 0)
                return await error;
            await copy;
            return await error.WaitAsync(LastWordTimeout, ct);
        }
        catch (TimeoutException)
        {
            return ""; // All bytes have passed and nobody complains.
        }
        finally
        {
            await ended.CancelAsync();
            await Task.WhenAll(Ended(error), Ended(copy));
        }
    }

    private static bool IsOfConnection(Exception e) =>
        e is IOException or HttpRequestException or SocketException or OperationCanceledException or UriFormatException;

    private static Task Ended(Task task) => task.ContinueWith(
        ended => _ = ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    /// <summary>Returns when the command has ended its outputs. A client that takes no more ends the session.</summary>
    private static async Task PumpOutputsAsync(RemoteCommandSession session, RemoteCommandConnection command, CancellationTokenSource ended)
    {
        Task stdout = CopyAsync(command.Stdout, session.Stdout, ended.Token);
        Task stderr = CopyAsync(command.Stderr, session.Stderr, ended.Token);
        Task first = await Task.WhenAny(stdout, stderr);
        if (!first.IsCompletedSuccessfully)
            await ended.CancelAsync();
        await first;
        await Task.WhenAll(stdout, stderr);
    }

    private static async Task CopyAsync(Stream? source, Stream target, CancellationToken ct)
    {
        if (source is null)
            return;
        var buffer = new byte[BufferBytes];
        int count;
        while ((count = await source.ReadAsync(buffer, ct)) > 0)
        {
            await target.WriteAsync(buffer.AsMemory(0, count), ct);
            await target.FlushAsync(ct);
        }
    }

    private static async Task PumpInputAsync(RemoteCommandSession session, RemoteCommandConnection command, CancellationToken ct)
    {
        if (command.Stdin is not { } stdin)
            return;
        try
        {
            await DuplexCopy.CopyAsync(session.Stdin, stdin, ct);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The command reads no more, or has ended.
        }
    }

    private static async Task PumpSizesAsync(RemoteCommandSession session, RemoteCommandConnection command, CancellationToken ct)
    {
        try
        {
            await foreach (TerminalSize size in session.Sizes.ReadAllAsync(ct))
                await command.ResizeAsync(size, ct);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // As above.
        }
    }
}
