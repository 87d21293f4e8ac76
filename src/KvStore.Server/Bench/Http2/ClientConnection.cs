using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using KvStore.Raft;

namespace KvStore.Server.Bench.Http2;

/// <summary>The client's side of one HTTP/2 connection without TLS, made for many small calls at little cost.</summary>
/// <remarks>
/// Not thread-safe: one thread owns it, reads when the socket is readable and flushes what was queued meanwhile, so that all
/// requests that one read sets off leave in one write. Response bodies are handed on as they lie in the receive buffer.
/// Limits: header blocks of 64 KiB, frames of 16 KiB (what the peer must keep to unless told otherwise).
/// </remarks>
internal sealed class ClientConnection : IDisposable
{
    /// <summary>
    /// Larger than any burst of answers, so that the window never slows a server down; returned when half is used.
    /// </summary>
    private const int ReceiveWindow = 64 << 20;

    private const int ProtocolWindow = 65_535;
    private const int HeaderBlockLimit = 64 << 10;

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    private readonly Dictionary<int, ClientStream> _streams = [];
    private readonly List<ClientStream> _blocked = [];
    private readonly HpackDecoder _headerDecoder = new();
    private readonly List<HeaderField> _fields = [];
    private readonly List<byte> _headerBlock = [];
    private readonly string _authority;
    private readonly byte[] _input = new byte[256 << 10];
    private int _inputStart, _inputEnd;
    private byte[] _output = new byte[64 << 10];
    private int _outputStart, _outputEnd;

    private RequestHeaderEncoder? _headerEncoder;
    private FrameHeader _openHeaders;
    private int _nextStreamId = 1;
    private int _sendWindow = ProtocolWindow;
    private int _initialSendWindow = ProtocolWindow;
    private int _payloadLimit = FrameHeader.DefaultPayloadLimit;
    private int _peerTableSize = HpackDecoder.DefaultTableSize;
    private int _unacknowledgedBytes;
    private bool _isClosing;

    private ClientConnection(Socket socket, string authority)
    {
        Socket = socket;
        _authority = authority;
    }

    public Socket Socket { get; }

    /// <summary>The peer's SETTINGS have come: calls may be made.</summary>
    public bool IsReady => _headerEncoder is not null;

    /// <summary>The most streams that the peer keeps open at once.</summary>
    public uint StreamLimit { get; private set; } = uint.MaxValue;

    public bool HasOutput => _outputEnd > _outputStart;

    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static ClientConnection Connect(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Connect(endpoint);
            socket.Blocking = false;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
        var connection = new ClientConnection(socket, endpoint.ToString());
        connection.Greet();
        return connection;
    }

    /// <summary>
    /// Makes a call with its first message; it is sent by the next <see cref="Flush"/>, or later when a window is full.
    /// </summary>
    /// <param name="message">With gRPC's prefix, so it is never empty: the frame that ends the request is one of its.</param>
    public void Open(ClientStream stream, string path, ReadOnlySpan<byte> message, bool endsRequest)
    {
        Invariant.Holds(_headerEncoder is not null);
        Invariant.Holds(_nextStreamId > 0);
        stream.Reset(_nextStreamId, _initialSendWindow);
        _nextStreamId += 2;
        _streams.Add(stream.Id, stream);
        WriteFrame(FrameType.Headers, FrameFlags.EndHeaders, stream.Id, _headerEncoder.Encode(path));
        Send(stream, message, endsRequest);
    }

    /// <summary>Sends a further message on an open call.</summary>
    public void Send(ClientStream stream, ReadOnlySpan<byte> message, bool endsRequest = false)
    {
        Invariant.Holds(!stream.EndsRequest);
        Invariant.Holds(!message.IsEmpty);
        stream.EndsRequest = endsRequest;
        int sent = stream.Unsent.Count == 0 ? SendWithinWindows(stream, message) : 0;
        if (sent == message.Length)
            return;
        if (stream.Unsent.Count == 0)
            _blocked.Add(stream);
        stream.Unsent.AddRange(message[sent..]);
    }

    /// <summary>Gives a call up; nothing more is heard of it.</summary>
    public void Cancel(ClientStream stream)
    {
        if (_streams.Remove(stream.Id))
            WriteReset(stream);
    }

