using KvStore.Protocol;
using Connection = KvStore.Client.StreamConnection<KvStore.Protocol.LeaseKeepAliveRequest, KvStore.Protocol.LeaseKeepAliveResponse>;

namespace KvStore.Client;

/// <summary>Renews all leases of a client over one stream, which is opened again elsewhere whenever it breaks.</summary>
/// <remarks>The server answers a stream's renewals in their order. So an answer belongs to the oldest request for its lease, and
/// when the server ends the stream by a refusal, the oldest request of all is the one it refuses.</remarks>
internal sealed class LeaseRenewals(StreamOpener streams, ClientOptions options)
    : LastingStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse, Connection>(Api.LeaseKeepAlive, streams, options)
{
    private readonly HashSet<LeaseKeepAlive> _leases = [];
    private readonly LinkedList<LeaseKeepAlive> _awaited = [];

    protected override bool IsNeeded => _leases.Count > 0;

    public void Add(LeaseKeepAlive lease)
    {
        lock (Gate)
        {
            ThrowIfDisposed();
            _leases.Add(lease);
            Run();
            SendIfDue(lease);
        }
    }

    public void Remove(LeaseKeepAlive lease)
    {
        lock (Gate)
        {
            if (_leases.Remove(lease) && _leases.Count == 0)
                Connection?.Close(isSilent: false);
        }
    }

    /// <summary>Something of this lease is due.</summary>
    public void OnTimer(LeaseKeepAlive lease)
    {
        bool isLapsed;
        lock (Gate)
        {
            if (!_leases.Contains(lease))
                return;
            isLapsed = lease.Schedule.IsLapsed;
            if (isLapsed)
                _leases.Remove(lease);
            else if (lease.Schedule.IsOverdue)
                Connection?.Close(isSilent: true);
            if (!isLapsed)
                SendIfDue(lease);
        }

        if (isLapsed)
            _ = lease.EndAsync(LeaseEnd.Lapsed).AsTask();
    }

    protected override Connection NewConnection(OpenStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse> stream) => new(stream);

    protected override void Connected()
    {
        foreach (var lease in _leases)
            SendIfDue(lease);
    }

    /// <remarks>The lease that is refused, if one is, is the one that the server was at. It is no longer renewed.</remarks>
    protected override Func<ValueTask> Disconnected(EtcdException? refusal)
    {
        var oldest = _awaited.First?.Value;
        _awaited.Clear();
        foreach (var lease in _leases)
            lease.Schedule.Disconnected();
        return refusal is not null && oldest is not null && _leases.Remove(oldest)
            ? () => oldest.EndAsync(LeaseEnd.Refused, refusal)
            : () => ValueTask.CompletedTask;
    }

    /// <remarks>The leases lapse by themselves unless that mends in time.</remarks>
    protected override bool HasEndedFor(EtcdException signInFailure) => false;

    protected override async ValueTask StoppedAsync()
    {
        LeaseKeepAlive[] leases;
        lock (Gate)
        {
            leases = [.. _leases];
            _leases.Clear();
        }

        foreach (var lease in leases)
            await lease.EndAsync(LeaseEnd.Stopped).ConfigureAwait(false);
    }

    protected override async ValueTask TakeAsync(Connection connection, LeaseKeepAliveResponse response)
    {
        LeaseKeepAlive? lease;
        bool isGone = response.TTL <= 0;
        lock (Gate)
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
        if (lease.Schedule.IsDue && Connection is { IsClosed: false } connection)
        {
            lease.Schedule.Sent();
            _awaited.AddLast(lease);
            connection.Send(new LeaseKeepAliveRequest { ID = lease.Id.Value });
        }

        lease.Timer.Change(lease.Schedule.Next(), Timeout.InfiniteTimeSpan);
    }
}
