using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Runtime.Client;

/// <summary>A transport whose connections are made anew when its owner has a new certificate: a connection is judged by the one that it began with.</summary>
/// <remarks>New requests go over the new connections at once; what is under way has a grace, then streams break and are opened anew by their readers.</remarks>
/// <param name="make">Makes connections that show a certificate.</param>
public sealed class RenewableTransport(Func<X509Certificate2, IApiTransport> make, X509Certificate2 certificate, TimeProvider clock) : IApiTransport, IDisposable
{
    /// <summary>A little more than a request may take.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(70);

    private readonly CancellationTokenSource _stopping = new();
    private Generation _current = new(make(certificate));

    public void Renew(X509Certificate2 renewed)
    {
        var former = Interlocked.Exchange(ref _current, new Generation(make(renewed)));
        _ = RetireAsync(former);
    }

    public Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation) => Volatile.Read(ref _current).Transport.SendAsync(request, cancellation);

    public async Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation)
    {
        var generation = Volatile.Read(ref _current);
        return new GenerationStream(await generation.Transport.OpenAsync(request, cancellation), generation.Ending);
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _current.End();
    }

    private async Task RetireAsync(Generation generation)
    {
        await Task.Delay(Grace, clock, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        generation.End();
    }

    private sealed class Generation(IApiTransport transport)
    {
        private readonly CancellationTokenSource _ending = new();

        public IApiTransport Transport => transport;

        public CancellationToken Ending => _ending.Token;

        public void End()
        {
            _ending.Cancel();
            (transport as IDisposable)?.Dispose();
        }
    }

    private sealed class GenerationStream(IApiStream stream, CancellationToken ending) : IApiStream
    {
        public int StatusCode => stream.StatusCode;

        public TimeSpan? RetryAfter => stream.RetryAfter;

        public async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation)
        {
            using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, ending);
            try
            {
                return await stream.ReadLineAsync(both.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new TransportException("the connection was closed: there is a new certificate", null);
            }
        }

        public ValueTask DisposeAsync() => stream.DisposeAsync();
    }
}
