namespace KvStore.Grpc;

/// <summary>The incoming messages of a call. One reader at a time.</summary>
public interface IAsyncStreamReader<out T>
{
    /// <summary>The message that the last <see cref="MoveNext"/> brought.</summary>
    T Current { get; }

    /// <returns>False when the other side has ended its messages.</returns>
    /// <exception cref="OperationCanceledException">On a server: the call was cancelled, in whatever shape.</exception>
    /// <exception cref="RpcException">On a client: the call ended with an error. On a server: the message is broken.</exception>
    Task<bool> MoveNext(CancellationToken cancellationToken);
}

public static class AsyncStreamReaders
{
    public static Task<bool> MoveNext<T>(this IAsyncStreamReader<T> reader) => reader.MoveNext(CancellationToken.None);

    public static async IAsyncEnumerable<T> ReadAllAsync<T>(
        this IAsyncStreamReader<T> reader,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await reader.MoveNext(cancellationToken).ConfigureAwait(false))
            yield return reader.Current;
    }
}
