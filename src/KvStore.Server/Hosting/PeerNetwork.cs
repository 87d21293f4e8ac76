using KvStore.Raft;
using KvStore.Server.Logging;
using KvStore.Server.Members;
using KvStore.Server.Members.Snapshots;
using KvStore.Server.Peers;
using KvStore.Server.Telemetry;
using Microsoft.AspNetCore.Http;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>Joins a member to the transport: each is made with the other.</summary>
internal sealed class PeerNetwork : IPeerNetwork, IPeerReceiver, IAsyncDisposable
{
    private const int PieceBytes = 256 << 10;

    /// <summary>How soon a snapshot that is being made durable is looked after again.</summary>
    private static readonly TimeSpan CompletionPoll = TimeSpan.FromMilliseconds(2);

    /// <summary>Whoever takes a snapshot in rests after each piece as long as that took: a member that shares its processors with the
    /// others, or with whoever asks them, would hold up what clients wait for.</summary>
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(20);

    private readonly PeerTransport _transport;
    private readonly TimeProvider _time;
    private readonly ServerMetrics _metrics;
    private readonly TaskCompletionSource<string> _removed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _directoryLost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<ulong> _known = [];
    private Member? _member;

    public PeerNetwork(PeerTransportOptions options, ServerMetrics metrics)
    {
        (_time, _metrics) = (options.Time, metrics);
        _transport = new PeerTransport(
            options with { OpenSnapshot = _ => new CheckpointBody(this), IsRemoved = id => IsRemoved(id.Value), DirectoryOf = DirectoryOf }, this)
        {
            RoundTripMeasured = (peer, took) => metrics.RecordRoundTrip(peer.ToString(), took),
        };
    }

    /// <summary>Completes, with the reason, when this member is none any more.</summary>
    public Task<string> Removed => _removed.Task;

    /// <summary>Completes, with the reason, when the cluster knows this member from another data directory.</summary>
    public Task<string> DirectoryIsLost => _directoryLost.Task;

    /// <summary>Takes what comes from the peers from now on; what came before was dropped, as networks do.</summary>
    public void Attach(Member member) => Volatile.Write(ref _member, member);

    public void Send(Message message) => _transport.Send(message);

    public void SetMembers(IReadOnlyList<Protocol.Member> members)
    {
        foreach (var known in members.Where(known => known.PeerURLs.Count > 0))
            _transport.SetPeer(new NodeId(known.ID), known.PeerURLs);
        // One that is not there yet, because a log is replayed that tells of it further on, is not one that was removed.
        foreach (ulong gone in _known.Where(IsRemoved).ToList())
        {
            _transport.RemovePeer(new NodeId(gone));
            _known.Remove(gone);
        }
        _known.UnionWith(members.Select(known => known.ID));
    }

    public TimeSpan? ReachableFor(NodeId peer) =>
        _transport.Peers.FirstOrDefault(status => status.Id == peer)?.ActiveSince is { } since ? _time.GetUtcNow() - since : null;

    public IReadOnlyList<PeerStatus> Peers => _transport.Peers;

    /// <summary>Serves the peers' calls below /raft/.</summary>
    public Task HandleAsync(HttpContext context) => _transport.HandleAsync(context);

    public void Receive(Message message) => Volatile.Read(ref _member)?.Deliver(message);

    public void ReportUnreachable(NodeId peer) => Volatile.Read(ref _member)?.ReportUnreachable(peer);

    public void ReportSnapshot(NodeId peer, bool isSuccess) => Volatile.Read(ref _member)?.ReportSnapshot(peer, isSuccess);

    public void RemovedFromCluster(NodeId peer) => NoteRemoved($"member {peer} says so");

    /// <summary>This member applied its own removal.</summary>
    public void NoteRemoved(string reason) => _removed.TrySetResult(reason);

    public void DirectoryLost(string reason) => _directoryLost.TrySetResult(reason);

    public ReadOnlyMemory<byte> FindResumeToken(Message snapshot) => Required().Snapshots.Begin();

    public async Task ReceiveSnapshotAsync(Message snapshot, Stream body, CancellationToken cancellation)
    {
        var member = Required();
        byte[] piece = new byte[PieceBytes];
        for (int length; (length = await body.ReadAsync(piece, cancellation)) > 0;)
        {
            long start = _time.GetTimestamp();
            member.Snapshots.Write(piece.AsSpan(0, length));
            var took = _time.GetElapsedTime(start);
            await Task.Delay(took < LongestRest ? took : LongestRest, _time, cancellation);
        }
        while (!member.Snapshots.TryOffer(snapshot, member.Deliver))
            await Task.Delay(CompletionPoll, _time, cancellation);
        Log.Info("received snapshot", ("from", snapshot.From.ToString()), ("index", snapshot.Snapshot!.Metadata.Index));
    }

    public ValueTask DisposeAsync() => _transport.DisposeAsync();

    private bool IsRemoved(ulong id) => Volatile.Read(ref _member)?.State.Members.IsRemoved(id) ?? false;

    private ulong DirectoryOf(NodeId id) => Volatile.Read(ref _member)?.State.Members.DirectoryOf(id.Value) ?? 0;

    private Member Required() => Volatile.Read(ref _member) ?? throw new InvalidOperationException("this member is still starting");

    /// <summary>The newest checkpoint's bytes.</summary>
    private sealed class CheckpointBody(PeerNetwork network) : ISnapshotBody
    {
        public async Task WriteToAsync(Stream target, ReadOnlyMemory<byte> resumeToken, CancellationToken cancellation)
        {
            using SnapshotSender sender = network.Required().OpenSnapshot(resumeToken.Span)
                ?? throw new InvalidOperationException("there is no checkpoint yet");
            long start = network._time.GetTimestamp();
            while (sender.TryReadChunk(out var chunk))
                await target.WriteAsync(chunk, cancellation);
            network._metrics.RecordSnapshot(network._time.GetElapsedTime(start));
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
