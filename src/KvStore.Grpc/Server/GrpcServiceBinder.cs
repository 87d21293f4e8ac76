using System.Runtime.CompilerServices;
using Google.Protobuf.Reflection;

namespace KvStore.Grpc;

/// <summary>A unary handler: one request, one response.</summary>
public delegate ValueTask<TResponse> UnaryServerMethod<in TRequest, TResponse>(TRequest request, ServerCallContext context);

/// <summary>A handler that reads the client's messages to their end and answers once.</summary>
public delegate Task<TResponse> ClientStreamingServerMethod<in TRequest, TResponse>(
    IAsyncStreamReader<TRequest> requestStream, ServerCallContext context);

/// <summary>A handler that answers one request with any number of messages; the call ends when its task does.</summary>
public delegate Task ServerStreamingServerMethod<in TRequest, out TResponse>(
    TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context);

/// <summary>A handler that reads and writes at its own pace; the call ends when its task does.</summary>
/// <remarks>Some clients cancel by half-closing first, so a handler whose input has ended must end its senders too.</remarks>
public delegate Task DuplexStreamingServerMethod<in TRequest, out TResponse>(
    IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context);

/// <summary>Binds handlers to the methods of one service, by name, checked against the generated descriptor.</summary>
/// <remarks>
/// <code>
/// new GrpcServiceBinder(EtcdRpc.KV)
///     .Unary&lt;PutRequest, PutResponse&gt;("Put", kv.PutAsync, keepRequestBytes: true)
///     .ServerStreaming&lt;RangeRequest, RangeStreamResponse&gt;("RangeStream", kv.RangeStreamAsync)
/// </code>
/// A method without a handler answers Unimplemented. A response type may be an <see cref="IGrpcMessage"/> that stands for the
/// method's output message; a request type may be ReadOnlyMemory&lt;byte&gt; to get the bytes unparsed.
/// </remarks>
public sealed class GrpcServiceBinder(ServiceDescriptor service)
{
    private readonly Dictionary<string, ServerMethod> _methods = [];

    public ServiceDescriptor Service => service;

    internal IReadOnlyCollection<ServerMethod> Methods => _methods.Values;

    /// <param name="keepRequestBytes">Keep the request's wire bytes for <see cref="ServerCallContext.RequestBytes"/>.</param>
    [OverloadResolutionPriority(1)] // An async lambda fits both: it becomes a ValueTask.
    public GrpcServiceBinder Unary<TRequest, TResponse>(
        string name, UnaryServerMethod<TRequest, TResponse> handler, bool keepRequestBytes = false)
    {
        var (method, marshallers) = Find<TRequest, TResponse>(name, MethodType.Unary);
        return Add(new UnaryMethod<TRequest, TResponse>(method, marshallers, handler, keepRequestBytes));
    }

    /// <inheritdoc cref="Unary{TRequest, TResponse}(string, UnaryServerMethod{TRequest, TResponse}, bool)"/>
    public GrpcServiceBinder Unary<TRequest, TResponse>(
        string name, Func<TRequest, ServerCallContext, Task<TResponse>> handler, bool keepRequestBytes = false) =>
        Unary<TRequest, TResponse>(
            name, (request, context) => new ValueTask<TResponse>(handler(request, context)), keepRequestBytes);

    public GrpcServiceBinder ClientStreaming<TRequest, TResponse>(
        string name, ClientStreamingServerMethod<TRequest, TResponse> handler)
    {
        var (method, marshallers) = Find<TRequest, TResponse>(name, MethodType.ClientStreaming);
        return Add(new StreamingMethod<TRequest, TResponse>(method, marshallers, Call));

        async Task Call(
            IServerRequestStream<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            var response = await handler(requests, context).ConfigureAwait(false);
            if (context.Status.StatusCode == StatusCode.OK)
                await responses.WriteAsync(response).ConfigureAwait(false);
        }
    }

    public GrpcServiceBinder ServerStreaming<TRequest, TResponse>(
        string name, ServerStreamingServerMethod<TRequest, TResponse> handler)
    {
        var (method, marshallers) = Find<TRequest, TResponse>(name, MethodType.ServerStreaming);
        return Add(new StreamingMethod<TRequest, TResponse>(method, marshallers, Call));

        async Task Call(
            IServerRequestStream<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            var request = await requests.ReadSingleAsync().ConfigureAwait(false);
            await WithHeaders(handler(request, responses, context), context).ConfigureAwait(false);
        }
    }

    public GrpcServiceBinder DuplexStreaming<TRequest, TResponse>(
        string name, DuplexStreamingServerMethod<TRequest, TResponse> handler)
    {
        var (method, marshallers) = Find<TRequest, TResponse>(name, MethodType.DuplexStreaming);
        return Add(new StreamingMethod<TRequest, TResponse>(
            method, marshallers, (requests, responses, context) => WithHeaders(handler(requests, responses, context), context)));
    }

    // A client of a stream waits for its headers, so they leave when the handler first waits; a handler that refuses at once
    // still gets a headers-only answer.
    private static async Task WithHeaders(Task handling, ServerCallContext context)
    {
        if (!handling.IsCompleted)
            await context.EnsureHeadersSentAsync().ConfigureAwait(false);
        await handling.ConfigureAwait(false);
    }

    private (MethodDescriptor Method, MarshallerPair<TRequest, TResponse> Marshallers) Find<TRequest, TResponse>(
        string name, MethodType type)
    {
        var method = service.FindMethod(name);
        if (method.MethodType() != type)
            throw new ArgumentException($"the method {method.FullName} is {method.MethodType()}, not {type}", nameof(name));
        return (method, new(Marshallers.For<TRequest>(method.InputType), Marshallers.For<TResponse>(method.OutputType)));
    }

    private GrpcServiceBinder Add(ServerMethod method)
    {
        if (!_methods.TryAdd(method.FullName, method))
            throw new ArgumentException($"the method {method.FullName} has a handler already");
        return this;
    }
}
