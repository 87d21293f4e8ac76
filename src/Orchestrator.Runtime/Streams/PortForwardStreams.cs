using System.Globalization;
using System.Text;
using Orchestrator.Runtime.Streams.Spdy;

namespace Orchestrator.Runtime.Streams;

/// <summary>
/// The port-forward protocol over SPDY: each forwarded connection is a pair of streams, one for the bytes and one for what
/// went wrong, which bear the same request id.
/// </summary>
internal sealed class PortForwardStreams(SpdyConnection connection, PortForwardRequest request, PortForwardHandler handler)
{
    /// <summary>How long one stream of a pair waits for the other.</summary>
    private static readonly TimeSpan PairTimeout = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Pair> _unpaired = [];
    private readonly HashSet<Task> _running = [];

    public async Task ServeAsync()
    {
        await foreach (SpdyStream stream in connection.Incoming.ReadAllAsync())
            await AcceptAsync(stream);
        Task[] running;
        lock (_gate)
            running = [.. _running];
        await Task.WhenAll(running); // The connection is closed: they all end.
    }

    private async Task AcceptAsync(SpdyStream stream)
    {
        string type = stream.Headers.GetValueOrDefault("streamtype", "");
        bool hasPort = ushort.TryParse(stream.Headers.GetValueOrDefault("port"), CultureInfo.InvariantCulture, out ushort port);
        if (type is not ("data" or "error") || !hasPort || port == 0)
        {
            await RefuseAsync(stream);
            return;
        }
        try
        {
            await stream.ReplyAsync(connection.Closed);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return; // Reset meanwhile, or the connection is closed.
        }
        Join(RequestId(stream, type), port, type, stream);
    }

    private static async Task RefuseAsync(SpdyStream stream)
    {
        stream.Reset(SpdyResetStatus.RefusedStream);
        await stream.DisposeAsync();
    }

    /// <summary>Clients without request ids open the error stream first and the data stream right behind it.</summary>
    private static string RequestId(SpdyStream stream, string type) =>
        stream.Headers.GetValueOrDefault("requestid")
        ?? (type == "error" ? stream.Id : stream.Id - 2).ToString(CultureInfo.InvariantCulture);

    private void Join(string id, int port, string type, SpdyStream stream)
    {
        lock (_gate)
        {
            bool isComplete = _unpaired.Remove(id, out Pair? pair);
            pair ??= new Pair(id, port);
            if (!pair.TryAdd(type, stream))
            {
                stream.Dispose();
                _unpaired[id] = pair;
            }
            else if (isComplete)
            {
                Run(ForwardAsync(pair));
            }
            else
            {
                _unpaired[id] = pair;
                Run(ForgetUnlessPairedAsync(pair));
            }
        }
    }

    private void Run(Task task)
    {
        _running.Add(task);
        _ = task.ContinueWith(
            ended =>
            {
                lock (_gate)
                    _running.Remove(ended);
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private async Task ForgetUnlessPairedAsync(Pair pair)
    {
        try
        {
            await pair.Completed.WaitAsync(PairTimeout, connection.Closed);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            lock (_gate)
            {
                if (_unpaired.TryGetValue(pair.Id, out Pair? waiting) && waiting == pair)
                    _unpaired.Remove(pair.Id);
                else
                    return;
            }
            pair.Data?.Dispose();
            pair.Error?.Dispose();
        }
    }

    private async Task ForwardAsync(Pair pair)
    {
        await Task.Yield(); // The caller holds the gate.
        SpdyStream data = pair.Data!;
        SpdyStream errorStream = pair.Error!;
        string? error = await PortForwardServer.ForwardAsync(handler, request, pair.Port, data, data.Aborted);
        try
        {
            if (error is not null)
                await errorStream.WriteAsync(Encoding.UTF8.GetBytes(error), connection.Closed);
            await data.CompleteWritesAsync(connection.Closed);
            await errorStream.CompleteWritesAsync(connection.Closed);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client is gone.
        }
        data.StopReading();
        errorStream.StopReading();
    }

    private sealed class Pair(string id, int port)
    {
        private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Id { get; } = id;
        public int Port { get; } = port;
        public SpdyStream? Data { get; private set; }
        public SpdyStream? Error { get; private set; }
        public Task Completed => _completed.Task;

        public bool TryAdd(string type, SpdyStream stream)
        {
            if ((type == "data" ? Data : Error) is not null)
                return false;
            if (type == "data")
                Data = stream;
            else
                Error = stream;
            if (Data is not null && Error is not null)
                _completed.TrySetResult();
            return true;
        }
    }
}
