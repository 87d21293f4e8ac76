namespace Orchestrator.Runtime.Client;

/// <summary>An answer that is read line by line.</summary>
public interface IApiStream : IAsyncDisposable
{
    int StatusCode { get; }

    TimeSpan? RetryAfter { get; }

    /// <summary>The next line without its end, or null after the last. The bytes are the caller's until the next call.</summary>
    /// <exception cref="TransportException">The connection broke.</exception>
    ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation);
}
