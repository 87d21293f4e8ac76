using System.IO.Pipelines;
using System.Net;

namespace KvStore.Grpc;

/// <summary>Requests as the caller writes them, until it completes them or the call ends.</summary>
internal sealed class RequestStreamContent<T>(Marshaller<T> marshaller) : RequestContent, IClientStreamWriter<T>
{
    // Hinted messages leave at this size even if more is to follow.
    private const int MostBufferedBytes = 64 * 1024;

    private readonly TaskCompletionSource<PipeWriter> _output = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isWriting;

    public WriteOptions? WriteOptions { get; set; }

    public async Task WriteAsync(T message)
    {
        if (Interlocked.Exchange(ref _isWriting, 1) != 0)
            throw new InvalidOperationException("a write to the call has not finished: only one at a time is allowed");
        try
        {
            if (_completed.Task.IsCompleted)
                throw new InvalidOperationException("the request stream has been completed: nothing can be written after that");
            var output = await OutputAsync().ConfigureAwait(false);
            var options = WriteOptions ?? DefaultWriteOptions;
            Write(output, marshaller, message, options);
            if (((options?.Flags ?? WriteFlags.None) & WriteFlags.BufferHint) == 0 || output.UnflushedBytes > MostBufferedBytes)
                await FlushAsync(output).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _isWriting, 0);
        }
    }

    public async Task CompleteAsync()
    {
        if (Interlocked.Exchange(ref _isWriting, 1) != 0)
            throw new InvalidOperationException("a write to the call has not finished: await it before completing the stream");
        try
        {
            if (_output.Task.IsCompletedSuccessfully && !Call.End.IsSet)
                await FlushAsync(await OutputAsync().ConfigureAwait(false)).ConfigureAwait(false);
            _completed.TrySetResult();
        }
        finally
        {
            Volatile.Write(ref _isWriting, 0);
        }
    }

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // SocketsHttpHandler keeps the headers back for the first message, which may be long in coming.
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        if (!_output.TrySetResult(PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true))))
        {
            // The handler tries again what the server refused to look at; requests that were written are not kept for that.
            var refusal = new IOException("the server closed the connection when the stream was opened");
            Call.Fail(refusal);
            throw refusal;
        }

        await Task.WhenAny(_completed.Task, Call.End.Task).ConfigureAwait(false);
        // A return would half-close the stream as if all had been said, before it is reset.
        if (!_completed.Task.IsCompleted)
            throw new OperationCanceledException("the call has ended before its requests");
    }

    private async Task<PipeWriter> OutputAsync()
    {
        if (!_output.Task.IsCompleted)
            await Task.WhenAny(_output.Task, Call.End.Task).ConfigureAwait(false);
        if (Call.End.IsSet)
            throw WriteAfterEnd();
        return await _output.Task.ConfigureAwait(false);
    }

    private async Task FlushAsync(PipeWriter output)
    {
        try
        {
            await output.FlushAsync(Call.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (HttpFailure.IsOne(exception))
        {
            // The stream only says that it is closed; why, the response side learns, if it is read. Who reads later learns it then.
            await Call.LearnEndAsync().ConfigureAwait(false);
            throw Call.End.IsSet ? WriteAfterEnd() : new RpcException(HttpFailure.StatusOf(exception, Call.Address));
        }
    }

    private Exception WriteAfterEnd() => Call.End.Status.StatusCode == StatusCode.OK
        ? new InvalidOperationException("the server has ended the call with OK: nothing can be written any more")
        : Call.End.ToException();
}
