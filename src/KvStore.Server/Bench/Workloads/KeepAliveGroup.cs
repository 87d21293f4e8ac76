using KvStore.Protocol;
using KvStore.Server.Bench.Http2;
using KvStore.Server.Bench.Load;

namespace KvStore.Server.Bench.Workloads;

/// <summary>
/// Clients that each hold a lease and renew it on a stream of their own, again as soon as the server has answered.
/// </summary>
internal sealed class KeepAliveGroup(LoadSettings settings)
    : ClientGroup("keep-alives", settings.Connections, settings.StreamsPerConnection)
{
    private const string GrantPath = "/etcdserverpb.Lease/LeaseGrant", KeepAlivePath = "/etcdserverpb.Lease/LeaseKeepAlive";

    /// <summary>Short, so that a server that goes on living is soon rid of the leases.</summary>
    private const int LeaseSeconds = 60;

    private readonly List<LeaseHolder> _holders = [];
    private int _prepared;
    private long _requestLimit, _issued, _answered;

    public override bool IsPrepared => _prepared == settings.Clients;

    public override bool IsFinished => _issued >= _requestLimit && _answered == _issued;

    public override void Prepare(long now)
    {
        byte[] request = RequestTemplate.WithGrpcPrefix(new LeaseGrantRequest { TTL = LeaseSeconds });
        foreach (var connection in Connections)
        {
            for (int stream = 0; stream < StreamsPerConnection; stream++)
                connection.Http.Open(new Grant(this, connection), GrantPath, request, endsRequest: true);
            connection.Flush();
        }
    }

    public override void Start(long requestLimit, long now)
    {
        (_requestLimit, _issued, _answered) = (requestLimit, 0, 0);
        Figures.Begin(now);
        foreach (var holder in _holders)
        {
            if (_issued < _requestLimit)
                Renew(holder, now);
            holder.Connection.Flush();
        }
    }

    public override void Stop() => _requestLimit = _issued;

    private void Granted(long leaseId, LoadConnection connection)
    {
        var holder = new LeaseHolder(this, connection, leaseId);
        _holders.Add(holder);
        // The first renewal opens the stream; it counts for nothing.
        connection.Http.Open(holder, KeepAlivePath, holder.Request, endsRequest: false);
    }

    private void Renew(LeaseHolder holder, long now)
    {
        _issued++;
        holder.SentAt = now;
        holder.Connection.Http.Send(holder, holder.Request);
    }

    private void Renewed(LeaseHolder holder, bool isAlive, long now)
    {
        if (!IsPrepared)
        {
            _prepared++;
            return;
        }
        _answered++;
        if (isAlive)
            Figures.Complete(holder.SentAt, now);
        else
            Figures.Fail("the lease is gone", now);
        if (_issued < _requestLimit)
            Renew(holder, now);
    }

    private sealed class Grant(KeepAliveGroup group, LoadConnection connection) : MessageStream
    {
        private const int IdField = 2;
        private long _leaseId;

        protected override void OnMessage(ReadOnlySpan<byte> message, long now)
        {
            var reader = new ProtoReader(message);
            while (reader.Read())
            {
                if (reader.Field == IdField)
                    _leaseId = (long)reader.Number;
            }
        }

        public override void OnClosed(in CallOutcome outcome, long now)
        {
            if (!outcome.IsOk || _leaseId == 0)
                throw new LoadException($"The server granted no lease: {outcome}");
            group.Granted(_leaseId, connection);
        }
    }

    private sealed class LeaseHolder(KeepAliveGroup group, LoadConnection connection, long leaseId) : MessageStream
    {
        private const int TimeToLiveField = 3;

        public LoadConnection Connection { get; } = connection;

        public byte[] Request { get; } = RequestTemplate.WithGrpcPrefix(new LeaseKeepAliveRequest { ID = leaseId });

        public long SentAt { get; set; }

        protected override void OnMessage(ReadOnlySpan<byte> message, long now)
        {
            ulong secondsLeft = 0;
            var reader = new ProtoReader(message);
            while (reader.Read())
            {
                if (reader.Field == TimeToLiveField)
                    secondsLeft = reader.Number;
            }
            group.Renewed(this, secondsLeft > 0, now);
        }

        public override void OnClosed(in CallOutcome outcome, long now) =>
            throw new LoadException($"The server ended a keep-alive stream: {outcome}");
    }
}
