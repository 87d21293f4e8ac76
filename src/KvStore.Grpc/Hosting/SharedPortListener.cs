using System.Buffers;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace KvStore.Grpc;

/// <summary>One listening socket for HTTP/1.1 and HTTP/2 without TLS: a connection's first bytes tell which it speaks.</summary>
/// <remarks>
/// HTTP/2 connections begin with the preface "PRI * HTTP/2.0"; no HTTP/1.1 method begins with "PRI". Nothing is consumed: the
/// side that gets the connection reads it from its start.
/// </remarks>
internal sealed class SharedPortListener
{
    private readonly IConnectionListener _listener;
    private readonly TimeSpan _firstBytesTimeout;
    private readonly CancellationTokenSource _unbinding = new();
    private readonly Side _http1;
    private readonly Side _http2;

    public SharedPortListener(IConnectionListener listener, TimeSpan firstBytesTimeout)
    {
        _listener = listener;
        _firstBytesTimeout = firstBytesTimeout;
        _http1 = new Side(this);
        _http2 = new Side(this);
        Accepting = AcceptLoopAsync();
    }

    public IConnectionListener Http1 => _http1;

    public IConnectionListener Http2 => _http2;

    private Task Accepting { get; }

    private static ReadOnlySpan<byte> Preface => "PRI"u8;

    private async Task AcceptLoopAsync()
    {
        try
        {
            while (await _listener.AcceptAsync().ConfigureAwait(false) is { } connection)
                _ = HandOverAsync(connection);
        }
        finally
        {
            _http1.Complete();
            _http2.Complete();
        }
    }

    private async Task HandOverAsync(ConnectionContext connection)
    {
        // Off the accept loop: reading may complete at once, and often.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var side = await SniffAsync(connection).ConfigureAwait(false);
        if (side is null || !side.TryAdd(connection))
            await connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <returns>The side that the connection belongs to; null if it ended, stayed silent, or the listener is unbound.</returns>
    private async Task<Side?> SniffAsync(ConnectionContext connection)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_unbinding.Token);
        patience.CancelAfter(_firstBytesTimeout);
        var input = connection.Transport.Input;
        try
        {
            while (true)
            {
                var result = await input.ReadAsync(patience.Token).ConfigureAwait(false);
                var isHttp2 = IsHttp2(result.Buffer);
                input.AdvanceTo(result.Buffer.Start, isHttp2 is null ? result.Buffer.End : result.Buffer.Start);
                if (isHttp2 is { } known)
                    return known ? _http2 : _http1;
                if (result.IsCompleted)
                    return null;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            return null;
        }
    }

    private static bool? IsHttp2(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> first = stackalloc byte[Preface.Length];
        var count = (int)Math.Min(buffer.Length, first.Length);
        buffer.Slice(0, count).CopyTo(first);
        if (!Preface.StartsWith(first[..count]))
            return false;
        return count == Preface.Length ? true : null;
    }

    private async ValueTask UnbindAsync(CancellationToken cancellationToken)
    {
        await _unbinding.CancelAsync().ConfigureAwait(false);
        await _listener.UnbindAsync(cancellationToken).ConfigureAwait(false);
        await Accepting.ConfigureAwait(false);
    }

    private async ValueTask DisposeAsync()
    {
        await UnbindAsync(CancellationToken.None).ConfigureAwait(false);
        await _listener.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>One protocol's listener, as Kestrel sees it. Unbinding one unbinds both: Kestrel unbinds only to stop.</summary>
    private sealed class Side(SharedPortListener owner) : IConnectionListener
    {
        // As many as are accepted before Kestrel takes them, which it does without waiting for anything.
        private readonly Channel<ConnectionContext> _connections = Channel.CreateUnbounded<ConnectionContext>();

        public EndPoint EndPoint => owner._listener.EndPoint;

        public bool TryAdd(ConnectionContext connection) => _connections.Writer.TryWrite(connection);

        public void Complete() => _connections.Writer.TryComplete();

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (await _connections.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (_connections.Reader.TryRead(out var connection))
                    return connection;
            }

            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => owner.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => owner.DisposeAsync();
    }
}
