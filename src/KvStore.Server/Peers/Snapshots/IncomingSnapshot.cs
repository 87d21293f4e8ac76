using System.Text;
using KvStore.Raft;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using KvStore.Server.Peers.Wire;
using Microsoft.AspNetCore.Http;

namespace KvStore.Server.Peers.Snapshots;

/// <summary>The receiving end of one snapshot's transfer; for the order of things see <see cref="SnapshotTransfer"/>.</summary>
internal sealed class IncomingSnapshot : IDisposable
{
    private const int BufferBytes = 512 << 10;
    private const int TokenLimitBytes = 64 << 10;

    private static readonly byte[] AliveFrame = Frame.Make(FrameKind.Alive, []);

    private readonly HttpContext _context;
    private readonly Stream _stream;
    private readonly PeerTransportOptions _options;
    private readonly PeerCounters _counters;
    private readonly FrameReader _frames;
    private readonly PieceReader _body;
    private readonly CancellationTokenSource _broken;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _reason;
    private bool _isInstalling;

    public IncomingSnapshot(NodeId from, HttpContext context, Stream stream, PeerTransportOptions options, PeerCounters counters)
    {
        (From, _context, _stream, _options, _counters) = (from, context, stream, options, counters);
        _broken = new CancellationTokenSource(options.SnapshotSilenceTimeout, options.Time);
        _frames = new FrameReader(stream, BufferBytes, options.FrameLimitBytes) { Progressed = OnRead };
        _body = new PieceReader(_frames);
    }

    public NodeId From { get; }

    public Message Message { get; private set; } = new() { Type = MessageType.Snap };

    /// <summary>Reads what the snapshot is.</summary>
    /// <returns>False if no such message came; the connection is of no use then.</returns>
    public async Task<bool> ReadMessageAsync()
    {
        try
        {
            await using var abort = AbortWhenBroken();
            byte[] body = await _frames.TakeAsync(_broken.Token);
            Message = MessageCodec.Decode(body, From, _options.MemberId);
            if (Message is not { Type: MessageType.Snap, Snapshot: not null })
                throw new InvalidDataException($"A {Message.Type} came on a connection for snapshots.");
            return true;
        }
        catch (InvalidDataException problem)
        {
            _counters.ReceivedFailures.Increment();
            Log.Warn("ended a peer's connection for snapshots", ("remote-peer-id", From.ToString()), ("error", problem.Message));
            await RefuseAsync(problem.Message);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException)
        {
            Log.Warn("failed to receive database snapshot", ("remote-peer-id", From.ToString()), ("error", fault.Message));
        }
        return false;
    }

    /// <summary>Has the snapshot taken in, and tells the sender how that went.</summary>
    public async Task ReceiveAsync(IPeerReceiver receiver, PeerTransportOptions options)
    {
        string index = $"{Message.Snapshot!.Metadata.Index}";
        Log.Info("receiving database snapshot", ("remote-peer-id", From.ToString()), ("snapshot-index", index));
        using var ticker = options.Time.CreateTimer(_ => _ = SayAliveAsync(), null, options.PingInterval, options.PingInterval);
        string? problem = await TryReceiveAsync(receiver);
        if (problem is null)
        {
            _counters.SnapshotsReceived.Increment();
            Log.Info("received and saved database snapshot", ("remote-peer-id", From.ToString()), ("snapshot-index", index));
            await TrySayAsync(Frame.Make(FrameKind.Done, []));
        }
        else
        {
            _counters.SnapshotReceiveFailures.Increment();
            Log.Warn(
                "failed to receive database snapshot", ("remote-peer-id", From.ToString()), ("snapshot-index", index), ("error", problem));
            await RefuseAsync(problem);
        }
    }

    /// <summary>Tells the sender that it need not try again.</summary>
    public async Task RefuseAsync(string reason)
    {
        await TrySayAsync(Frame.Make(FrameKind.Bye, Encoding.UTF8.GetBytes(reason)));
        await DrainAsync();
    }

    /// <summary>Ends the transfer; completes when it is over. Any thread.</summary>
    public async Task CancelAsync(string reason)
    {
        Interlocked.CompareExchange(ref _reason, reason, null);
        await _broken.CancelAsync();
        await _ended.Task;
    }

    public void SetEnded() => _ended.TrySetResult();

    public void Dispose()
    {
        _frames.Dispose();
        _broken.Dispose();
        _writing.Dispose();
    }

    /// <returns>Null if the snapshot is staged.</returns>
    private async Task<string?> TryReceiveAsync(IPeerReceiver receiver)
    {
        await using var abort = AbortWhenBroken();
        try
        {
            var token = receiver.FindResumeToken(Message);
            Invariant.Holds(token.Length <= TokenLimitBytes);
            await SayAsync(Frame.Make(FrameKind.ResumeToken, token.Span));
            await receiver.ReceiveSnapshotAsync(Message, _body, _broken.Token);
            return null;
        }
        // The receiver's faults may be of any kind; the sender must hear that it failed, and the member goes on.
        catch (Exception fault)
        {
            if (_reason is not null)
                return _reason;
            if (_broken.IsCancellationRequested)
                return $"no progress within {GoSyntax.FormatDuration(_isInstalling ? _options.SnapshotInstallTimeout : _options.SnapshotSilenceTimeout)}";
            return fault.Message;
        }
    }

    private CancellationTokenRegistration AbortWhenBroken() =>
        _broken.Token.UnsafeRegister(state => ((HttpContext)state!).Abort(), _context);

    private void OnRead(int count)
    {
        _counters.ReceivedBytes.Add(count);
        _broken.CancelAfter(_options.SnapshotSilenceTimeout);
    }

    private async Task SayAliveAsync()
    {
        if (_body.IsComplete && !_isInstalling)
        {
            _isInstalling = true;
            _broken.CancelAfter(_options.SnapshotInstallTimeout);
        }
        // While the body comes it must really come: a sender that waits for nothing is to notice.
        await TrySayAsync(AliveFrame);
    }

    private async Task TrySayAsync(byte[] frame)
    {
        try
        {
            await SayAsync(frame);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The sender is gone; the transfer's end is noticed by whoever reads.
        }
    }

    private async Task SayAsync(byte[] frame)
    {
        await _writing.WaitAsync();
        try
        {
            await _stream.WriteAsync(frame);
            await _stream.FlushAsync();
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Reads on until the sender closes, for a while: what was said last is lost when bytes are left unread.</summary>
    private async Task DrainAsync()
    {
        using var patience = _options.Time.CreateTimer(_ => _context.Abort(), null, _options.PingInterval, Timeout.InfiniteTimeSpan);
        try
        {
            while (await _frames.FillAsync(CancellationToken.None))
                _frames.Discard();
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Closed, which is what this waits for.
        }
    }
}
