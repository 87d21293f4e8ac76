namespace Orchestrator.Runtime.Client;

/// <summary>Another's connections, used for one user: thousands of users can share few connections so.</summary>
internal sealed class ImpersonatingTransport(IApiTransport transport, ActingUser user) : IApiTransport
{
    public Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation) =>
        transport.SendAsync(request with { ActingFor = user }, cancellation);

    public Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation) =>
        transport.OpenAsync(request with { ActingFor = user }, cancellation);
}
