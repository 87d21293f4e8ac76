using System.Security.Cryptography.X509Certificates;

namespace KvStore.Grpc;

/// <summary>What a handler may know of its call, and say beside its messages. Valid until the handler's task ends.</summary>
public abstract class ServerCallContext
{
    private Dictionary<object, object>? _userState;
    private Metadata? _responseTrailers;

    /// <summary>The path of the method: "/etcdserverpb.KV/Put".</summary>
    public abstract string Method { get; }

    public abstract string Host { get; }

    /// <summary>The caller's address as gRPC writes it: "ipv4:127.0.0.1:4711", "unix:" or "inmemory".</summary>
    public abstract string Peer { get; }

    /// <summary>The instant (UTC) at which the client gives up; <see cref="DateTime.MaxValue"/> where it set none.</summary>
    public abstract DateTime Deadline { get; }

    public abstract Metadata RequestHeaders { get; }

    /// <summary>Cancelled when nobody waits for the result any more: the client cancelled or is gone, the deadline has passed,
    /// or (streams only) the server shuts down.</summary>
    public abstract CancellationToken CancellationToken { get; }

    /// <summary>The certificate that the client proved to own in the TLS handshake.</summary>
    public abstract X509Certificate2? ClientCertificate { get; }

    /// <summary>The request as it came over the wire (after decompression), in an array of its own size.</summary>
    /// <exception cref="InvalidOperationException">The method was bound without <c>keepRequestBytes</c>.</exception>
    public abstract ReadOnlyMemory<byte> RequestBytes { get; }

    /// <summary>Sent after the last message, beside the status.</summary>
    public Metadata ResponseTrailers => _responseTrailers ??= [];

    /// <summary>What the call ends with when the handler returns. A unary call that is not OK sends no response.</summary>
    public Status Status { get; set; } = Status.DefaultSuccess;

    /// <summary>Holds for the call's messages, until a stream writer sets its own.</summary>
    public WriteOptions? WriteOptions { get; set; }

    /// <summary>For those around a handler (interceptors, authentication) to hand it something.</summary>
    public IDictionary<object, object> UserState => _userState ??= [];

    internal Metadata? ResponseTrailersOrNull => _responseTrailers;

    /// <summary>One request header by name, without building <see cref="RequestHeaders"/>; null where there is none.</summary>
    public abstract string? GetRequestHeader(string key);

    /// <summary>Sends the headers now, with these added. A stream's leave by themselves when its handler first waits.</summary>
    /// <exception cref="InvalidOperationException">They have been sent.</exception>
    public abstract Task WriteResponseHeadersAsync(Metadata responseHeaders);

    /// <summary>Sends the headers if they have not been sent: a stream's client waits for them.</summary>
    internal abstract Task EnsureHeadersSentAsync();
}
