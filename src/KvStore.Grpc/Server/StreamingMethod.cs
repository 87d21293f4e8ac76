using Google.Protobuf.Reflection;

namespace KvStore.Grpc;

/// <summary>What a method of any streaming kind comes down to.</summary>
internal delegate Task StreamingHandler<TRequest, TResponse>(
    IServerRequestStream<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context);

internal sealed class StreamingMethod<TRequest, TResponse>(
    MethodDescriptor method, MarshallerPair<TRequest, TResponse> marshallers, StreamingHandler<TRequest, TResponse> handler)
    : ServerMethod(method)
{
    public override async Task ServeAsync(ServerCall call)
    {
        try
        {
            call.Begin();
            var requests = call.Requests(marshallers.Request);
            var responses = call.Responses(marshallers.Response);
            await handler(requests, responses, call).ConfigureAwait(false);
            call.CompleteStream();
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
}
