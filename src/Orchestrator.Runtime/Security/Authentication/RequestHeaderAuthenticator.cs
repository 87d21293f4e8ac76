using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Authentication;

/// <summary>Users as a proxy in front names them in headers. The proxy is believed by its certificate, which an authority of its own
/// signs: no client's certificate lets anybody speak for others.</summary>
/// <param name="proxies">Judges certificates of the authority for such proxies.</param>
internal sealed class RequestHeaderAuthenticator(CertificateAuthenticator proxies)
{
    public const string AllowedName = "front-proxy-client";
    public const string UserHeader = "X-Remote-User";
    public const string UidHeader = "X-Remote-Uid";
    public const string GroupHeader = "X-Remote-Group";
    public const string ExtraPrefix = "X-Remote-Extra-";

    /// <returns>Null where no proxy speaks for anybody.</returns>
    /// <remarks>The headers go no further: nobody behind may take them for somebody else's word.</remarks>
    public UserInfo? Authenticate(HttpContext context)
    {
        var headers = context.Request.Headers;
        string user = headers[UserHeader].ToString();
        bool isByProxy = user.Length > 0 && context.Connection.ClientCertificate is { } certificate
            && proxies.Authenticate(certificate) is { Name: AllowedName };
        if (!isByProxy)
            return null;
        var groups = headers[GroupHeader].Where(group => !string.IsNullOrEmpty(group)).Select(group => group!).ToList();
        var named = new UserInfo(user, headers[UidHeader].ToString(), groups, ExtraOf(headers));
        foreach (string header in headers.Keys.Where(IsOurs).ToList())
            headers.Remove(header);
        return named;
    }

    private static bool IsOurs(string header) => header.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase)
        || header.Equals(UserHeader, StringComparison.OrdinalIgnoreCase) || header.Equals(UidHeader, StringComparison.OrdinalIgnoreCase)
        || header.Equals(GroupHeader, StringComparison.OrdinalIgnoreCase);

    /// <summary>Header names are not case-sensitive: keys come in lower case, with what a header cannot hold percent-encoded.</summary>
    private static SortedDictionary<string, IReadOnlyList<string>> ExtraOf(IHeaderDictionary headers)
    {
        var extra = new SortedDictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (header, values) in headers)
        {
            if (header.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase))
                extra[Uri.UnescapeDataString(header[ExtraPrefix.Length..].ToLowerInvariant())] = [.. values.Select(value => value ?? "")];
        }
        return extra;
    }
}
