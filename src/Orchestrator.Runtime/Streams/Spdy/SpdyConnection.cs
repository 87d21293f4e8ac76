using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Threading.Channels;

namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>A SPDY/3.1 connection over any byte stream: what kubectl's older exec and all its port-forwards speak.</summary>
/// <remarks>
/// One loop reads frames and never writes: what it has to answer (pings, resets, windows) it leaves to a second loop, so
/// that two peers that both write much cannot block each other. A stream whose reader is slow holds up the whole
/// connection once its buffer is full; SPDY without flow control has no other means, and Go's peers have none.
/// </remarks>
public sealed class SpdyConnection : IAsyncDisposable
{
    /// <summary>The most of one data frame that we send; other streams' frames get their turn in between.</summary>
    private const int DataFrameBytes = 32 * 1024;

    /// <summary>A control frame is read as a whole; a longer one breaks the connection.</summary>
    private const int ControlFrameLimit = 64 * 1024;

    /// <summary>Answers that wait to be sent. A peer that asks for more without reading them is cut off.</summary>
    private const int AnswerLimit = 4096;

    private static readonly TimeSpan LastWordTimeout = TimeSpan.FromSeconds(1);

    private const int WindowReportBytes = SpdyFrame.InitialWindowBytes / 2;

    private readonly Stream _transport;
    private readonly bool _isServer;
    private readonly SpdyOptions _options;
    private readonly PipeReader _input;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly CancellationTokenSource _closed = new();
    private readonly ConcurrentDictionary<int, SpdyStream> _streams = new();
    private readonly ConcurrentDictionary<uint, TaskCompletionSource> _pings = new();
    private readonly Channel<byte[]> _answers = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(AnswerLimit) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly Channel<SpdyStream> _incoming = Channel.CreateUnbounded<SpdyStream>(); // StreamLimit bounds it.
    private readonly SpdyHeaderReader _headerReader = new();
    private readonly SpdyHeaderWriter _headerWriter = new();
    private readonly SpdySendWindow _sendWindow = new(SpdyFrame.InitialWindowBytes);
    private readonly Task _reading;
    private readonly Task _answering;

    private int _nextStreamId;
    private uint _nextPingId;
    private int _lastPeerStreamId;
    private int _peerStreamCount;
    private int _peerInitialWindow = SpdyFrame.InitialWindowBytes;
    private volatile bool _peerHasWindows;
    private volatile bool _peerIsLeaving;
    private long _unreportedBytes;

