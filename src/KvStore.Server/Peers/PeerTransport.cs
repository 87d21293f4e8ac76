using System.Collections.Concurrent;
using KvStore.Raft;
using KvStore.Server.Http;
using KvStore.Server.Logging;
using KvStore.Server.Peers.Incoming;
using KvStore.Server.Peers.Outgoing;
using KvStore.Server.Peers.Snapshots;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace KvStore.Server.Peers;

/// <summary>The way to a member's peers and from them: their addresses, a stream each way, and a lane for snapshots.</summary>
/// <remarks>
/// <code>
/// Send -> queue (small things first) -> one HTTP/1.1 upgrade to the peer's URL, kept up -> the peer's HandleAsync -> Receive
///   Snap -> a connection for each snapshot -----------------------------------------> ReceiveSnapshotAsync
/// </code>
/// A stream carries messages one way; backwards come only signs of life. So each member opens what it needs, and one that cannot
/// be called can still call. Nothing here waits for a peer but the peer's own tasks: a full queue or a dead stream drops
/// messages and says so, as raft expects of a network.
/// </remarks>
public sealed class PeerTransport : IAsyncDisposable
{
    private readonly PeerTransportOptions _options;
    private readonly IPeerReceiver _receiver;
    private readonly PeerDialer _dialer;
    private readonly Admission _admission;
    private readonly SnapshotIntake _intake;
    private readonly SemaphoreSlim _outgoingSnapshots;
    private readonly ConcurrentDictionary<NodeId, Peer> _peers = new();
    private readonly HashSet<NodeId> _removed = [];
    private readonly List<Task> _endings = [];
    private readonly Lock _changing = new();
    private readonly ITimer _ticker;
    private bool _isDisposed;

    public PeerTransport(PeerTransportOptions options, IPeerReceiver receiver)
    {
        (_options, _receiver) = (options, receiver);
        _dialer = new PeerDialer(options);
        _admission = new Admission(options, IsRemoved);
        _intake = new SnapshotIntake(options, receiver);
        _outgoingSnapshots = new SemaphoreSlim(options.OutgoingSnapshotLimit);
        var interval = options.PingInterval / 4;
        _ticker = options.Time.CreateTimer(_ => Tick(), null, interval, interval);
    }

    /// <summary>Everyone whose address is known; in no order. Any thread.</summary>
    public IReadOnlyList<PeerStatus> Peers => [.. _peers.Values.Select(StatusOf)];

    /// <summary>Whether a snapshot is being received.</summary>
    public bool IsReceivingSnapshot => _intake.IsBusy;

    /// <summary>Called with the round-trip time of each ping, about once a second and peer. Any thread.</summary>
    public Action<NodeId, TimeSpan> RoundTripMeasured { get; init; } = (_, _) => { };

    /// <summary>Sends a message some time, or reports that it was dropped. Never waits, never throws. Any thread.</summary>
    /// <remarks>The message and its entries must not change any more.</remarks>
    public void Send(Message message)
    {
        bool isSnapshot = message.Type == MessageType.Snap;
        if (_peers.TryGetValue(message.To, out var peer))
        {
            if (isSnapshot)
                peer.Snapshots.Send(message);
            else
                peer.Sender.Send(message);
        }
        else if (isSnapshot)
        {
            _receiver.ReportSnapshot(message.To, isSuccess: false);
        }
        else
        {
            _receiver.ReportUnreachable(message.To);
        }
    }

    /// <summary>Says where a member is, or that it is somewhere else now.</summary>
    /// <param name="urls">At least one; they are tried in turn.</param>
    public void SetPeer(NodeId id, IReadOnlyList<string> urls)
    {
        Invariant.Holds(urls.Count > 0);
        if (id == _options.MemberId)
            return;
        lock (_changing)
        {
            if (_isDisposed || _removed.Contains(id))
                return;
            var peer = _peers.GetValueOrDefault(id) ?? Add(id, urls);
            peer.IsMember = true;
            if (!peer.Sender.Urls.SequenceEqual(urls))
                peer.Sender.SetUrls(urls);
            EndWithoutDirectory(peer);
        }
    }

    /// <summary>Forgets a member for good: its calls are refused, and told why. An id does not come back.</summary>
    public void RemovePeer(NodeId id)
    {
        if (id == _options.MemberId)
            return;
        lock (_changing)
        {
            _removed.Add(id);
            if (!_peers.TryRemove(id, out var peer))
                return;
            Stop(peer, "the member has been permanently removed from the cluster");
        }
        Log.Info("stopped remote peer", ("remote-peer-id", id.ToString()));
    }

    /// <summary>Serves peers' calls; to be given all requests to the peer port whose path begins with /raft/.</summary>
    public Task HandleAsync(HttpContext context) => context.Request.Path.Value switch
    {
        PeerProtocol.StreamPath => ServeStreamAsync(context),
        PeerProtocol.SnapshotPath => ServeSnapshotAsync(context),
        _ => HttpAnswer.WriteErrorAsync(context, 404, "404 page not found"),
    };

