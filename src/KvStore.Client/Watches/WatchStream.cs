using System.Threading.Channels;
using KvStore.Grpc;
using KvStore.Protocol;
using Stream = KvStore.Client.OpenStream<KvStore.Protocol.WatchRequest, KvStore.Protocol.WatchResponse>;

namespace KvStore.Client;

/// <summary>Many watches on one stream, which is opened again elsewhere whenever it breaks.</summary>
/// <remarks>
/// A watch is: waiting for a stream (no id) -> asked for (id, in the row of creations) -> live (in the table) -> and back to
/// waiting when the stream breaks, or held back when its reader is slow. Each creation has a new id, so that late messages to an
/// old one find nobody. The server answers creations in their order: that tells whom a refusal concerns, which bears no id.
/// </remarks>
internal sealed class WatchStream(StreamOpener streams, ClientOptions options)
{
    /// <summary>New tokens in a row that may be refused before it is taken for the answer.</summary>
    private const int MostTokensRefused = 3;

    // Over all streams, so that an id in a log means one watch.
    private static long _lastId;

    private readonly Lock _gate = new();
    private readonly HashSet<Watch> _watches = [];
    private readonly CancellationTokenSource _lifetime = new();
    private Task _loop = Task.CompletedTask;
    private bool _isRunning;
    private int _tokensRefused;
    private Connection? _connection;

    public int Count
    {
        get
        {
            lock (_gate)
                return _watches.Count;
        }
    }

    public bool IsOpen
    {
        get
        {
            lock (_gate)
                return _connection is not null;
        }
    }

