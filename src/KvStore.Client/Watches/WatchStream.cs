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
    : LastingStream<WatchRequest, WatchResponse, WatchStream.WatchConnection>(Api.Watch, streams, options)
{
    /// <summary>New tokens in a row that may be refused before it is taken for the answer.</summary>
    private const int MostTokensRefused = 3;

    // Over all streams, so that an id in a log means one watch.
    private static long _lastId;

    private readonly HashSet<Watch> _watches = [];
    private int _tokensRefused;

    public int Count
    {
        get
        {
            lock (Gate)
                return _watches.Count;
        }
    }

    public bool IsOpen
    {
        get
        {
            lock (Gate)
                return Connection is not null;
        }
    }

    protected override bool IsNeeded => _watches.Count > 0;

    public void Add(Watch watch)
    {
        lock (Gate)
        {
            ThrowIfDisposed();
            watch.Stream = this;
            _watches.Add(watch);
            Create(watch);
            Run();
        }
    }

    public void Remove(Watch watch)
    {
        lock (Gate)
        {
            if (!_watches.Remove(watch))
                return;
            Cancel(watch);
            if (_watches.Count == 0)
                Connection?.Close(isSilent: false);
        }
    }

    /// <summary>The reader has caught up.</summary>
    public void Resume(Watch watch)
    {
        lock (Gate)
        {
            if (!watch.IsPaused || !_watches.Contains(watch))
                return;
            watch.IsPaused = false;
            Create(watch);
        }
    }

    public void RequestProgress(Watch watch)
    {
        lock (Gate)
        {
            watch.AwaitProgress();
            Connection?.Send(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        }
    }

    /// <summary>Called now and then: a creation that gets no answer, with nothing else coming either, means a dead
    /// stream.</summary>
    public void CheckSilence()
    {
        lock (Gate)
        {
            if (Connection is { Creations.Count: > 0 } connection
                && Options.TimeProvider.GetElapsedTime(connection.LastMessage) > Options.ConnectTimeout)
                connection.Close(isSilent: true);
        }
    }

    protected override WatchConnection NewConnection(Stream stream) => new(stream, Options.TimeProvider);

    protected override void Connected()
    {
        foreach (var watch in _watches)
            Create(watch);
    }

    protected override Func<ValueTask> Disconnected(EtcdException? refusal)
    {
        foreach (var watch in _watches)
            watch.Id = 0;
        return () =>
        {
            if (refusal is not null)
                EndAll(Ended(refusal));
            return ValueTask.CompletedTask;
        };
    }

    protected override bool HasEndedFor(EtcdException signInFailure)
    {
        // Nobody was there to sign in with.
        if (Failure.IsPassing(signInFailure))
            return false;
        EndAll(Ended(signInFailure));
        return true;
    }

    protected override ValueTask StoppedAsync()
    {
        EndAll(null);
        return ValueTask.CompletedTask;
    }

    private void Create(Watch watch)
    {
        if (watch.IsPaused || Connection is not { IsClosed: false } connection)
            return;
        watch.Id = Interlocked.Increment(ref _lastId);
        connection.Create(watch);
    }

    private void Cancel(Watch watch)
    {
        if (watch.Id == 0)
            return;
        Connection?.Live.Remove(watch.Id);
        Connection?.Send(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = watch.Id } });
        watch.Id = 0;
    }

    protected override ValueTask TakeAsync(WatchConnection connection, WatchResponse response)
    {
        (Watch Watch, EtcdException Reason)? ended;
        lock (Gate)
        {
            connection.LastMessage = Options.TimeProvider.GetTimestamp();
            ended = response.Created ? TakeCreation(connection, response) : TakeMessage(connection, response);
            if (ended is { } end)
                _watches.Remove(end.Watch);
        }

        ended?.Watch.End(ended.Value.Reason);
        return ValueTask.CompletedTask;
    }

    private (Watch, EtcdException)? TakeCreation(WatchConnection connection, WatchResponse response)
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

    private (Watch, EtcdException)? TakeMessage(WatchConnection connection, WatchResponse response)
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

    private (Watch, EtcdException)? Ended(WatchConnection connection, Watch watch, WatchResponse response)
    {
        connection.Live.Remove(response.WatchId);
        watch.Id = 0;
        string endpoint = connection.Endpoint;
        if (response.CompactRevision != 0)
            return (watch, new WatchCompactedException(response.CompactRevision, endpoint));
        var (code, reason) = CancelReason.Parse(response.CancelReason);
        if (!Failure.IsTokenRefused(reason, Credentials.Exist) || ++_tokensRefused > MostTokensRefused)
            return (watch, new WatchEndedException(code, reason, endpoint));
        // The token is the stream's: all go on with a new one.
        Credentials.Refused(connection.Token);
        connection.Close(isSilent: false);
        return null;
    }

    private static WatchEndedException Ended(EtcdException refusal) => new(refusal.Code, refusal.Text, refusal.Endpoint, refusal);

    private void EndAll(WatchEndedException? reason)
    {
        Watch[] watches;
        lock (Gate)
        {
            watches = [.. _watches];
            _watches.Clear();
        }

        foreach (var watch in watches)
            watch.End(reason);
    }

    /// <summary>A stream, and the watches on it.</summary>
    internal sealed class WatchConnection(Stream stream, TimeProvider time) : StreamConnection<WatchRequest, WatchResponse>(stream)
    {
        /// <summary>By their ids.</summary>
        public Dictionary<long, Watch> Live { get; } = [];

        public Queue<(Watch Watch, long Id)> Creations { get; } = [];

        public long LastMessage { get; set; } = time.GetTimestamp();

        public void Create(Watch watch)
        {
            if (Creations.Count == 0)
                LastMessage = time.GetTimestamp(); // Before, nothing was owed.
            Creations.Enqueue((watch, watch.Id));
            Send(watch.CreateRequest());
        }
    }
}
