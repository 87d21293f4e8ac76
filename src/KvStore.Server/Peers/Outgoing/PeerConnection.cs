using System.Buffers.Binary;
using System.Text;
using KvStore.Server.Configuration;
using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Peers.Outgoing;

/// <summary>One stream to a peer while it lasts: messages go out, and what the peer says about them comes back.</summary>
internal sealed class PeerConnection : IDisposable
{
    private const int BackBufferBytes = 512;
    private const int BackFrameLimitBytes = 4 << 10;

    private readonly PeerTransportOptions _options;
    private readonly TimeProvider _time;
    private string? _failure;
    private long _lastHeard;
    private long _lastPing;
    private long _roundTripTicks;
    private int _isPingDue;

    public PeerConnection(string url, Stream stream, PeerTransportOptions options)
    {
        (Url, Stream, _options, _time) = (url, stream, options, options.Time);
        EstablishedAt = _lastHeard = _time.GetTimestamp();
        _isPingDue = 1;
    }

    public string Url { get; }

    public Stream Stream { get; }

    public long EstablishedAt { get; }

    public bool IsFailed => Volatile.Read(ref _failure) is not null;

    public bool IsPingDue => Volatile.Read(ref _isPingDue) == 1;

    public TimeSpan? RoundTrip => Interlocked.Read(ref _roundTripTicks) is > 0 and var ticks ? new TimeSpan(ticks) : null;

    /// <summary>Called with each pong's time.</summary>
    public Action<TimeSpan> Answered { get; init; } = _ => { };

    /// <summary>Reads what the peer says until the stream ends.</summary>
    /// <returns>Why it ended.</returns>
    public async Task<string> ReadBackAsync()
    {
        try
        {
            using var frames = new FrameReader(Stream, BackBufferBytes, BackFrameLimitBytes);
            while (await frames.FillAsync(CancellationToken.None))
            {
                Volatile.Write(ref _lastHeard, _time.GetTimestamp());
                while (frames.TryTake(out var body))
                    Hear(body.Span);
            }
            Fail("the peer closed the connection");
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException or InvalidDataException or OperationCanceledException)
        {
            Fail(fault.Message);
        }
        return _failure!;
    }

    /// <summary>Ends the stream; the first reason counts. Any thread.</summary>
    public void Fail(string reason)
    {
        if (Interlocked.CompareExchange(ref _failure, reason, null) is null)
            Stream.Dispose();
    }

    /// <summary>Looks whether the peer still answers, and whether it is time to ask.</summary>
    public void Tick()
    {
        if (_time.GetElapsedTime(Volatile.Read(ref _lastHeard)) > _options.SilenceTimeout)
            Fail($"no answer within {GoSyntax.FormatDuration(_options.SilenceTimeout)}");
        else if (_time.GetElapsedTime(Interlocked.Read(ref _lastPing)) >= _options.PingInterval)
            Volatile.Write(ref _isPingDue, 1);
    }

    /// <summary>The number of the ping to be sent now, if one is due.</summary>
    public bool TryTakePing(out ulong number)
    {
        number = 0;
        if (Volatile.Read(ref _isPingDue) == 0)
            return false;
        Volatile.Write(ref _isPingDue, 0);
        long now = _time.GetTimestamp();
        Interlocked.Exchange(ref _lastPing, now);
        number = (ulong)now;
        return true;
    }

    public void Dispose() => Fail("closed");

    private void Hear(ReadOnlySpan<byte> body)
    {
        switch ((FrameKind)body[0])
        {
            case FrameKind.Pong when body.Length == 1 + sizeof(ulong): HearPong(BinaryPrimitives.ReadUInt64LittleEndian(body[1..])); break;
            case FrameKind.Alive when body.Length == 1: break;
            case FrameKind.Bye: Fail("the peer ended the stream: " + Encoding.UTF8.GetString(body[1..])); break;
            default: throw new InvalidDataException($"The peer answered with a frame of kind {body[0]:x} and {body.Length} bytes, which has no meaning.");
        }
    }

    private void HearPong(ulong number)
    {
        // A late answer to an earlier ping shows life, but measures nothing.
        if ((long)number != Interlocked.Read(ref _lastPing))
            return;
        var took = _time.GetElapsedTime((long)number);
        Interlocked.Exchange(ref _roundTripTicks, Math.Max(1, took.Ticks));
        Answered(took);
    }
}
