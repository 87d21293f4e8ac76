using System.Text;
using KvStore.Raft;
using KvStore.Server.Configuration;
using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Peers.Snapshots;

/// <summary>One attempt to send a snapshot, over a connection of its own.</summary>
/// <remarks>
/// <code>
/// sender                               receiver
/// the Snap message  ---------------->
///                   &lt;----------------  ResumeToken
/// Piece, Piece, ... ---------------->
///                   &lt;----------------  Alive, as long as there is progress
/// Done              ---------------->
///                   &lt;----------------  Alive, while it is made durable
///                   &lt;----------------  Done, or at any time Bye with the reason
/// </code>
/// </remarks>
internal sealed class SnapshotTransfer(
    Message snapshot, ISnapshotBody body, Stream stream, PeerTransportOptions options, PeerCounters counters) : IAsyncDisposable
{
    private const int BackBufferBytes = 512;
    private const int BackFrameLimitBytes = (64 << 10) + 1;

    // Cancelled when nothing has been heard for too long, or when the peer said no.
    private readonly CancellationTokenSource _broken = new(options.SnapshotSilenceTimeout, options.Time);
    private readonly FrameReader _frames = new(stream, BackBufferBytes, BackFrameLimitBytes);
    private string? _refusal;

    /// <summary>Where the receiver wanted this attempt to begin; null if it did not come so far.</summary>
    public byte[]? ResumeToken { get; private set; }

    /// <exception cref="SnapshotRefusedException">The receiver said no, or could not take it: trying again does not help.</exception>
    /// <exception cref="IOException">The connection broke, or stood still for too long.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        // Closing the connection ends whatever waits for it.
        await using var abort = cancellation.UnsafeRegister(state => ((Stream)state!).Dispose(), stream);
        await using var silence = _broken.Token.UnsafeRegister(state => ((Stream)state!).Dispose(), stream);
        try
        {
            await SendAsync();
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException or OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_refusal is not null)
                throw new SnapshotRefusedException(_refusal);
            if (_broken.IsCancellationRequested)
                throw new IOException($"no progress within {GoSyntax.FormatDuration(options.SnapshotSilenceTimeout)}", fault);
            throw new IOException(fault.Message, fault);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stream.DisposeAsync();
        _frames.Dispose();
        _broken.Dispose();
    }

    private async Task SendAsync()
    {
        await SendMessageAsync();
        var token = await HearTokenAsync();
        ResumeToken = token;
        var writer = new PieceWriter(stream, bytes => counters.SentBytes.Add(bytes));
        var answer = HearEndAsync();
        try
        {
            await WriteBodyAsync(writer, token);
        }
        catch (Exception fault) when (writer.Failure is not null)
        {
            // What the receiver said explains more than that the connection is gone.
            await _broken.CancelAsync();
            await answer;
            throw new IOException(fault.Message, fault);
        }
        catch
        {
            await _broken.CancelAsync();
            await IgnoreAnswerAsync(answer);
            throw;
        }
        await answer;
    }

    private async Task WriteBodyAsync(PieceWriter writer, ReadOnlyMemory<byte> token)
    {
        await body.WriteToAsync(writer, token, _broken.Token);
        await writer.CompleteAsync(_broken.Token);
    }

    private async Task SendMessageAsync()
    {
        var batch = new FrameBatch(options.MemberId, options.FrameLimitBytes);
        if (!batch.TryAdd(snapshot))
            throw new SnapshotRefusedException("the snapshot's message is larger than a frame may be");
        await batch.WriteToAsync(stream, _broken.Token);
        counters.SentBytes.Add(batch.SizeBytes);
    }

    private async Task<byte[]> HearTokenAsync()
    {
        var frame = await HearAsync();
        return (FrameKind)frame[0] == FrameKind.ResumeToken
            ? frame[1..]
            : throw new InvalidDataException($"The receiver of a snapshot began with a frame of kind {frame[0]:x}.");
    }

    private async Task HearEndAsync()
    {
        while (true)
        {
            var frame = await HearAsync();
            if ((FrameKind)frame[0] == FrameKind.Done)
                return;
            if ((FrameKind)frame[0] != FrameKind.Alive)
                throw new InvalidDataException($"The receiver of a snapshot sent a frame of kind {frame[0]:x}.");
        }
    }

    private async Task<byte[]> HearAsync()
    {
        byte[] frame = await _frames.TakeAsync(CancellationToken.None);
        _broken.CancelAfter(options.SnapshotSilenceTimeout);
        if ((FrameKind)frame[0] != FrameKind.Bye)
            return frame;
        _refusal = Encoding.UTF8.GetString(frame.AsSpan(1));
        await _broken.CancelAsync();
        throw new IOException("The receiver ended the transfer.");
    }

    private static async Task IgnoreAnswerAsync(Task answer) =>
        await answer.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
