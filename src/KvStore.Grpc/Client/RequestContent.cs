using System.IO.Pipelines;
using System.Net;

namespace KvStore.Grpc;

/// <summary>What a client's call looks like to its request body.</summary>
internal interface IHttpClientCall
{
    CallEnd End { get; }

    CancellationToken Token { get; }

    /// <summary>What was left until the deadline when the call was made.</summary>
    TimeSpan? Timeout { get; }

    Uri Address { get; }

    /// <summary>Completes when it is known how the call ended, or when nobody is reading who would find out.</summary>
    Task LearnEndAsync();

    /// <summary>Ends the call because its request can not be sent.</summary>
    void Fail(Exception exception);
}

/// <summary>The request body of a call.</summary>
internal abstract class RequestContent : HttpContent
{
    private int _maxSize;
    private CallOptions _options;

    protected IHttpClientCall Call { get; private set; } = null!;

    /// <summary>A request may have reached the other side. Final once the handler's SendAsync has returned.</summary>
    public bool MayHaveBeenSent { get; private set; }

    protected WriteOptions? DefaultWriteOptions => _options.WriteOptions;

    public void Attach(IHttpClientCall call, int maxSize, CallOptions options)
    {
        Call = call;
        _maxSize = maxSize;
        _options = options;
    }

    protected int Write<T>(PipeWriter output, Marshaller<T> marshaller, T message, WriteOptions? options)
    {
        var isCompressed = _options.UseGzip && ((options?.Flags ?? WriteFlags.None) & WriteFlags.NoCompress) == 0;
        var size = MessageFrame.Write(output, marshaller, message, _maxSize, isCompressed ? 0 : int.MaxValue);
        // Said before the flush that follows: afterwards would be too late.
        MayHaveBeenSent = true;
        return size;
    }

    protected sealed override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected sealed override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);
}

/// <summary>One request, then the end.</summary>
internal sealed class SingleRequestContent<T>(Marshaller<T> marshaller, T message) : RequestContent
{
    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        try
        {
            var output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
            Write(output, marshaller, message, DefaultWriteOptions);
            await output.FlushAsync(cancellationToken).ConfigureAwait(false);
            await output.CompleteAsync().ConfigureAwait(false);
        }
        catch (RpcException exception)
        {
            Call.Fail(exception);
            throw;
        }
    }
}
