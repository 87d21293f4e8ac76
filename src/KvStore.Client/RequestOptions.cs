namespace KvStore.Client;

/// <summary>What one call wants different from its client's <see cref="ClientOptions"/>.</summary>
public sealed record RequestOptions
{
    /// <summary>For the call with all its attempts; null takes the client's, infinite never gives up.</summary>
    public TimeSpan? Timeout { get; init; }

    public bool? RequireLeader { get; init; }

    /// <summary>Calls this endpoint, once and whatever its health: for what concerns one member. Null takes any.</summary>
    /// <remarks>One of <see cref="EtcdClient.Endpoints"/>.</remarks>
    public string? Endpoint { get; init; }

    /// <summary>For calls that end when others let them.</summary>
    internal static RequestOptions WithoutTimeout(RequestOptions? options) => (options ?? new RequestOptions()) with
    {
        Timeout = options?.Timeout ?? System.Threading.Timeout.InfiniteTimeSpan,
    };
}
