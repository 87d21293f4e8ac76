using System.Net;
using System.Threading.Channels;
using KvStore.Grpc;
using KvStore.Raft;
using KvStore.Server.Peers;
using KvStore.Server.Tls;

namespace KvStore.Server.Tests.Peers;

/// <summary>A member as far as its peers can tell: a transport behind a real port of the loopback, and all that came there.</summary>
internal sealed class PeerNode : IPeerReceiver, IAsyncDisposable
{
    public const ulong Cluster = 0xC1;

    /// <summary>Only how long a broken test hangs; a passing one never waits for it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan ResendInterval = TimeSpan.FromMilliseconds(500);

    private readonly Channel<Message> _received = Channel.CreateUnbounded<Message>();
    private readonly Channel<NodeId> _unreachable = Channel.CreateUnbounded<NodeId>();
    private readonly Channel<(NodeId Peer, bool IsSuccess)> _snapshotReports = Channel.CreateUnbounded<(NodeId, bool)>();
    private readonly Channel<NodeId> _removedBy = Channel.CreateUnbounded<NodeId>();
    private readonly Channel<string> _directoryLost = Channel.CreateUnbounded<string>();
    private readonly GrpcHost _host;
    private int _unreachableCount;
    private int _roundTripCount;

    private PeerNode(ulong id, int port, PeerTls? tls, Func<PeerTransportOptions, PeerTransportOptions> configure)
    {
        Id = new NodeId(id);
        Tls = tls;
        Configure = configure;
        _host = new GrpcHost(new GrpcServer([]), new GrpcHostOptions
        {
            Endpoints = [GrpcListenEndpoint.Tcp(IPAddress.Loopback, port, tls?.Listener)],
            LoggerFactory = PeerPortLog.NewFactory(TimeProvider.System),
            HttpFallback = context => Transport.HandleAsync(context),
        });
    }

    public NodeId Id { get; }

    public PeerTls? Tls { get; }

    public PeerTransport Transport { get; private set; } = null!;

    public int Port => ((IPEndPoint)_host.BoundEndPoints[0]).Port;

    public string Url => $"{(Tls is null ? "http" : "https")}://127.0.0.1:{Port}";

    public int UnreachableCount => Volatile.Read(ref _unreachableCount);

    public int RoundTripCount => Volatile.Read(ref _roundTripCount);

    /// <summary>What is done with a message, in place of keeping it.</summary>
    public Action<Message>? OnReceive { get; set; }

    public Func<Message, Stream, CancellationToken, Task> OnSnapshot { get; set; } = (_, body, cancellation) => body.CopyToAsync(Stream.Null, cancellation);

    public Func<Message, ReadOnlyMemory<byte>> OnFindResumeToken { get; set; } = _ => default;

    private Func<PeerTransportOptions, PeerTransportOptions> Configure { get; }

    public static async Task<PeerNode> StartAsync(
        ulong id, int port = 0, PeerTls? tls = null, Func<PeerTransportOptions, PeerTransportOptions>? configure = null)
    {
        var node = new PeerNode(id, port, tls, configure ?? (options => options));
        await node._host.StartAsync();
        node.Transport = new PeerTransport(
            node.Configure(new PeerTransportOptions
            {
                ClusterId = Cluster,
                MemberId = node.Id,
                PeerUrls = [node.Url],
                Tls = tls,
                OpenSnapshot = _ => new FilledBody(0),
                LeastBackOff = TimeSpan.FromMilliseconds(5),
                MostBackOff = TimeSpan.FromMilliseconds(50),
            }),
            node)
        {
            RoundTripMeasured = (_, _) => Interlocked.Increment(ref node._roundTripCount),
        };
        return node;
    }

    /// <summary>Nodes 1, 2, ... that know each other.</summary>
    public static async Task<PeerNode[]> StartClusterAsync(int count, Func<PeerTransportOptions, PeerTransportOptions>? configure = null)
    {
        var nodes = await Task.WhenAll(Enumerable.Range(1, count).Select(id => StartAsync((ulong)id, configure: configure)));
        foreach (var node in nodes)
        {
            foreach (var other in nodes)
                node.Knows(other);
        }
        return nodes;
    }

    public void Knows(PeerNode other) => Transport.SetPeer(other.Id, [other.Url]);

    public Task<Message> ReceivedAsync() => Next(_received);

    public Task<NodeId> UnreachableAsync() => Next(_unreachable);

    public Task<(NodeId Peer, bool IsSuccess)> SnapshotReportAsync() => Next(_snapshotReports);

    public Task<NodeId> RemovedByAsync() => Next(_removedBy);

    public Task<string> DirectoryLostAsync() => Next(_directoryLost);

    public PeerStatus StatusOf(PeerNode other) => Transport.Peers.Single(peer => peer.Id == other.Id);

    /// <summary>Sends heartbeats until one arrives: streams are there once it does.</summary>
    public async Task ReachesAsync(PeerNode other)
    {
        var mark = new Message { Type = MessageType.Heartbeat, From = Id, To = other.Id, Commit = (ulong)Random.Shared.NextInt64() };
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            Transport.Send(mark);
            // What was on its way on a stream that broke is lost.
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(patience.Token);
            wait.CancelAfter(ResendInterval);
            try
            {
                while ((await other._received.Reader.ReadAsync(wait.Token)).Commit != mark.Commit)
                {
                }
                return;
            }
            catch (OperationCanceledException) when (!patience.IsCancellationRequested)
            {
            }
        }
    }

    public void Receive(Message message)
    {
        if (OnReceive is { } handle)
            handle(message);
        else
            _received.Writer.TryWrite(message);
    }

    public void ReportUnreachable(NodeId peer)
    {
        Interlocked.Increment(ref _unreachableCount);
        _unreachable.Writer.TryWrite(peer);
    }

    public void ReportSnapshot(NodeId peer, bool isSuccess) => _snapshotReports.Writer.TryWrite((peer, isSuccess));

    public void RemovedFromCluster(NodeId peer) => _removedBy.Writer.TryWrite(peer);

    public void DirectoryLost(string reason) => _directoryLost.Writer.TryWrite(reason);

    public ReadOnlyMemory<byte> FindResumeToken(Message snapshot) => OnFindResumeToken(snapshot);

    public Task ReceiveSnapshotAsync(Message snapshot, Stream body, CancellationToken cancellation) => OnSnapshot(snapshot, body, cancellation);

    public async ValueTask DisposeAsync()
    {
        await Transport.DisposeAsync();
        await _host.DisposeAsync();
    }

    private static Task<T> Next<T>(Channel<T> channel) => channel.Reader.ReadAsync().AsTask().WaitAsync(Patience);
}
