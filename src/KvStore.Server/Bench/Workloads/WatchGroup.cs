using System.Buffers.Binary;
using System.Text;
using Google.Protobuf;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Server.Bench.Http2;
using KvStore.Server.Bench.Load;

namespace KvStore.Server.Bench.Workloads;

/// <summary>
/// Watchers of the whole key space, each on a stream of its own; every put of the group beside it reaches all of them.
/// </summary>
/// <remarks>
/// An event's latency runs from its put's request to its arrival: the value begins with the time of the request. Each watcher
/// checks that revisions only grow; what was put but did not arrive keeps the run from ending, until the limit of silence.
/// </remarks>
internal sealed class WatchGroup(LoadSettings settings)
    : ClientGroup("events", settings.Connections, settings.StreamsPerConnection)
{
    private const string WatchPath = "/etcdserverpb.Watch/Watch";

    /// <summary>
    /// Events under way at once: enough to keep a server busy, and no more puts than a watch may lag behind in etcd.
    /// </summary>
    private const long EventsUnderWayLimit = 100_000;
    private const long PutsUnderWayLimit = 1_000;

    private int _created;

    public override string Unit => "events";

    /// <summary>The group whose puts are watched.</summary>
    public required Func<ClientGroup> Puts { get; init; }

    /// <summary>The watchers are near enough behind for another put.</summary>
    public bool HasCaughtUp
    {
        get
        {
            long limit = Math.Clamp(EventsUnderWayLimit / settings.Clients, 1, PutsUnderWayLimit) * settings.Clients;
            return PutEvents - Figures.Completed < limit;
        }
    }

    public override bool IsPrepared => _created == settings.Clients;

    public override bool IsFinished => Puts().IsFinished && Figures.Completed >= PutEvents;

    private long PutEvents => Puts().Figures.Completed * settings.Clients;

    public override void Prepare(long now)
    {
        byte[] request = RequestTemplate.WithGrpcPrefix(new WatchRequest { CreateRequest = WholeSpace(settings.Keys.Prefix) });
        foreach (var connection in Connections)
        {
            for (int stream = 0; stream < StreamsPerConnection; stream++)
                connection.Http.Open(new Watcher(this), WatchPath, request, endsRequest: false);
            connection.Flush();
        }
    }

    public override void Start(long requestLimit, long now) => Figures.Begin(now);

    /// <summary>The puts stop; what they have set off still arrives.</summary>
    public override void Stop()
    {
    }

    private static WatchCreateRequest WholeSpace(string prefix)
    {
        byte[] end = Encoding.UTF8.GetBytes(prefix);
        Invariant.Holds(end.Length > 0 && end[^1] < 0xff);
        end[^1]++;
        return new WatchCreateRequest { Key = ByteString.CopyFromUtf8(prefix), RangeEnd = ByteString.CopyFrom(end) };
    }

    private sealed class Watcher(WatchGroup group) : MessageStream
    {
        private const int CreatedField = 3, CanceledField = 4, CancelReasonField = 6, EventsField = 11;
        private const int KeyValueField = 2, ModRevisionField = 3, ValueField = 5;

        private ulong _lastRevision;

        protected override void OnMessage(ReadOnlySpan<byte> message, long now)
        {
            bool isCanceled = false;
            string reason = "";
            var response = new ProtoReader(message);
            while (response.Read())
            {
                switch (response.Field)
                {
                    case CreatedField: group._created++; break;
                    case CanceledField: isCanceled = true; break;
                    case CancelReasonField: reason = Encoding.UTF8.GetString(response.Bytes); break;
                    case EventsField: OnEvent(response.Bytes, now); break;
                }
            }
            if (isCanceled)
                throw new LoadException($"The server cancelled a watch: {reason}");
        }

        public override void OnClosed(in CallOutcome outcome, long now) =>
            throw new LoadException($"The server ended a watch's stream: {outcome}");

        private void OnEvent(ReadOnlySpan<byte> watched, long now)
        {
            var reader = new ProtoReader(watched);
            while (reader.Read())
            {
                if (reader.Field == KeyValueField)
                    OnKeyValue(reader.Bytes, now);
            }
        }

        private void OnKeyValue(ReadOnlySpan<byte> keyValue, long now)
        {
            ulong revision = 0;
            long putTime = now;
            var reader = new ProtoReader(keyValue);
            while (reader.Read())
            {
                if (reader.Field == ModRevisionField)
                    revision = reader.Number;
                else if (reader.Field == ValueField && reader.Bytes.Length >= sizeof(long))
                    putTime = BinaryPrimitives.ReadInt64BigEndian(reader.Bytes);
            }
            if (revision <= _lastRevision)
                group.Figures.Fail("an event whose revision is not above the last one's", now);
            _lastRevision = revision;
            group.Figures.Complete(putTime, now);
        }
    }
}