    private SpdyConnection(Stream transport, bool isServer, SpdyOptions options)
    {
        _transport = transport;
        _isServer = isServer;
        _options = options;
        _nextStreamId = isServer ? 2 : 1;
        _nextPingId = isServer ? 2u : 1u;
        _input = PipeReader.Create(transport, new StreamPipeReaderOptions(bufferSize: 16 * 1024, leaveOpen: true));
        Closed = _closed.Token;
        if (options.AnnouncesWindows)
            Answer(SpdyFrame.InitialWindow(SpdyFrame.InitialWindowBytes));
        _answering = Task.Run(SendAnswersAsync);
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>The streams that the peer opens, until the connection ends. Each wants a reply or a reset.</summary>
    public ChannelReader<SpdyStream> Incoming => _incoming.Reader;

    /// <summary>Ends with the connection.</summary>
    public CancellationToken Closed { get; }

    /// <summary>Completes with the connection, whatever ended it; it never fails.</summary>
    public Task Completion => _reading;

    /// <summary>Speaks SPDY over <paramref name="transport"/>, which the connection owns from now on.</summary>
    public static SpdyConnection Serve(Stream transport, SpdyOptions? options = null) =>
        new(transport, isServer: true, options ?? SpdyOptions.Default);

    /// <inheritdoc cref="Serve"/>
    public static SpdyConnection Connect(Stream transport, SpdyOptions? options = null) =>
        new(transport, isServer: false, options ?? SpdyOptions.Default);

    /// <summary>Opens a stream; returns when the peer has accepted it.</summary>
    /// <exception cref="IOException">The peer refused it, or the connection is closed or about to be.</exception>
    public async Task<SpdyStream> OpenAsync(IReadOnlyDictionary<string, string> headers, CancellationToken ct = default)
    {
        SpdyStream stream = await SendSynStreamAsync(headers, ct);
        try
        {
            await stream.Replied.WaitAsync(ct);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns when the peer has answered a ping: it has read all that was sent before.</summary>
    public async Task PingAsync(CancellationToken ct = default)
    {
        uint id = Interlocked.Add(ref _nextPingId, 2) - 2;
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _pings[id] = answered;
        try
        {
            await WriteFrameAsync(SpdyFrame.Pinging(id), ct);
            await answered.Task.WaitAsync(ct);
        }
        finally
        {
            _pings.TryRemove(id, out _);
        }
    }

    /// <summary>Tells the peer that this side goes, behind all that was written; then <see cref="DisposeAsync"/> ends it.</summary>
    public async Task LeaveAsync(CancellationToken ct = default)
    {
        if (!_closed.IsCancellationRequested)
            await WriteFrameAsync(SpdyFrame.Leaving(_lastPeerStreamId, status: 0), ct);
    }

    /// <summary>Ends the connection at once. Streams that are still open fail.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        await _transport.DisposeAsync();
        await _reading;
        await _answering;
    }

    internal ValueTask WriteReplyAsync(SpdyStream stream, CancellationToken ct) => WriteAsync(
        () =>
        {
            stream.ThrowIfFailed();
            return WithHeaders(SpdyFrame.SynReply, flags: 0, fixedBytes: 4, stream.Id, new Dictionary<string, string>());
        },
        ct);

    internal async ValueTask WriteDataAsync(SpdyStream stream, ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        while (!data.IsEmpty)
        {
            int wanted = await stream.SendWindow.TakeAsync(Math.Min(data.Length, DataFrameBytes), ct);
            int count = await _sendWindow.TakeAsync(wanted, ct);
            if (count < wanted)
                stream.SendWindow.Grow(wanted - count);
            await WriteDataFrameAsync(stream, data[..count], flags: 0, ct);
            data = data[count..];
        }
    }

    internal ValueTask WriteEndAsync(SpdyStream stream, CancellationToken ct) =>
        WriteDataFrameAsync(stream, ReadOnlyMemory<byte>.Empty, SpdyFrame.Fin, ct);

    /// <summary>Sends a frame soon, without waiting.</summary>
    internal void Answer(byte[] frame)
    {
        if (!_answers.Writer.TryWrite(frame) && !_closed.IsCancellationRequested)
            _closed.Cancel();
    }

    /// <summary>Bytes were read, or dropped: a peer with flow control hears of it and may send as many more.</summary>
    internal void Consumed(SpdyStream? stream, int countBytes)
    {
        Report(0, ref _unreportedBytes, countBytes);
        if (stream is not null)
            Report(stream.Id, ref stream.UnreportedBytes, countBytes);
    }

    internal void Forget(SpdyStream stream)
    {
        if (_streams.TryRemove(stream.Id, out _) && !IsOurs(stream.Id))
            Interlocked.Decrement(ref _peerStreamCount);
    }

    private bool IsOurs(int streamId) => streamId % 2 == 0 == _isServer;

    private void Report(int streamId, ref long unreportedBytes, int countBytes)
    {
        if (Interlocked.Add(ref unreportedBytes, countBytes) < WindowReportBytes)
            return;
        if (!_options.AnnouncesWindows && !_peerHasWindows)
            return;
        long delta = Interlocked.Exchange(ref unreportedBytes, 0);
        if (delta > 0)
            Answer(SpdyFrame.Window(streamId, (int)Math.Min(delta, int.MaxValue)));
    }

    private async Task<SpdyStream> SendSynStreamAsync(IReadOnlyDictionary<string, string> headers, CancellationToken ct)
    {
        SpdyStream? stream = null;
        await WriteAsync(
            () =>
            {
                if (_peerIsLeaving || _closed.IsCancellationRequested)
                    throw new IOException("the connection is closing");
                // The number is given under the writing lock: numbers must ascend on the wire.
                stream = AddStream(_nextStreamId, headers);
                _nextStreamId += 2;
                return WithHeaders(SpdyFrame.SynStream, flags: 0, fixedBytes: 10, stream.Id, headers);
            },
            ct);
        return stream!;
    }

    private SpdyStream AddStream(int id, IReadOnlyDictionary<string, string> headers)
    {
        var stream = new SpdyStream(this, id, headers, _options.StreamBufferBytes, _peerInitialWindow);
        if (_peerHasWindows)
            stream.SendWindow.Bind();
        _streams[id] = stream;
        return stream;
    }

    private byte[] WithHeaders(int type, byte flags, int fixedBytes, int streamId, IReadOnlyDictionary<string, string> headers)
    {
        byte[] block = _headerWriter.Write(headers);
        var frame = new byte[SpdyFrame.HeaderBytes + fixedBytes + block.Length];
        SpdyFrame.WriteControlHeader(frame, type, flags, fixedBytes + block.Length);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(SpdyFrame.HeaderBytes), streamId);
        block.CopyTo(frame, SpdyFrame.HeaderBytes + fixedBytes);
        return frame;
    }

    private async ValueTask WriteDataFrameAsync(SpdyStream stream, ReadOnlyMemory<byte> data, byte flags, CancellationToken ct)
    {
        int frameBytes = SpdyFrame.HeaderBytes + data.Length;
        byte[] frame = ArrayPool<byte>.Shared.Rent(frameBytes);
        try
        {
            SpdyFrame.WriteDataHeader(frame, stream.Id, flags, data.Length);
            data.CopyTo(frame.AsMemory(SpdyFrame.HeaderBytes));
            await _writing.WaitAsync(ct);
            try
            {
                stream.ThrowIfFailed();
                await WriteToTransportAsync(frame.AsMemory(0, frameBytes));
            }
            finally
            {
                _writing.Release();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    private ValueTask WriteFrameAsync(byte[] frame, CancellationToken ct) => WriteAsync(() => frame, ct);

    /// <summary>Makes and sends a frame under the writing lock.</summary>
    private async ValueTask WriteAsync(Func<byte[]> make, CancellationToken ct)
    {
        await _writing.WaitAsync(ct);
        try
        {
            await WriteToTransportAsync(make());
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Only the end of the connection stops it: half a frame would break all streams.</summary>
    private async ValueTask WriteToTransportAsync(ReadOnlyMemory<byte> frame)
    {
        try
        {
            await _transport.WriteAsync(frame, _closed.Token);
            await _transport.FlushAsync(_closed.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            throw new IOException("the connection is closed", e);
        }
    }

    private async Task SendAnswersAsync()
    {
        try
        {
            await foreach (byte[] answer in _answers.Reader.ReadAllAsync(_closed.Token))
                await WriteFrameAsync(answer, _closed.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            await _closed.CancelAsync(); // The transport is dead for writing: reading on would help nobody.
        }
    }

    private async Task ReadAsync()
    {
        var cause = new IOException("the connection was closed");
        try
        {
            while (await ReadFrameAsync())
            {
            }
        }
        catch (SpdyException e)
        {
            cause = e;
            await LeaveForErrorAsync();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            cause = new IOException($"the connection was closed: {e.Message}", e);
        }
        await EndAsync(cause);
    }

    private async Task LeaveForErrorAsync()
    {
        const int ProtocolError = 1;
        // Whoever holds the lock may be stuck in a write that the broken peer never reads; so may this one.
        if (!_writing.Wait(0, CancellationToken.None))
            return;
        try
        {
            await WriteToTransportAsync(SpdyFrame.Leaving(_lastPeerStreamId, ProtocolError)).AsTask().WaitAsync(LastWordTimeout);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            // The peer hears of it by the end of the connection.
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task EndAsync(IOException cause)
    {
        await _closed.CancelAsync();
        _answers.Writer.TryComplete();
        _incoming.Writer.TryComplete();
        foreach (SpdyStream stream in _streams.Values)
            stream.ReceiveClose(cause);
        _streams.Clear();
        foreach (TaskCompletionSource ping in _pings.Values)
            ping.TrySetException(cause);
        await _input.CompleteAsync();
        _headerReader.Dispose();
    }

    /// <returns>False at the end of the transport.</returns>
    private async Task<bool> ReadFrameAsync()
    {
        ReadResult result = await _input.ReadAtLeastAsync(SpdyFrame.HeaderBytes, _closed.Token);
        if (result.Buffer.Length < SpdyFrame.HeaderBytes)
        {
            if (!result.Buffer.IsEmpty)
                throw new IOException("the transport ended within a frame");
            return false;
        }
        (uint head, byte flags, int length) = ReadHeader(result.Buffer);
        _input.AdvanceTo(result.Buffer.GetPosition(SpdyFrame.HeaderBytes));
        if ((head & 0x8000_0000) == 0)
            await ReadDataAsync((int)head, flags, length);
        else
            await ReadControlAsync(head, flags, length);
        return true;
    }

    private static (uint Head, byte Flags, int Length) ReadHeader(ReadOnlySequence<byte> buffer)
    {
        Span<byte> header = stackalloc byte[SpdyFrame.HeaderBytes];
        buffer.Slice(0, SpdyFrame.HeaderBytes).CopyTo(header);
        uint second = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        return (BinaryPrimitives.ReadUInt32BigEndian(header), (byte)(second >> 24), (int)(second & SpdyFrame.LengthLimit));
    }

    private async Task ReadDataAsync(int streamId, byte flags, int length)
    {
        SpdyStream? stream = FindForData(streamId);
        while (length > 0)
        {
            ReadResult result = await _input.ReadAsync(_closed.Token);
            ReadOnlySequence<byte> part = result.Buffer.Slice(0, Math.Min(length, result.Buffer.Length));
            if (part.IsEmpty && result.IsCompleted)
                throw new IOException("the transport ended within a frame");
            if (stream is not null)
                await stream.ReceiveAsync(part, _closed.Token);
            else
                Consumed(null, (int)part.Length);
            length -= (int)part.Length;
            _input.AdvanceTo(part.End);
        }
        if ((flags & SpdyFrame.Fin) != 0)
            stream?.ReceiveEnd();
    }

    private SpdyStream? FindForData(int streamId)
    {
        if (_streams.TryGetValue(streamId, out SpdyStream? stream))
            return stream;
        // Data of a stream that has ended meanwhile are dropped; of one that never was, the peer hears.
        bool hasBeen = IsOurs(streamId) ? streamId < Volatile.Read(ref _nextStreamId) : streamId <= _lastPeerStreamId;
        if (!hasBeen)
            Answer(SpdyFrame.Reset(streamId, SpdyResetStatus.InvalidStream));
        return null;
    }

    private async Task ReadControlAsync(uint head, byte flags, int length)
    {
        if (((head >> 16) & 0x7FFF) != SpdyFrame.Version)
            throw new SpdyException($"SPDY version {(head >> 16) & 0x7FFF}");
        if (length > ControlFrameLimit)
            throw new SpdyException($"control frame of {length} bytes");
        byte[] payload = [];
        if (length > 0)
        {
            ReadResult result = await _input.ReadAtLeastAsync(length, _closed.Token);
            if (result.Buffer.Length < length)
                throw new IOException("the transport ended within a frame");
            payload = result.Buffer.Slice(0, length).ToArray();
            _input.AdvanceTo(result.Buffer.GetPosition(length));
        }
        Receive((int)(head & 0xFFFF), flags, payload);
    }

    private void Receive(int type, byte flags, byte[] payload)
    {
        switch (type)
        {
            case SpdyFrame.SynStream: ReceiveSynStream(flags, Need(payload, 10)); break;
            case SpdyFrame.SynReply: ReceiveSynReply(flags, Need(payload, 4)); break;
            case SpdyFrame.RstStream: ReceiveReset(Need(payload, 8)); break;
            case SpdyFrame.Settings: ReceiveSettings(Need(payload, 4)); break;
            case SpdyFrame.Ping: ReceivePing(Need(payload, 4)); break;
            case SpdyFrame.GoAway: ReceiveGoAway(Need(payload, 4)); break;
            case SpdyFrame.Headers: ReceiveHeaders(flags, Need(payload, 4)); break;
            case SpdyFrame.WindowUpdate: ReceiveWindowUpdate(Need(payload, 8)); break;
        }
    }

    private static byte[] Need(byte[] payload, int countBytes) =>
        payload.Length >= countBytes ? payload : throw new SpdyException("control frame is too short");

    private static int Number(byte[] payload, int offset) =>
        BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(offset)) & int.MaxValue;

    private void ReceiveSynStream(byte flags, byte[] payload)
    {
        int id = Number(payload, 0);
        Dictionary<string, string> headers = _headerReader.Read(payload.AsSpan(10));
        if (id == 0 || IsOurs(id) || id <= _lastPeerStreamId)
            throw new SpdyException($"the peer opened stream {id} after {_lastPeerStreamId}");
        _lastPeerStreamId = id;
        if (Interlocked.Increment(ref _peerStreamCount) > _options.StreamLimit)
        {
            Interlocked.Decrement(ref _peerStreamCount);
            Answer(SpdyFrame.Reset(id, SpdyResetStatus.RefusedStream));
            return;
        }
        SpdyStream stream = AddStream(id, headers);
        if ((flags & SpdyFrame.Unidirectional) != 0)
            stream.CloseLocal();
        if ((flags & SpdyFrame.Fin) != 0)
            stream.ReceiveEnd();
        _incoming.Writer.TryWrite(stream);
    }

    private void ReceiveSynReply(byte flags, byte[] payload)
    {
        _headerReader.Read(payload.AsSpan(4));
        if (!_streams.TryGetValue(Number(payload, 0), out SpdyStream? stream))
            return;
        stream.AcceptReply();
        if ((flags & SpdyFrame.Fin) != 0)
            stream.ReceiveEnd();
    }

    private void ReceiveHeaders(byte flags, byte[] payload)
    {
        _headerReader.Read(payload.AsSpan(4)); // Nobody uses later headers; the decompressor has to see them.
        if ((flags & SpdyFrame.Fin) != 0 && _streams.TryGetValue(Number(payload, 0), out SpdyStream? stream))
            stream.ReceiveEnd();
    }

    private void ReceiveReset(byte[] payload)
    {
        if (!_streams.TryGetValue(Number(payload, 0), out SpdyStream? stream))
            return;
        Forget(stream);
        var status = (SpdyResetStatus)Number(payload, 4);
        stream.ReceiveReset(status, isEnd: status == SpdyResetStatus.Cancel && _options.TakesCancelForEnd);
    }

    private void ReceiveSettings(byte[] payload)
    {
        int count = Math.Min(Number(payload, 0), (payload.Length - 4) / 8);
        for (int i = 0; i < count; i++)
        {
            if ((Number(payload, 4 + i * 8) & 0xFFFFFF) != SpdyFrame.InitialWindowSetting)
                continue;
            int initial = Number(payload, 8 + i * 8);
            int delta = initial - _peerInitialWindow;
            _peerInitialWindow = initial;
            BindWindows();
            foreach (SpdyStream stream in _streams.Values)
                stream.SendWindow.Grow(delta);
        }
    }

    private void ReceiveWindowUpdate(byte[] payload)
    {
        BindWindows();
        int id = Number(payload, 0);
        if (id == 0)
            _sendWindow.Grow(Number(payload, 4));
        else if (_streams.TryGetValue(id, out SpdyStream? stream))
            stream.SendWindow.Grow(Number(payload, 4));
    }

    private void BindWindows()
    {
        if (_peerHasWindows)
            return;
        _peerHasWindows = true;
        _sendWindow.Bind();
        foreach (SpdyStream stream in _streams.Values)
            stream.SendWindow.Bind();
    }

    private void ReceivePing(byte[] payload)
    {
        uint id = BinaryPrimitives.ReadUInt32BigEndian(payload);
        if (id % 2 == 0 != _isServer)
            Answer(SpdyFrame.Pinging(id));
        else if (_pings.TryGetValue(id, out TaskCompletionSource? answered))
            answered.TrySetResult();
    }

    private void ReceiveGoAway(byte[] payload)
    {
        _peerIsLeaving = true;
        int lastGood = Number(payload, 0);
        foreach (SpdyStream stream in _streams.Values)
        {
            if (IsOurs(stream.Id) && stream.Id > lastGood)
            {
                Forget(stream);
                stream.ReceiveClose(new IOException("the peer went away before it took the stream"));
            }
        }
    }
}
