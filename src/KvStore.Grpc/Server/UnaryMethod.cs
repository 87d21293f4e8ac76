using Google.Protobuf.Reflection;

namespace KvStore.Grpc;

internal sealed class UnaryMethod<TRequest, TResponse>(
    MethodDescriptor method,
    MarshallerPair<TRequest, TResponse> marshallers,
    UnaryServerMethod<TRequest, TResponse> handler,
    bool keepRequestBytes)
    : ServerMethod(method)
{
    public override async Task ServeAsync(ServerCall call)
    {
        try
        {
            call.Begin();
            var request = await call.ReadSingleAsync(marshallers.Request, keepRequestBytes).ConfigureAwait(false);
            var handling = handler(request, call);
            var response = handling.IsCompleted || !call.HasDeadline
                ? await handling.ConfigureAwait(false)
                : await WithinDeadline(handling.AsTask(), call).ConfigureAwait(false);
            call.CompleteUnary(marshallers.Response, response);
        }
        catch (Exception exception)
        {
            call.Fail(exception);
        }
        finally
        {
            call.End();
        }
    }

    // The client hears DeadlineExceeded on time even from a handler that does not look at its token; that handler runs on alone.
    private static async Task<TResponse> WithinDeadline(Task<TResponse> handling, ServerCall call)
    {
        try
        {
            return await handling.WaitAsync(call.CancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!handling.IsCompleted)
        {
            call.ReportFaultOf(handling);
            throw;
        }
    }
}