    public void Add(Watch watch)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_lifetime.IsCancellationRequested, typeof(EtcdClient));
            watch.Stream = this;
            _watches.Add(watch);
            Create(watch);
            if (!_isRunning)
            {
                _isRunning = true;
                _loop = Task.Run(RunAsync);
            }
        }
    }

    public void Remove(Watch watch)
    {
        lock (_gate)
        {
            if (!_watches.Remove(watch))
                return;
            Cancel(watch);
            if (_watches.Count == 0)
                _connection?.Close(isSilent: false);
        }
    }

    /// <summary>The reader has caught up.</summary>
    public void Resume(Watch watch)
    {
        lock (_gate)
        {
            if (!watch.IsPaused || !_watches.Contains(watch))
                return;
            watch.IsPaused = false;
            Create(watch);
        }
    }

    public void RequestProgress(Watch watch)
    {
        lock (_gate)
        {
            watch.AwaitProgress();
            _connection?.Send(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        }
    }

    /// <summary>Called now and then: a creation that gets no answer, with nothing else coming either, means a dead
    /// stream.</summary>
    public void CheckSilence()
    {
        lock (_gate)
        {
            if (_connection is { Creations.Count: > 0 } connection
                && options.TimeProvider.GetElapsedTime(connection.LastMessage) > options.ConnectTimeout)
                connection.Close(isSilent: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Watch[] watches;
        lock (_gate)
        {
            _lifetime.Cancel();
            watches = [.. _watches];
            _watches.Clear();
        }

        await _loop.ConfigureAwait(false);
        foreach (var watch in watches)
            watch.End(null);
    }

    private async Task RunAsync()
    {
        int failures = 0;
        while (HasWatches())
        {
            try
            {
                using var stream = await streams.OpenAsync(Api.Watch, _lifetime.Token).ConfigureAwait(false);
                failures = await UseAsync(stream).ConfigureAwait(false) ? 0 : failures + 1;
                if (failures > 0)
                    await BackOff.PauseAsync(failures, options, _lifetime.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Disposed: HasWatches ends the loop.
            }
            catch (EtcdException exception) when (Failure.IsPassing(exception))
            {
                // Nobody was there to sign in with.
                await BackOff.PauseAsync(++failures, options, _lifetime.Token).ConfigureAwait(false);
            }
            catch (EtcdException exception)
            {
                // The user can not sign in.
                EndAll(new WatchEndedException(exception.Code, exception.Text, exception.Endpoint, exception));
            }
        }
    }

    private bool HasWatches()
    {
        lock (_gate)
        {
            _isRunning = _watches.Count > 0 && !_lifetime.IsCancellationRequested;
            return _isRunning;
        }
    }

    /// <returns>False if the stream broke before it brought anything.</returns>
    private async Task<bool> UseAsync(Stream stream)
    {
        var connection = new Connection(stream, options.TimeProvider);
        Connect(connection);
        var writing = connection.WriteAsync();
        EtcdException? refusal = null;
        bool isUseful = false;
        try
        {
            while (await stream.Responses.MoveNext().ConfigureAwait(false))
            {
                stream.Use.Answered();
                isUseful = true;
                Take(connection, stream.Responses.Current);
            }
        }
        catch (RpcException exception)
        {
            if (connection.IsSilent)
                stream.Use.Failed(exception);
            else if (!connection.IsClosed && !_lifetime.IsCancellationRequested)
                refusal = streams.Ended(exception, stream.Use, stream.Token);
        }

        Disconnect(connection);
        await writing.ConfigureAwait(false);
        if (refusal is not null)
            EndAll(new WatchEndedException(refusal.Code, refusal.Text, refusal.Endpoint, refusal));
        return isUseful || connection.IsClosed;
    }

    private void Connect(Connection connection)
    {
        lock (_gate)
        {
            _connection = connection;
            foreach (var watch in _watches)
                Create(watch);
        }
    }

    private void Disconnect(Connection connection)
    {
        lock (_gate)
        {
            _connection = null;
            connection.Outgoing.Writer.TryComplete();
            foreach (var watch in _watches)
                watch.Id = 0;
        }
    }

    private void Create(Watch watch)
    {
        if (watch.IsPaused || _connection is not { IsClosed: false } connection)
            return;
        watch.Id = Interlocked.Increment(ref _lastId);
        connection.Create(watch);
    }

    private void Cancel(Watch watch)
    {
        if (watch.Id == 0)
            return;
        _connection?.Live.Remove(watch.Id);
        _connection?.Send(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = watch.Id } });
        watch.Id = 0;
    }

    private void Take(Connection connection, WatchResponse response)
    {
        (Watch Watch, EtcdException Reason)? ended;
        lock (_gate)
        {
            connection.LastMessage = options.TimeProvider.GetTimestamp();
            ended = response.Created ? TakeCreation(connection, response) : TakeMessage(connection, response);
            if (ended is { } end)
                _watches.Remove(end.Watch);
        }

        ended?.Watch.End(ended.Value.Reason);
    }

    private (Watch, EtcdException)? TakeCreation(Connection connection, WatchResponse response)
    {
        if (!connection.Creations.TryDequeue(out var creation))
            return null;
        var (watch, id) = creation;
        // Cancelled, or held back and asked for once more, since it was asked for.
        if (watch.Id != id)
            return null;
        if (response.Canceled)
            return Ended(connection, watch, response);
        connection.Live[response.WatchId] = watch;
        _tokensRefused = 0;
        watch.Begin(response.Header.Revision);
        return null;
    }

    private (Watch, EtcdException)? TakeMessage(Connection connection, WatchResponse response)
    {
        if (response.WatchId == -1 && !response.Canceled)
        {
            foreach (var live in connection.Live.Values)
                live.TakeProgress(response.Header.Revision);
            return null;
        }

        if (!connection.Live.TryGetValue(response.WatchId, out var watch))
            return null;
        if (response.Canceled)
            return Ended(connection, watch, response);
        if (!watch.TryTake(response))
        {
            watch.IsPaused = true;
            Cancel(watch);
        }

        return null;
    }

    private (Watch, EtcdException)? Ended(Connection connection, Watch watch, WatchResponse response)
    {
        connection.Live.Remove(response.WatchId);
        watch.Id = 0;
        string endpoint = connection.Endpoint;
        if (response.CompactRevision != 0)
            return (watch, new WatchCompactedException(response.CompactRevision, endpoint));
        var (code, reason) = CancelReason.Parse(response.CancelReason);
        if (!Failure.IsTokenRefused(reason, streams.Credentials.Exist) || ++_tokensRefused > MostTokensRefused)
            return (watch, new WatchEndedException(code, reason, endpoint));
        // The token is the stream's: all go on with a new one.
        streams.Credentials.Refused(connection.Token);
        connection.Close(isSilent: false);
        return null;
    }

    private void EndAll(WatchEndedException reason)
    {
        Watch[] watches;
        lock (_gate)
        {
            watches = [.. _watches];
            _watches.Clear();
        }

        foreach (var watch in watches)
            watch.End(reason);
    }

    private sealed class Connection(Stream stream, TimeProvider time)
    {
        /// <summary>By their ids.</summary>
        public Dictionary<long, Watch> Live { get; } = [];

        public Queue<(Watch Watch, long Id)> Creations { get; } = [];

        /// <summary>Bounded by the watches: each has a creation and a cancellation under way at most.</summary>
        public Channel<WatchRequest> Outgoing { get; } =
            Channel.CreateUnbounded<WatchRequest>(new UnboundedChannelOptions { SingleReader = true });

        public string Endpoint => stream.Use.Endpoint.Address;

        public string? Token => stream.Token;

        public long LastMessage { get; set; } = time.GetTimestamp();

        public bool IsClosed { get; private set; }

        /// <summary>It was closed because it does not answer.</summary>
        public bool IsSilent { get; private set; }

        public void Create(Watch watch)
        {
            if (Creations.Count == 0)
                LastMessage = time.GetTimestamp(); // Before, nothing was owed.
            Creations.Enqueue((watch, watch.Id));
            Send(watch.CreateRequest());
        }

        public void Send(WatchRequest request) => Outgoing.Writer.TryWrite(request);

        public void Close(bool isSilent)
        {
            IsSilent |= isSilent && !IsClosed;
            IsClosed = true;
            stream.Cut();
        }

        public async Task WriteAsync()
        {
            try
            {
                await foreach (var request in Outgoing.Reader.ReadAllAsync().ConfigureAwait(false))
                    await stream.Requests.WriteAsync(request).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is RpcException or InvalidOperationException)
            {
                // The stream has ended; its reader knows why.
            }
        }
    }
}
