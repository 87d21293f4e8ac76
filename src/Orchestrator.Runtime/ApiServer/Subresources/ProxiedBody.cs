using System.IO.Compression;
using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>The body of a <see cref="ProxiedSite"/>'s answer: a page is held back to its end and its links are changed, all else passes.</summary>
internal sealed class ProxiedBody(HttpResponse response, ProxiedSite site) : Stream
{
    /// <summary>A longer page passes as it is.</summary>
    private const int PageLimitBytes = 8 * 1024 * 1024;

    private readonly Stream _inner = response.Body;

    // Null when nothing is held back.
    private MemoryStream? _held;
    private string _encoding = "";

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>The headers are known, and not sent yet.</summary>
    public void Begin()
    {
        bool isPage = (response.ContentType ?? "").Split(';')[0].Trim().Equals("text/html", StringComparison.OrdinalIgnoreCase);
        bool isWhole = response.StatusCode is not (StatusCodes.Status206PartialContent or StatusCodes.Status304NotModified);
        _encoding = response.Headers.ContentEncoding.ToString().ToLowerInvariant();
        if (!isPage || !isWhole || _encoding is not ("" or "identity" or "gzip" or "deflate" or "br"))
            return;
        response.ContentLength = null;
        response.Headers.ETag = default; // Of what the server sent, and not of what the client gets.
        _held = new MemoryStream();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!response.HasStarted)
            await response.StartAsync(cancellationToken).ConfigureAwait(false);
        if (_held is { } held && held.Length + buffer.Length <= PageLimitBytes)
        {
            held.Write(buffer.Span);
            return;
        }
        await PassHeldAsync(cancellationToken).ConfigureAwait(false);
        await _inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);

    /// <summary>The answer has come to its end.</summary>
    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        if (_held is not { Length: > 0 } held)
            return;
        _held = null;
        await _inner.WriteAsync(Rewritten(held.ToArray()), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What is written after this is not the site's.</summary>
    public override ValueTask DisposeAsync()
    {
        response.Body = _inner;
        return base.DisposeAsync();
    }

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private async ValueTask PassHeldAsync(CancellationToken cancellationToken)
    {
        if (_held is not { } held)
            return;
        _held = null;
        await _inner.WriteAsync(held.GetBuffer().AsMemory(0, (int)held.Length), cancellationToken).ConfigureAwait(false);
    }

    private byte[] Rewritten(byte[] sent)
    {
        byte[] page = sent;
        try
        {
            using var plain = new MemoryStream();
            using (var unpacked = Unpacked(new MemoryStream(sent)))
            {
                var buffer = new byte[32 * 1024];
                for (int count; (count = unpacked.Read(buffer)) > 0;)
                {
                    plain.Write(buffer, 0, count);
                    if (plain.Length > PageLimitBytes)
                        return sent;
                }
            }
            page = PageLinks.Rewrite(plain.GetBuffer().AsSpan(0, (int)plain.Length), site.Link);
        }
        catch (InvalidDataException)
        {
            return sent; // It is not packed as it says: that is the client's to see.
        }
        using var again = new MemoryStream();
        using (var packed = Packed(again))
            packed.Write(page);
        return again.ToArray();
    }

    private Stream Unpacked(Stream sent) => _encoding switch
    {
        "gzip" => new GZipStream(sent, CompressionMode.Decompress),
        "deflate" => new ZLibStream(sent, CompressionMode.Decompress),
        "br" => new BrotliStream(sent, CompressionMode.Decompress),
        _ => sent,
    };

    private Stream Packed(Stream target) => _encoding switch
    {
        "gzip" => new GZipStream(target, CompressionLevel.Fastest, leaveOpen: true),
        "deflate" => new ZLibStream(target, CompressionLevel.Fastest, leaveOpen: true),
        "br" => new BrotliStream(target, CompressionLevel.Fastest, leaveOpen: true),
        _ => new BufferedStream(target),
    };
}
