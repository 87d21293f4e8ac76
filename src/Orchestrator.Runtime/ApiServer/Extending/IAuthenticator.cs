using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>Finds out who makes a request: certificate, bearer token, impersonation headers.</summary>
public interface IAuthenticator
{
    /// <returns>Null refuses with 401; who lets anonymous requests pass returns <see cref="UserInfo.Anonymous"/>.</returns>
    /// <exception cref="Api.ApiException">Refuses with this Status: an impersonation that is not allowed, say.</exception>
    ValueTask<UserInfo?> AuthenticateAsync(HttpContext context, CancellationToken cancellationToken);
}