    /// <summary>Reads once and handles every whole frame. To be called when the socket is readable.</summary>
    /// <exception cref="Http2Exception">The connection is lost; the calls on it get no answer.</exception>
    public void Receive(long now)
    {
        int length = Socket.Receive(_input.AsSpan(_inputEnd), SocketFlags.None, out var error);
        if (error is SocketError.WouldBlock)
            return;
        if (error != SocketError.Success)
            throw new Http2Exception($"the connection broke: {new SocketException((int)error).Message}");
        if (length == 0)
            throw new Http2Exception("the server closed the connection");
        _inputEnd += length;
        HandleFrames(now);
        MakeRoom();
    }

    /// <summary>Sends what is queued, as far as the socket takes it.</summary>
    public void Flush()
    {
        while (HasOutput)
        {
            int sent = Socket.Send(_output.AsSpan(_outputStart.._outputEnd), SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
                return;
            if (error != SocketError.Success)
                throw new Http2Exception($"the connection broke: {new SocketException((int)error).Message}");
            _outputStart += sent;
        }
        _outputStart = _outputEnd = 0;
    }

    /// <summary>Takes leave (GOAWAY) and closes the socket. Calls still open end without an answer.</summary>
    public void Dispose()
    {
        if (_isClosing)
            return;
        _isClosing = true;
        Span<byte> lastStreamAndCode = stackalloc byte[8];
        lastStreamAndCode.Clear();
        WriteFrame(FrameType.GoAway, FrameFlags.None, 0, lastStreamAndCode);
        // A courtesy only: whether it still gets through makes no difference.
        Socket.Send(_output.AsSpan(_outputStart.._outputEnd), SocketFlags.None, out _);
        Socket.Dispose();
    }

    private void Greet()
    {
        Preface.CopyTo(Reserve(Preface.Length));
        Span<byte> settings = stackalloc byte[12];
        BinaryPrimitives.WriteUInt16BigEndian(settings, (ushort)Setting.EnablePush);
        BinaryPrimitives.WriteUInt32BigEndian(settings[2..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(settings[6..], (ushort)Setting.InitialWindowSize);
        BinaryPrimitives.WriteUInt32BigEndian(settings[8..], ReceiveWindow);
        WriteFrame(FrameType.Settings, FrameFlags.None, 0, settings);
        WriteWindowUpdate(0, ReceiveWindow - ProtocolWindow);
        Flush();
    }

    private void HandleFrames(long now)
    {
        while (_inputEnd - _inputStart >= FrameHeader.Size)
        {
            var header = FrameHeader.Read(_input.AsSpan(_inputStart));
            if (header.Length > FrameHeader.DefaultPayloadLimit)
                throw new Http2Exception(
                    $"a frame of {header.Length} bytes, where {FrameHeader.DefaultPayloadLimit} are allowed");
            if (_inputEnd - _inputStart < FrameHeader.Size + header.Length)
                return;
            var payload = _input.AsSpan(_inputStart + FrameHeader.Size, header.Length);
            _inputStart += FrameHeader.Size + header.Length;
            Handle(header, payload, now);
        }
    }

    /// <summary>Moves the part of a frame that has come to the front, once the rest might not fit behind it.</summary>
    private void MakeRoom()
    {
        if (_inputStart == _inputEnd)
        {
            _inputStart = _inputEnd = 0;
            return;
        }
        if (_input.Length - _inputEnd >= _input.Length / 2)
            return;
        _input.AsSpan(_inputStart.._inputEnd).CopyTo(_input);
        _inputEnd -= _inputStart;
        _inputStart = 0;
    }

    private void Handle(in FrameHeader header, ReadOnlySpan<byte> payload, long now)
    {
        if (_openHeaders.StreamId != 0 && (header.Type != FrameType.Continuation || header.StreamId != _openHeaders.StreamId))
            throw new Http2Exception("a header block that another frame interrupts");
        switch (header.Type)
        {
            case FrameType.Data: HandleData(header, payload, now); break;
            case FrameType.Headers: HandleHeaders(header, header.Strip(payload), now); break;
            case FrameType.Continuation: HandleContinuation(header, payload, now); break;
            case FrameType.ResetStream: HandleReset(header, payload, now); break;
            case FrameType.Settings: HandleSettings(header, payload); break;
            case FrameType.Ping when !header.Has(FrameFlags.Acknowledge):
                WriteFrame(FrameType.Ping, FrameFlags.Acknowledge, 0, payload);
                break;
            case FrameType.WindowUpdate: HandleWindowUpdate(header, payload); break;
            case FrameType.GoAway: throw Leaving(payload);
            case FrameType.PushPromise: throw new Http2Exception("a push that was forbidden");
        }
    }

    private void HandleData(in FrameHeader header, ReadOnlySpan<byte> payload, long now)
    {
        // Padding counts too, and so does what belongs to a call that was given up.
        _unacknowledgedBytes += header.Length;
        if (_unacknowledgedBytes >= ReceiveWindow / 2)
        {
            WriteWindowUpdate(0, _unacknowledgedBytes);
            _unacknowledgedBytes = 0;
        }
        if (!_streams.TryGetValue(header.StreamId, out var stream))
            return;
        if (!stream.HasResponseHeaders)
            throw new Http2Exception("data before the headers of its response");
        var data = header.Strip(payload);
        if (!data.IsEmpty)
            stream.OnData(data, now);
        if (header.Has(FrameFlags.EndStream))
        {
            Close(stream, CallOutcome.Broken("the response ended without a grpc-status"), now);
            return;
        }
        stream.UnacknowledgedBytes += header.Length;
        if (stream.UnacknowledgedBytes >= ReceiveWindow / 2)
        {
            WriteWindowUpdate(stream.Id, stream.UnacknowledgedBytes);
            stream.UnacknowledgedBytes = 0;
        }
    }

    private void HandleHeaders(in FrameHeader header, ReadOnlySpan<byte> block, long now)
    {
        if (header.Has(FrameFlags.EndHeaders))
        {
            HandleHeaderBlock(header, block, now);
            return;
        }
        _openHeaders = header;
        _headerBlock.Clear();
        _headerBlock.AddRange(block);
    }

    private void HandleContinuation(in FrameHeader header, ReadOnlySpan<byte> block, long now)
    {
        if (_openHeaders.StreamId == 0)
            throw new Http2Exception("a continuation of no header block");
        if (_headerBlock.Count + block.Length > HeaderBlockLimit)
            throw new Http2Exception($"a header block of more than {HeaderBlockLimit} bytes");
        _headerBlock.AddRange(block);
        if (!header.Has(FrameFlags.EndHeaders))
            return;
        var first = _openHeaders;
        _openHeaders = default;
        HandleHeaderBlock(first, _headerBlock.ToArray(), now);
    }

    private void HandleHeaderBlock(in FrameHeader header, ReadOnlySpan<byte> block, long now)
    {
        // Decoded also where the call is forgotten: the block may change the table that later ones refer to.
        _fields.Clear();
        _headerDecoder.Decode(block, _fields);
        if (!_streams.TryGetValue(header.StreamId, out var stream))
            return;
        var outcome = ResponseStatus.Read(_fields, isTrailer: stream.HasResponseHeaders);
        stream.HasResponseHeaders = true;
        if (header.Has(FrameFlags.EndStream))
            Close(stream, outcome ?? CallOutcome.Broken("the response ended without a grpc-status"), now);
        else if (outcome is { IsOk: false } refusal)
            Close(stream, refusal, now);
    }

    private void HandleReset(in FrameHeader header, ReadOnlySpan<byte> payload, long now)
    {
        RequireLength(payload, 4, header.Type);
        if (!_streams.Remove(header.StreamId, out var stream))
            return;
        string code = Http2Exception.NameOf(BinaryPrimitives.ReadUInt32BigEndian(payload));
        _blocked.Remove(stream);
        stream.OnClosed(CallOutcome.Broken($"the server reset the stream: {code}"), now);
    }

    private void HandleSettings(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Has(FrameFlags.Acknowledge))
            return;
        for (; payload.Length >= 6; payload = payload[6..])
        {
            uint value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch ((Setting)BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case Setting.HeaderTableSize: _peerTableSize = (int)Math.Min(value, HpackDecoder.DefaultTableSize); break;
                case Setting.MaxConcurrentStreams: StreamLimit = value; break;
                case Setting.InitialWindowSize: ChangeInitialWindow((int)value); break;
                case Setting.MaxFrameSize: _payloadLimit = (int)value; break;
            }
        }
        WriteFrame(FrameType.Settings, FrameFlags.Acknowledge, 0, []);
        // A table that shrinks later would need a notice in the next block; no gRPC server does that.
        _headerEncoder ??= new RequestHeaderEncoder(_authority, _peerTableSize);
        SendBlocked();
    }

    private void ChangeInitialWindow(int window)
    {
        foreach (var stream in _streams.Values)
            stream.SendWindow += window - _initialSendWindow;
        _initialSendWindow = window;
    }

    private void HandleWindowUpdate(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        RequireLength(payload, 4, header.Type);
        int increment = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & int.MaxValue);
        if (header.StreamId == 0)
            _sendWindow = checked(_sendWindow + increment);
        else if (_streams.TryGetValue(header.StreamId, out var stream))
            stream.SendWindow = checked(stream.SendWindow + increment);
        if (_blocked.Count > 0)
            SendBlocked();
    }

    private void SendBlocked()
    {
        // Oldest first; a stream whose own window is shut does not hold up the others.
        foreach (var stream in _blocked)
        {
            if (_sendWindow <= 0)
                break;
            int sent = SendWithinWindows(stream, CollectionsMarshal.AsSpan(stream.Unsent));
            stream.Unsent.RemoveRange(0, sent);
        }
        _blocked.RemoveAll(stream => stream.Unsent.Count == 0);
    }

    /// <returns>How many bytes of <paramref name="message"/> the windows let through.</returns>
    private int SendWithinWindows(ClientStream stream, ReadOnlySpan<byte> message)
    {
        int sent = 0;
        while (sent < message.Length)
        {
            int length = Math.Min(Math.Min(message.Length - sent, _payloadLimit), Math.Min(_sendWindow, stream.SendWindow));
            if (length <= 0)
                break;
            bool isLast = sent + length == message.Length && stream.EndsRequest;
            var flags = isLast ? FrameFlags.EndStream : FrameFlags.None;
            WriteFrame(FrameType.Data, flags, stream.Id, message.Slice(sent, length));
            _sendWindow -= length;
            stream.SendWindow -= length;
            sent += length;
        }
        return sent;
    }

    private void Close(ClientStream stream, in CallOutcome outcome, long now)
    {
        _streams.Remove(stream.Id);
        // The server has answered without waiting for the rest of the request: it need not wait for it any more either.
        if (!stream.EndsRequest || stream.Unsent.Count > 0)
            WriteReset(stream);
        stream.OnClosed(outcome, now);
    }

    private void WriteReset(ClientStream stream)
    {
        const uint cancel = 0x8;
        _blocked.Remove(stream);
        Span<byte> code = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(code, cancel);
        WriteFrame(FrameType.ResetStream, FrameFlags.None, stream.Id, code);
    }

    private void WriteWindowUpdate(int streamId, int increment)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, increment);
        WriteFrame(FrameType.WindowUpdate, FrameFlags.None, streamId, payload);
    }

    private void WriteFrame(FrameType type, FrameFlags flags, int streamId, ReadOnlySpan<byte> payload)
    {
        var target = Reserve(FrameHeader.Size + payload.Length);
        new FrameHeader(payload.Length, type, flags, streamId).Write(target);
        payload.CopyTo(target[FrameHeader.Size..]);
    }

    private Span<byte> Reserve(int length)
    {
        if (_output.Length - _outputEnd < length)
        {
            _output.AsSpan(_outputStart.._outputEnd).CopyTo(_output);
            _outputEnd -= _outputStart;
            _outputStart = 0;
            if (_output.Length - _outputEnd < length)
                Array.Resize(ref _output, Math.Max(_output.Length * 2, _outputEnd + length));
        }
        var space = _output.AsSpan(_outputEnd, length);
        _outputEnd += length;
        return space;
    }

    private static Http2Exception Leaving(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 8)
            return new Http2Exception("the server sent GOAWAY");
        string text = Encoding.UTF8.GetString(payload[8..]);
        string code = Http2Exception.NameOf(BinaryPrimitives.ReadUInt32BigEndian(payload[4..]));
        return new Http2Exception($"the server sent GOAWAY: {code} {text}".TrimEnd());
    }

    private static void RequireLength(ReadOnlySpan<byte> payload, int length, FrameType type)
    {
        if (payload.Length != length)
            throw new Http2Exception($"a {type} frame of {payload.Length} bytes, where {length} are due");
    }

    private enum Setting : ushort
    {
        HeaderTableSize = 1,
        EnablePush = 2,
        MaxConcurrentStreams = 3,
        InitialWindowSize = 4,
        MaxFrameSize = 5,
    }
}
