using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace KvStore.Server.Http;

/// <summary>
/// Which host names a request without TLS may ask for (--host-whitelist): a web page whose own name suddenly leads here (DNS
/// rebinding, CVE-2018-5702) asks for that name, and is refused.
/// </summary>
internal sealed class HostPolicy(IReadOnlyList<string> allowed)
{
    private readonly FrozenSet<string> _allowed = allowed.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public bool Allows(HttpRequest request) =>
        _allowed.Count == 0 || request.IsHttps || _allowed.Contains(request.Host.Host.Trim('[', ']'));

    public static Task RefuseAsync(HttpContext context) =>
        HttpAnswer.WriteErrorAsync(
            context, 421,
            $"The host name of this request, \"{context.Request.Host.Host}\", is not one that this server is known by.\n"
            + "Name it in --host-whitelist, or serve clients with TLS.");
}
