namespace KvStore.Client;

/// <summary>For calls that end when others let them.</summary>
internal static class Waiting
{
    public static RequestOptions AsLongAsItTakes(RequestOptions? options) =>
        (options ?? new RequestOptions()) with { Timeout = options?.Timeout ?? Timeout.InfiniteTimeSpan };
}
