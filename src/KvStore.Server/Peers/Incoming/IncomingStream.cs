using System.Buffers.Binary;
using System.Text;
using KvStore.Raft;
using KvStore.Server.Configuration;
using KvStore.Server.Peers.Wire;
using Microsoft.AspNetCore.Http;

namespace KvStore.Server.Peers.Incoming;

/// <summary>A peer's stream of messages to this member.</summary>
internal sealed class IncomingStream
{
    private const int BufferBytes = 64 << 10;

    private static readonly byte[] AliveFrame = Frame.Make(FrameKind.Alive, []);

    private readonly NodeId _from;
    private readonly HttpContext _context;
    private readonly Stream _stream;
    private readonly PeerTransportOptions _options;
    private readonly IPeerReceiver _receiver;
    private readonly PeerCounters _counters;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly byte[] _pongFrame = Frame.Make(FrameKind.Pong, new byte[sizeof(ulong)]);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _reason;
    private ITimer? _closing;
    private long _lastHeard;
    private long _lastSaid;

    public IncomingStream(
        Caller caller, HttpContext context, Stream stream, PeerTransportOptions options, IPeerReceiver receiver, PeerCounters counters)
    {
        (_from, DirectoryId) = (caller.Id, caller.DirectoryId);
        (_context, _stream, _options, _receiver, _counters) = (context, stream, options, receiver, counters);
        _time = options.Time;
        _lastHeard = _lastSaid = _time.GetTimestamp();
    }

    /// <summary>The data directory that the peer runs in; 0 if it has no number.</summary>
    public ulong DirectoryId { get; }

    /// <summary>Completes when nothing more comes of it.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Hands on the messages until the stream ends.</summary>
    /// <returns>Why it ended, if that was this member's doing; null if the peer closed it or was lost.</returns>
    public async Task<string?> RunAsync()
    {
        using var frames = new FrameReader(_stream, BufferBytes, _options.FrameLimitBytes) { Progressed = OnRead };
        try
        {
            await ReceiveAsync(frames);
            // A connection that is closed with bytes unread takes what was said last with it.
            while (await frames.FillAsync(CancellationToken.None))
                frames.Discard();
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The connection is gone, by the peer or by End: there is nobody to tell.
        }
        finally
        {
            _closing?.Dispose();
            _ended.SetResult();
        }
        return _reason;
    }

    /// <summary>Takes no more messages, tells the peer why, and closes the connection if it does not do so itself. Any thread.</summary>
    public async Task EndAsync(string reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, null) is not null)
            return;
        _closing = _time.CreateTimer(_ => _context.Abort(), null, _options.PingInterval, Timeout.InfiniteTimeSpan);
        try
        {
            await WriteAsync(Frame.Make(FrameKind.Bye, Encoding.UTF8.GetBytes(reason)));
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // It does not listen.
        }
    }

    /// <summary>Looks whether the peer still sends.</summary>
    public void Tick()
    {
        if (_time.GetElapsedTime(Volatile.Read(ref _lastHeard)) > _options.SilenceTimeout)
            _ = EndAsync($"nothing came within {GoSyntax.FormatDuration(_options.SilenceTimeout)}");
    }

    private async Task ReceiveAsync(FrameReader frames)
    {
        try
        {
            while (_reason is null && await frames.FillAsync(CancellationToken.None))
                await AnswerAsync(TakeAll(frames));
        }
        catch (InvalidDataException problem)
        {
            _counters.ReceivedFailures.Increment();
            await EndAsync(problem.Message);
        }
    }

    private void OnRead(int count)
    {
        Volatile.Write(ref _lastHeard, _time.GetTimestamp());
        _counters.ReceivedBytes.Add(count);
    }

    /// <returns>The number of the last ping among the frames.</returns>
    private ulong? TakeAll(FrameReader frames)
    {
        ulong? ping = null;
        int count = 0;
        while (_reason is null && frames.TryTake(out var body))
        {
            var bytes = body.Span;
            if (bytes[0] < (byte)FrameKind.Ping)
            {
                _receiver.Receive(MessageCodec.Decode(bytes, _from, _options.MemberId));
                count++;
            }
            else if (bytes[0] == (byte)FrameKind.Ping && bytes.Length == 1 + sizeof(ulong))
            {
                ping = BinaryPrimitives.ReadUInt64LittleEndian(bytes[1..]);
            }
            else
            {
                throw new InvalidDataException($"A frame of kind {bytes[0]:x} with {bytes.Length} bytes has no meaning here.");
            }
        }
        _counters.ReceivedMessages.Add(count);
        return ping;
    }

    private async ValueTask AnswerAsync(ulong? ping)
    {
        if (ping is { } number)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_pongFrame.AsSpan(Frame.HeaderBytes + 1), number);
            Frame.Seal(_pongFrame);
            await SayAsync(_pongFrame);
        }
        else if (_time.GetElapsedTime(_lastSaid) > _options.PingInterval)
        {
            // A large frame is coming slowly, with the ping behind it.
            await SayAsync(AliveFrame);
        }
    }

    private async ValueTask SayAsync(byte[] frame)
    {
        _lastSaid = _time.GetTimestamp();
        await WriteAsync(frame);
    }

    private async ValueTask WriteAsync(byte[] frame)
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
}
