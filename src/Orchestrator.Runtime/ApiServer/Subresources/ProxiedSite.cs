using System.Text;
using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>A server that is reached under a path of this one and does not know it: where its pages, redirects and cookies name its
/// own paths, they are to lead to the same place behind the path.</summary>
/// <param name="target">Its address; what names another server is left alone.</param>
/// <param name="prefix">The path; without a slash at its end.</param>
internal sealed class ProxiedSite(Uri target, string prefix)
{
    /// <summary>Changes what is about to be answered to a request for the site.</summary>
    public ProxiedBody Attach(HttpContext http)
    {
        var body = new ProxiedBody(http.Response, this);
        http.Response.OnStarting(() =>
        {
            var headers = http.Response.Headers;
            if (headers.Location.ToString() is { Length: > 0 } location)
                headers.Location = Redirect(location);
            if (headers.SetCookie.Count > 0)
                headers.SetCookie = headers.SetCookie.Select(cookie => Cookie(cookie ?? "")).ToArray();
            body.Begin();
            return Task.CompletedTask;
        });
        http.Response.Body = body;
        return body;
    }

    /// <summary>Tells the site under which address it was asked for.</summary>
    public static void Announce(HttpRequest request)
    {
        request.Headers["X-Forwarded-Uri"] = request.Path.ToUriComponent();
        request.Headers["X-Forwarded-Host"] = request.Host.ToUriComponent();
        request.Headers["X-Forwarded-Proto"] = request.Scheme;
    }

    /// <summary>An address in a page: only one that begins at the site's root has to be changed.</summary>
    public string Link(string address)
    {
        string path = address;
        if (path.StartsWith("//", StringComparison.Ordinal))
            path = Below(path, 2);
        else if (path.StartsWith(target.Scheme + "://", StringComparison.OrdinalIgnoreCase))
            path = Below(path, target.Scheme.Length + 3);
        bool isRooted = path.StartsWith('/') && !path.StartsWith("//", StringComparison.Ordinal);
        if (!isRooted)
            return address;
        return IsInside(path) ? path : prefix + path;
    }

    /// <summary>The path of an address of this server; the address itself if it is another's.</summary>
    private string Below(string address, int start)
    {
        int end = address.IndexOfAny(['/', '?', '#'], start);
        string authority = end < 0 ? address[start..] : address[start..end];
        if (!authority.Equals(target.Authority, StringComparison.OrdinalIgnoreCase))
            return address;
        string rest = end < 0 ? "" : address[end..];
        return rest.StartsWith('/') ? rest : "/" + rest;
    }

    private bool IsInside(string path) =>
        path.StartsWith(prefix, StringComparison.Ordinal) && (path.Length == prefix.Length || path[prefix.Length] is '/' or '?' or '#');

    /// <summary>Against the page that was asked for, as browsers read it.</summary>
    private string Redirect(string location) =>
        Uri.TryCreate(target, location, out var next) && next.Authority == target.Authority
            ? IsInside(next.PathAndQuery) ? next.PathAndQuery + next.Fragment : prefix + next.PathAndQuery + next.Fragment
            : location;

    /// <summary>A cookie of this site is sent to this site alone, and not to the others behind this server.</summary>
    private string Cookie(string cookie)
    {
        var kept = new StringBuilder();
        foreach (string part in cookie.Split(';'))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string name = (equals < 0 ? part : part[..equals]).Trim();
            if (kept.Length > 0 && name.Equals("Domain", StringComparison.OrdinalIgnoreCase))
                continue;
            bool isPath = kept.Length > 0 && equals > 0 && name.Equals("Path", StringComparison.OrdinalIgnoreCase);
            kept.Append(kept.Length == 0 ? "" : ";").Append(isPath ? $" Path={Link(part[(equals + 1)..].Trim())}" : part);
        }
        return kept.ToString();
    }
}
