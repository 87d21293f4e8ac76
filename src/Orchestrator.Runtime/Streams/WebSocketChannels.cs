using System.Buffers;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;

namespace Orchestrator.Runtime.Streams;

/// <summary>Many streams in one WebSocket: Kubernetes' channel protocols, at either end.</summary>
/// <remarks>
/// <code>
/// binary   | channel (1 byte)           | bytes          v5 also:  | 255 | channel |   this channel ends
/// base64   | channel (1 digit of text)  | base64 text
/// </code>
/// A channel whose reader is slow holds up the whole socket once its buffer is full, as there is nothing else in the protocol.
/// </remarks>
internal sealed class WebSocketChannels : IAsyncDisposable
{
    private const int CloseSignal = 255;
    private const int MessageBytes = 32 * 1024;

    /// <summary>A base64 message is decoded as a whole; binary ones are passed on as they come.</summary>
    private const int Base64MessageLimit = 1024 * 1024;

    private readonly WebSocket _socket;
    private readonly bool _isBase64;
    private readonly bool _hasCloseSignal;
    private readonly ConcurrentDictionary<int, WebSocketChannel> _channels = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly CancellationTokenSource _closed = new();
    private Task _receiving = Task.CompletedTask;

    public WebSocketChannels(WebSocket socket, bool isBase64, bool hasCloseSignal)
    {
        _socket = socket;
        _isBase64 = isBase64;
        _hasCloseSignal = hasCloseSignal;
        Closed = _closed.Token;
    }

    /// <summary>Ends with the socket, in whatever way.</summary>
    public CancellationToken Closed { get; }

    /// <summary>Whether one channel can end before the socket does.</summary>
    public bool HasCloseSignal => _hasCloseSignal;

    /// <param name="isReadable">What comes on a channel that is not is dropped.</param>
    public WebSocketChannel Open(int channel, bool isReadable, bool endsAsAWhole = false)
    {
        var opened = new WebSocketChannel(this, channel) { EndsAsAWhole = endsAsAWhole };
        if (isReadable)
            _channels[channel] = opened;
        return opened;
    }

    /// <summary>Begins to receive. All readable channels are open by now.</summary>
    public void Start() => _receiving = Task.Run(ReceiveAsync);

    public async ValueTask SendAsync(int channel, ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        do
        {
            ReadOnlyMemory<byte> part = data[..Math.Min(data.Length, MessageBytes)];
            await SendMessageAsync(channel, part, ct);
            data = data[part.Length..];
        }
        while (!data.IsEmpty);
    }

    /// <summary>Tells the other side that nothing more comes on <paramref name="channel"/>, where the protocol can.</summary>
    public async ValueTask SendEndAsync(int channel, CancellationToken ct)
    {
        if (_hasCloseSignal)
            await SendMessageAsync(CloseSignal, new[] { (byte)channel }, ct);
    }

    /// <summary>Says farewell and waits for the other side's, so that nothing that was sent is lost; at most the time given.</summary>
    public async Task CloseAsync(TimeSpan patience)
    {
        using var timeout = new CancellationTokenSource(patience);
        try
        {
            await _sending.WaitAsync(timeout.Token);
            try
            {
                if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                    await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, timeout.Token);
            }
            finally
            {
                _sending.Release();
            }
            await _receiving.WaitAsync(timeout.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or InvalidOperationException or IOException)
        {
            // The other side is gone or does not answer: it has had its time.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync(); // First: the receiving loop may wait for room in a channel.
        _socket.Abort();
        await _receiving;
        _socket.Dispose();
    }

    private async ValueTask SendMessageAsync(int channel, ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(1 + Base64.GetMaxEncodedToUtf8Length(data.Length));
        try
        {
            int length = Lay(message, channel, data.Span);
            await _sending.WaitAsync(ct);
            try
            {
                // Not cancelled by the caller: the socket would be closed for all channels.
                await _socket.SendAsync(
                    message.AsMemory(0, length),
                    _isBase64 ? WebSocketMessageType.Text : WebSocketMessageType.Binary,
                    endOfMessage: true,
                    CancellationToken.None);
            }
            finally
            {
                _sending.Release();
            }
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException or OperationCanceledException
            && !ct.IsCancellationRequested)
        {
            throw new IOException($"the connection is closed: {e.Message}", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    private int Lay(Span<byte> message, int channel, ReadOnlySpan<byte> data)
    {
        if (!_isBase64)
        {
            message[0] = (byte)channel;
            data.CopyTo(message[1..]);
            return 1 + data.Length;
        }
        message[0] = (byte)('0' + channel);
        Base64.EncodeToUtf8(data, message[1..], out _, out int written);
        return 1 + written;
    }

    private async Task ReceiveAsync()
    {
        var failure = new IOException("the connection was closed");
        bool isProperEnd = false;
        try
        {
            await ReceiveMessagesAsync();
            isProperEnd = true;
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or IOException or OperationCanceledException)
        {
            failure = new IOException($"the connection was closed: {e.Message}", e);
        }
        foreach (WebSocketChannel channel in _channels.Values)
            channel.ReceiveEnd(isProperEnd ? null : failure);
        await _closed.CancelAsync();
    }

    /// <summary>Until the other side says farewell.</summary>
    private async Task ReceiveMessagesAsync()
    {
        var buffer = new byte[MessageBytes];
        var whole = new MemoryStream(); // Of a message that is looked at as a whole.
        int channel = -1;
        while (true)
        {
            ValueWebSocketReceiveResult result = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            if (result.MessageType == WebSocketMessageType.Close)
                return;
            ReadOnlyMemory<byte> data = buffer.AsMemory(0, result.Count);
            if (channel < 0 && !data.IsEmpty)
            {
                channel = _isBase64 ? data.Span[0] - '0' : data.Span[0];
                data = data[1..];
            }
            if (_isBase64 || (channel == CloseSignal && _hasCloseSignal))
                Keep(whole, data.Span);
            else if (!data.IsEmpty && _channels.TryGetValue(channel, out WebSocketChannel? receiver))
                await receiver.ReceiveAsync(data);
            if (!result.EndOfMessage)
                continue;
            if (whole.Length > 0)
                await ReceiveWholeAsync(channel, whole.ToArray());
            whole.SetLength(0);
            channel = -1;
        }
    }

    private static void Keep(MemoryStream whole, ReadOnlySpan<byte> data)
    {
        whole.Write(data);
        if (whole.Length > Base64MessageLimit)
            throw new IOException($"message of more than {Base64MessageLimit} bytes");
    }

    private async ValueTask ReceiveWholeAsync(int channel, byte[] message)
    {
        if (channel == CloseSignal && !_isBase64)
        {
            if (_channels.TryGetValue(message[0], out WebSocketChannel? ended))
                ended.ReceiveEnd(null);
            return;
        }
        if (!_channels.TryGetValue(channel, out WebSocketChannel? receiver))
            return;
        try
        {
            await receiver.ReceiveAsync(Convert.FromBase64String(Encoding.ASCII.GetString(message)));
        }
        catch (FormatException e)
        {
            throw new IOException("message is not base64", e);
        }
    }
}
