using System.Collections.Frozen;

namespace KvStore.Grpc;

/// <summary>The services that are served together. <see cref="GrpcHost"/> puts them on the network,
/// an in-memory channel calls them from the same process.</summary>
public sealed class GrpcServer
{
    private readonly FrozenDictionary<string, ServerMethod> _methods;
    private readonly FrozenSet<string> _services;
    private readonly CancellationTokenSource _stopping = new();

    public GrpcServer(IEnumerable<GrpcServiceBinder> services, GrpcServerOptions? options = null)
    {
        var bound = services.ToList();
        Options = options ?? new GrpcServerOptions();
        _services = bound.Select(service => service.Service.FullName).ToFrozenSet(StringComparer.Ordinal);
        if (_services.Count != bound.Count)
            throw new ArgumentException("a service is bound twice: use one GrpcServiceBinder a service", nameof(services));
        _methods = bound.SelectMany(service => service.Methods)
            .ToFrozenDictionary(method => method.FullName, StringComparer.Ordinal);
    }

    public GrpcServerOptions Options { get; }

    /// <summary>Cancelled once streams are to end.</summary>
    internal CancellationToken Stopping => _stopping.Token;

    /// <summary>Ends all streams, also new ones, with <see cref="GrpcServerOptions.ShutdownStatus"/>; unary calls go on.</summary>
    /// <remarks>A <see cref="GrpcHost"/> does so when it stops.</remarks>
    public void EndStreams() => _stopping.Cancel();

    internal ServerMethod? Find(string path) => _methods.GetValueOrDefault(path);

    /// <summary>Why <see cref="Find"/> found nothing, in grpc-go's words.</summary>
    internal Status StatusOfUnknown(string path)
    {
        var slash = path.LastIndexOf('/');
        if (slash < 1)
            return new Status(StatusCode.Unimplemented, $"malformed method name: \"{path}\"");
        var service = path[1..slash];
        return new Status(StatusCode.Unimplemented, _services.Contains(service)
            ? $"unknown method {path[(slash + 1)..]} for service {service}"
            : $"unknown service {service}");
    }
}