    /// <summary>Ends all streams. To be called before the peer port is closed, which would wait for them.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] endings;
        lock (_changing)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            foreach (var peer in _peers.Values)
                Stop(peer, "this member shuts down");
            _peers.Clear();
            endings = [.. _endings];
        }
        await _ticker.DisposeAsync();
        await Task.WhenAll([.. endings, _intake.StopAsync()]);
        _dialer.Dispose();
        _outgoingSnapshots.Dispose();
    }

    private static PeerStatus StatusOf(Peer peer) =>
        new(peer.Id, peer.Sender.Urls, peer.Sender.ActiveSince, peer.Sender.RoundTrip, peer.IsMember, peer.Counters);

    private Peer Add(NodeId id, IReadOnlyList<string> urls)
    {
        var counters = new PeerCounters();
        var sender = new PeerSender(id, urls, _options, _receiver, _dialer, counters) { Answered = took => RoundTripMeasured(id, took) };
        var snapshots = new SnapshotLane(id, () => sender.Urls, _options, _receiver, _dialer, _outgoingSnapshots, counters);
        var peer = new Peer(id, sender, snapshots, counters);
        _peers[id] = peer;
        sender.Start();
        return peer;
    }

    private void Stop(Peer peer, string reason)
    {
        _endings.RemoveAll(ending => ending.IsCompleted);
        _endings.Add(Task.Run(() => peer.StopAsync(reason)));
    }

    private bool IsRemoved(NodeId id)
    {
        lock (_changing)
        {
            if (_removed.Contains(id))
                return true;
        }
        return _options.IsRemoved(id);
    }

    private void Tick()
    {
        foreach (var (_, peer) in _peers)
            peer.Tick();
    }

    private async Task ServeStreamAsync(HttpContext context)
    {
        if (await AdmitAsync(context, PeerProtocol.StreamProtocol) is not var (caller, peer))
            return;
        try
        {
            await ReceiveAsync(context, caller, peer);
        }
        finally
        {
            ForgetStranger(peer);
        }
    }

    private async Task ReceiveAsync(HttpContext context, Caller caller, Peer peer)
    {
        var stream = new IncomingStream(
            caller, context, await UpgradeAsync(context, PeerProtocol.StreamProtocol), _options, _receiver, peer.Counters);
        peer.SetIncoming(stream);
        EndWithoutDirectory(peer);
        Log.Info("established TCP streaming connection with remote peer", ("local-member-id", _options.MemberId.ToString()),
            ("remote-peer-id", caller.Id.ToString()), ("remote-peer-version", caller.ServerVersion));
        // Who can call can most likely be called.
        peer.Sender.Hurry();
        string? reason = "this member failed to handle a message";
        try
        {
            reason = await stream.RunAsync();
        }
        finally
        {
            peer.ClearIncoming(stream);
            Log.Warn("lost TCP streaming connection with remote peer", ("local-member-id", _options.MemberId.ToString()),
                ("remote-peer-id", caller.Id.ToString()), ("error", reason ?? "the peer closed it or cannot be reached"));
        }
    }

    /// <summary>A caller may have been let in before this member knew in which directory it started.</summary>
    private void EndWithoutDirectory(Peer peer) =>
        peer.EndIncoming(stream => _admission.LostDirectory(peer.Id, stream.DirectoryId), Refusal.LostDirectory(peer.Id.ToString()).Text);

    private async Task ServeSnapshotAsync(HttpContext context)
    {
        if (await AdmitAsync(context, PeerProtocol.SnapshotProtocol) is not var (caller, peer))
            return;
        try
        {
            var stream = await UpgradeAsync(context, PeerProtocol.SnapshotProtocol);
            using var snapshot = new IncomingSnapshot(caller.Id, context, stream, _options, peer.Counters);
            await _intake.ReceiveAsync(snapshot);
        }
        finally
        {
            ForgetStranger(peer);
        }
    }

    /// <returns>Null if the call was refused; it is answered then.</returns>
    private async Task<(Caller Caller, Peer Peer)?> AdmitAsync(HttpContext context, string protocol)
    {
        if (await _admission.AdmitAsync(context, protocol) is not { } caller)
            return null;
        if (FindOrAdd(caller) is { } peer)
            return (caller, peer);
        await _admission.RefuseAsync(context, Refusal.Busy(
            "this member shuts down, or does not know the caller and the caller names no URLs, or too many whom it does not know call"));
        return null;
    }

    private static Task<Stream> UpgradeAsync(HttpContext context, string protocol)
    {
        context.Response.Headers.Upgrade = $"{protocol}/{PeerProtocol.Version}";
        return context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
    }

    /// <summary>
    /// A member that this one has not heard of may be one that was added while it was away, and may lead: without an answer this
    /// one would never catch up with it. So it is answered at the URLs that it names.
    /// </summary>
    private Peer? FindOrAdd(Caller caller)
    {
        lock (_changing)
        {
            if (_isDisposed || _removed.Contains(caller.Id))
                return null;
            if (_peers.TryGetValue(caller.Id, out var peer))
                return peer;
            bool hasRoom = _peers.Values.Count(known => !known.IsMember) < _options.StrangerLimit;
            return hasRoom && caller.PeerUrls.Count > 0 ? Add(caller.Id, caller.PeerUrls) : null;
        }
    }

    private void ForgetStranger(Peer peer)
    {
        lock (_changing)
        {
            if (!_isDisposed && !peer.IsMember && !peer.HasIncoming && _peers.TryRemove(KeyValuePair.Create(peer.Id, peer)))
                Stop(peer, "an unknown member hung up");
        }
    }
}
