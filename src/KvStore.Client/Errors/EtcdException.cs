using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>A call that failed for certain: refused by the server, or never sent to one. It has changed nothing.</summary>
/// <remarks>A read that found no server to answer it in time ends so too, with Unavailable or DeadlineExceeded.</remarks>
public class EtcdException : Exception
{
    public EtcdException(StatusCode code, string text, string? endpoint = null, Exception? cause = null)
        : base(endpoint is null ? $"{text} ({code})" : $"{text} ({code}, {endpoint})", cause) =>
        (Code, Text, Endpoint) = (code, text, endpoint);

    public StatusCode Code { get; }

    /// <summary>The server's words, such as <see cref="EtcdErrors.LeaseNotFound"/>: clients tell refusals by them.</summary>
    public string Text { get; }

    /// <summary>Who refused; null if nobody was reached.</summary>
    public string? Endpoint { get; }

    /// <param name="text">One of <see cref="EtcdErrors"/>.</param>
    public bool Is(string text) => Text == text;
}
