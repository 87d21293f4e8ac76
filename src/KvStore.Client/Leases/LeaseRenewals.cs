using System.Threading.Channels;
using KvStore.Grpc;
using KvStore.Protocol;
using Stream = KvStore.Client.OpenStream<KvStore.Protocol.LeaseKeepAliveRequest, KvStore.Protocol.LeaseKeepAliveResponse>;

namespace KvStore.Client;

/// <summary>Renews all leases of a client over one stream, which is opened again elsewhere whenever it breaks.</summary>
/// <remarks>The server answers a stream's renewals in their order. So an answer belongs to the oldest request for its lease, and
/// when the server ends the stream by a refusal, the oldest request of all is the one it refuses.</remarks>
internal sealed class LeaseRenewals(StreamOpener streams, ClientOptions options)
{
    private readonly Lock _gate = new();
    private readonly HashSet<LeaseKeepAlive> _leases = [];
    private readonly LinkedList<LeaseKeepAlive> _awaited = [];
    private readonly CancellationTokenSource _lifetime = new();
    private Task _loop = Task.CompletedTask;
    private bool _isRunning;
    private Connection? _connection;

    public void Add(LeaseKeepAlive lease)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_lifetime.IsCancellationRequested, typeof(EtcdClient));
            _leases.Add(lease);
            if (!_isRunning)
            {
                _isRunning = true;
                _loop = Task.Run(RunAsync);
            }

            SendIfDue(lease);
        }
    }

    public void Remove(LeaseKeepAlive lease)
    {
        lock (_gate)
        {
            if (_leases.Remove(lease) && _leases.Count == 0)
                _connection?.Close(isSilent: false);
        }
    }

    /// <summary>Something of this lease is due.</summary>
    public void OnTimer(LeaseKeepAlive lease)
    {
        bool isLapsed;
        lock (_gate)
        {
            if (!_leases.Contains(lease))
                return;
            isLapsed = lease.Schedule.IsLapsed;
            if (isLapsed)
                _leases.Remove(lease);
            else if (lease.Schedule.IsOverdue)
                _connection?.Close(isSilent: true);
            if (!isLapsed)
                SendIfDue(lease);
        }

        if (isLapsed)
            _ = lease.EndAsync(LeaseEnd.Lapsed).AsTask();
    }

    public async ValueTask DisposeAsync()
    {
        LeaseKeepAlive[] leases;
        lock (_gate)
        {
            _lifetime.Cancel();
            leases = [.. _leases];
            _leases.Clear();
        }

        await _loop.ConfigureAwait(false);
        foreach (var lease in leases)
            await lease.EndAsync(LeaseEnd.Stopped).ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        int failures = 0;
        while (HasLeases())
        {
            try
            {
                using var stream = await streams.OpenAsync(Api.LeaseKeepAlive, _lifetime.Token).ConfigureAwait(false);
                failures = await UseAsync(stream).ConfigureAwait(false) ? 0 : failures + 1;
                if (failures > 0)
                    await BackOff.PauseAsync(failures, options, _lifetime.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Disposed: HasLeases ends the loop.
            }
            catch (EtcdException)
            {
                // The user can not sign in. The leases lapse by themselves unless that mends in time.
                await BackOff.PauseAsync(++failures, options, _lifetime.Token).ConfigureAwait(false);
            }
        }
    }

    private bool HasLeases()
    {
        lock (_gate)
        {
            _isRunning = _leases.Count > 0 && !_lifetime.IsCancellationRequested;
            return _isRunning;
        }
    }

    /// <returns>False if the stream broke before it brought anything.</returns>
    private async Task<bool> UseAsync(Stream stream)
    {
        var connection = new Connection(stream);
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
                await TakeAsync(stream.Responses.Current).ConfigureAwait(false);
            }
        }
        catch (RpcException exception)
        {
            if (connection.IsSilent)
                stream.Use.Failed(exception);
            else if (!connection.IsClosed && !_lifetime.IsCancellationRequested)
                refusal = streams.Ended(exception, stream.Use, stream.Token);
        }

        var refused = Disconnect(connection, isRefusal: refusal is not null);
        await writing.ConfigureAwait(false);
        if (refused is not null)
            await refused.EndAsync(LeaseEnd.Refused, refusal).ConfigureAwait(false);
        return isUseful || connection.IsClosed;
    }

    private void Connect(Connection connection)
    {
        lock (_gate)
        {
            _connection = connection;
            foreach (var lease in _leases)
                SendIfDue(lease);
        }
    }

    /// <returns>The lease that was refused, if one was: the one that the server was at. It is no longer renewed.</returns>
    private LeaseKeepAlive? Disconnect(Connection connection, bool isRefusal)
    {
        lock (_gate)
        {
            _connection = null;
            connection.Outgoing.Writer.TryComplete();
            var oldest = _awaited.First?.Value;
            _awaited.Clear();
            foreach (var lease in _leases)
                lease.Schedule.Disconnected();
            return isRefusal && oldest is not null && _leases.Remove(oldest) ? oldest : null;
        }
    }

    private async ValueTask TakeAsync(LeaseKeepAliveResponse response)
    {
        LeaseKeepAlive? lease;
        bool isGone = response.TTL <= 0;
        lock (_gate)
        {
            lease = TakeAwaited(response.ID);
            if (lease is null || !_leases.Contains(lease))
                return;
            if (isGone)
            {
                _leases.Remove(lease);
            }
            else
            {
                lease.Confirm(lease.Schedule.Answered(TimeSpan.FromSeconds(response.TTL)));
                SendIfDue(lease);
            }
        }

        if (isGone)
            await lease.EndAsync(LeaseEnd.Gone).ConfigureAwait(false);
    }

    private LeaseKeepAlive? TakeAwaited(long id)
    {
        for (var node = _awaited.First; node is not null; node = node.Next)
        {
            if (node.Value.Id.Value != id)
                continue;
            _awaited.Remove(node);
            return node.Value;
        }

        return null;
    }

    private void SendIfDue(LeaseKeepAlive lease)
    {
        if (lease.Schedule.IsDue && _connection is { IsClosed: false } connection)
        {
            lease.Schedule.Sent();
            _awaited.AddLast(lease);
            // Bounded by the leases: each has one request under way at most.
            connection.Outgoing.Writer.TryWrite(lease.Id);
        }

        lease.Timer.Change(lease.Schedule.Next(), Timeout.InfiniteTimeSpan);
    }

    private sealed class Connection(Stream stream)
    {
        public Channel<LeaseId> Outgoing { get; } =
            Channel.CreateUnbounded<LeaseId>(new UnboundedChannelOptions { SingleReader = true });

        public bool IsClosed { get; private set; }

        /// <summary>It was closed because it does not answer: another is to be opened, elsewhere if there is an
        /// elsewhere.</summary>
        public bool IsSilent { get; private set; }

        /// <summary>Closes it from this side, for silence or because nobody needs it any more.</summary>
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
                await foreach (var id in Outgoing.Reader.ReadAllAsync().ConfigureAwait(false))
                    await stream.Requests.WriteAsync(new LeaseKeepAliveRequest { ID = id.Value }).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is RpcException or InvalidOperationException)
            {
                // The stream has ended; its reader knows why.
            }
        }
    }
}
