namespace KvStore.Grpc;

/// <summary>What a caller wants for one call.</summary>
/// <param name="Deadline">The instant (UTC) at which the caller gives up; null waits as long as it takes.</param>
public readonly record struct CallOptions(
    Metadata? Headers = null,
    DateTime? Deadline = null,
    CancellationToken CancellationToken = default,
    WriteOptions? WriteOptions = null)
{
    /// <summary>Compress the request messages; a server that does so answers in kind.</summary>
    public bool UseGzip { get; init; }

    public CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    public CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    public CallOptions WithCancellationToken(CancellationToken cancellationToken) =>
        this with { CancellationToken = cancellationToken };

    public CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { WriteOptions = writeOptions };
}
