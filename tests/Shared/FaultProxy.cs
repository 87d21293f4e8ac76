using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace KvStore.Testing;

/// <summary>A TCP proxy on a free port of the loopback that cuts, stalls and delays what goes through it.</summary>
/// <remarks>Thread-safe. Its port stays the same while what stands behind it comes and goes.</remarks>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Lock _gate = new();
    private readonly HashSet<Link> _links = [];
    private readonly CancellationTokenSource _lifetime = new();
    private readonly Task _accepting;
    private int _acceptedCount;
    private long _forwardedBytes;
    private volatile TaskCompletionSource _isFlowing = Open();

    public FaultProxy(EndPoint target)
    {
        Target = target;
        _listener.Start(backlog: 512);
        EndPoint = (IPEndPoint)_listener.LocalEndpoint;
        _accepting = AcceptAsync();
    }

    /// <summary>Where clients connect.</summary>
    public IPEndPoint EndPoint { get; }

    public string Url => $"http://{EndPoint}";

    /// <summary>Where new connections lead.</summary>
    public EndPoint Target { get; set; }

    /// <summary>Bytes arrive so much later, in both directions, in order.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>New connections are reset as soon as they are accepted.</summary>
    public bool IsRefusing { get; set; }

    public int AcceptedCount => Volatile.Read(ref _acceptedCount);

    public long ForwardedBytes => Interlocked.Read(ref _forwardedBytes);

    public int ConnectionCount
    {
        get
        {
            lock (_gate)
                return _links.Count;
        }
    }

    /// <summary>From now on nothing gets through, in either direction; connections are accepted and stay: a black hole.</summary>
    public void Stall() => _isFlowing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What was held back goes on.</summary>
    public void Resume()
    {
        var stalled = _isFlowing;
        _isFlowing = Open();
        stalled.TrySetResult();
    }

    /// <summary>Resets all connections; what was under way is lost.</summary>
    /// <returns>How many there were.</returns>
    public int Cut()
    {
        Link[] links;
        lock (_gate)
            links = [.. _links];
        foreach (var link in links)
            link.Reset();
        return links.Length;
    }

    public async ValueTask DisposeAsync()
    {
        await _lifetime.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting;
    }

    private static TaskCompletionSource Open()
    {
        var flowing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        flowing.SetResult();
        return flowing;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_lifetime.Token);
                Interlocked.Increment(ref _acceptedCount);
                if (IsRefusing)
                    Reset(client);
                else
                    _ = ServeAsync(client);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed: a listener on the loopback fails for no other reason.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var server = new Socket(Target.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        var link = new Link(client, server);
        lock (_gate)
            _links.Add(link);
        try
        {
            await _isFlowing.Task.WaitAsync(link.Lifetime);
            await server.ConnectAsync(Target, link.Lifetime);
            await Task.WhenAny(PumpAsync(client, server, link), PumpAsync(server, client, link));
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            // The target is not there: the client learns it by the reset below.
        }
        finally
        {
            lock (_gate)
                _links.Remove(link);
            link.Reset();
        }
    }

    /// <summary>Ends when either side does.</summary>
    private async Task PumpAsync(Socket from, Socket to, Link link)
    {
        // Read ahead, so that a delay is one of time and not of throughput; bounded, so that a slow reader is felt.
        var queue = Channel.CreateBounded<(ReadOnlyMemory<byte> Bytes, long ReadAt)>(64);
        try
        {
            await Task.WhenAny(ReadAsync(from, queue.Writer, link), WriteAsync(queue.Reader, to, link));
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            // One side is gone.
        }
    }

    private static async Task ReadAsync(Socket from, ChannelWriter<(ReadOnlyMemory<byte>, long)> queue, Link link)
    {
        while (true)
        {
            var buffer = new byte[16 * 1024];
            int count = await from.ReceiveAsync(buffer, SocketFlags.None, link.Lifetime);
            if (count == 0)
            {
                queue.Complete();
                await Task.Delay(Timeout.Infinite, link.Lifetime); // Until what was read is written and the other half ends.
            }

            await queue.WriteAsync((buffer.AsMemory(0, count), TimeProvider.System.GetTimestamp()), link.Lifetime);
        }
    }

    private async Task WriteAsync(ChannelReader<(ReadOnlyMemory<byte> Bytes, long ReadAt)> queue, Socket to, Link link)
    {
        await foreach (var (bytes, readAt) in queue.ReadAllAsync(link.Lifetime))
        {
            var rest = Delay - TimeProvider.System.GetElapsedTime(readAt);
            if (rest > TimeSpan.Zero)
                await Task.Delay(rest, link.Lifetime); // The delay is the fault that was asked for.
            await _isFlowing.Task.WaitAsync(link.Lifetime);
            await to.SendAsync(bytes, SocketFlags.None, link.Lifetime);
            Interlocked.Add(ref _forwardedBytes, bytes.Length);
        }
    }

    private static bool IsEnd(Exception exception) =>
        exception is SocketException or OperationCanceledException or ObjectDisposedException;

    private static void Reset(Socket socket)
    {
        // Zero seconds to linger: close sends a reset instead of a polite end.
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    private sealed class Link(Socket client, Socket server)
    {
        private readonly CancellationTokenSource _lifetime = new();
        private int _isReset;

        public CancellationToken Lifetime => _lifetime.Token;

        public void Reset()
        {
            if (Interlocked.Exchange(ref _isReset, 1) != 0)
                return;
            _lifetime.Cancel();
            FaultProxy.Reset(client);
            FaultProxy.Reset(server);
        }
    }
}
