using Google.Protobuf.Reflection;

namespace KvStore.Grpc;

/// <summary>One method of a service, as a client calls it.</summary>
public sealed class Method<TRequest, TResponse>(
    MethodType type,
    string serviceName,
    string name,
    Marshaller<TRequest> requestMarshaller,
    Marshaller<TResponse> responseMarshaller)
{
    public MethodType Type => type;

    /// <summary>The service with its package: "etcdserverpb.KV".</summary>
    public string ServiceName => serviceName;

    public string Name => name;

    /// <summary>The path on the wire: "/etcdserverpb.KV/Put".</summary>
    public string FullName { get; } = $"/{serviceName}/{name}";

    public Marshaller<TRequest> RequestMarshaller => requestMarshaller;

    public Marshaller<TResponse> ResponseMarshaller => responseMarshaller;
}

public static class MethodDescriptors
{
    /// <summary>The method behind a generated descriptor: <c>kv.Method&lt;PutRequest, PutResponse&gt;("Put")</c>.</summary>
    /// <exception cref="ArgumentException">The service has no such method, or it takes other messages.</exception>
    public static Method<TRequest, TResponse> Method<TRequest, TResponse>(this ServiceDescriptor service, string name)
    {
        var method = service.FindMethod(name);
        return new Method<TRequest, TResponse>(
            method.MethodType(), service.FullName, name,
            Marshallers.For<TRequest>(method.InputType), Marshallers.For<TResponse>(method.OutputType));
    }

    internal static MethodDescriptor FindMethod(this ServiceDescriptor service, string name) =>
        service.FindMethodByName(name)
        ?? throw new ArgumentException($"the service {service.FullName} has no method {name}", nameof(name));

    internal static MethodType MethodType(this MethodDescriptor method) =>
        (method.IsClientStreaming, method.IsServerStreaming) switch
        {
            (false, false) => Grpc.MethodType.Unary,
            (true, false) => Grpc.MethodType.ClientStreaming,
            (false, true) => Grpc.MethodType.ServerStreaming,
            (true, true) => Grpc.MethodType.DuplexStreaming,
        };
}
