namespace KvStore.Grpc;

/// <summary>Calls a server's services in the same process: the contract of the network, without bytes or sockets.</summary>
/// <remarks>
/// Messages are handed over as they are, so neither side may change one afterwards; they turn into bytes only where the two
/// sides hold different types for one message, or where a method keeps its request's bytes. Size limits and compression do
/// not apply. A handler starts on its caller's thread.
/// </remarks>
public sealed class InMemoryChannel(GrpcServer server) : CallInvoker
{
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Start(method, host, options, request);
        return new AsyncUnaryCall<TResponse>(call, call.ReadSingleAsync());
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        new(Start(method, host, options, request));

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = Start(method, host, options);
        return new AsyncClientStreamingCall<TRequest, TResponse>(call, call, call.ReadSingleAsync());
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = Start(method, host, options);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(call, call);
    }

    private InMemoryCall<TRequest, TResponse> Start<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = new InMemoryCall<TRequest, TResponse>(method, options, server.Options.TimeProvider);
        call.AddSingleRequest(request);
        Serve(call, host);
        return call;
    }

    private InMemoryCall<TRequest, TResponse> Start<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = new InMemoryCall<TRequest, TResponse>(method, options, server.Options.TimeProvider);
        Serve(call, host);
        return call;
    }

    private void Serve<TRequest, TResponse>(InMemoryCall<TRequest, TResponse> call, string? host)
    {
        var path = call.Method.FullName;
        if (call.End.IsSet)
            call.FinishAfterMessages(call.End.Status, null);
        else if (server.Find(path) is { } method)
            _ = method.ServeAsync(new InMemoryServerCall<TRequest, TResponse>(server, method, call, host ?? "inmemory"));
        else
            call.FinishAfterMessages(server.StatusOfUnknown(path), null);
    }
}
