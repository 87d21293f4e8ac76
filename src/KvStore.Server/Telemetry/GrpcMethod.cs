using Google.Protobuf.Reflection;

namespace KvStore.Server.Telemetry;

/// <summary>An RPC as metrics name it.</summary>
/// <param name="Service">With its package: <c>etcdserverpb.KV</c>.</param>
public sealed record GrpcMethod(string Service, string Name, string Kind)
{
    /// <summary><c>/etcdserverpb.KV/Range</c>.</summary>
    public string Path => $"/{Service}/{Name}";

    public static IReadOnlyList<GrpcMethod> AllOf(IEnumerable<FileDescriptor> files) =>
        [.. files.SelectMany(file => file.Services).SelectMany(service => service.Methods, (service, method) =>
            new GrpcMethod(service.FullName, method.Name, KindOf(method)))];

    private static string KindOf(MethodDescriptor method) => (method.IsClientStreaming, method.IsServerStreaming) switch
    {
        (true, true) => "bidi_stream",
        (true, false) => "client_stream",
        (false, true) => "server_stream",
        (false, false) => "unary",
    };
}
