namespace KvStore.Client;

/// <summary>A write was sent and no answer came: it may have been done, may be done later, or never.</summary>
/// <remarks>The cause is the inner exception. Who must know reads the store; who repeats the write must bear its being done
/// twice (a transaction that compares the key's ModRevision is the usual way).</remarks>
public sealed class UnknownOutcomeException(string method, string endpoint, Exception cause)
    : Exception($"{method} was sent to {endpoint}, whether it was done is unknown: {cause.Message}", cause)
{
    /// <summary>The method's full name: "/etcdserverpb.KV/Put".</summary>
    public string Method => method;

    public string Endpoint => endpoint;
}
