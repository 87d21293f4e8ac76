namespace Orchestrator.Runtime.Client;

/// <summary>What carries requests to an API server: HTTP in production, an in-memory server in simulations.</summary>
public interface IApiTransport
{
    /// <summary>Sends one request and reads the whole answer, whatever its status.</summary>
    /// <exception cref="TransportException">No answer came; whether the server has acted is unknown.</exception>
    Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation);

    /// <summary>Sends a request whose answer is an endless stream of lines (a watch), and returns once its status is known.</summary>
    /// <exception cref="TransportException">No answer came.</exception>
    Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation);
}
