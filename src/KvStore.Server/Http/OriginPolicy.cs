using Microsoft.AspNetCore.Http;

namespace KvStore.Server.Http;

/// <summary>Which web pages may call, by the headers of cross-origin resource sharing (--cors).</summary>
internal sealed class OriginPolicy(IReadOnlyList<string> allowed)
{
    private const string Any = "*";

    private readonly string[] _allowed = [.. allowed.Select(origin => origin.TrimEnd('/'))];

    /// <returns>Whether there is more to answer: a browser's question (OPTIONS) is answered by the headers alone.</returns>
    public bool Apply(HttpContext context)
    {
        string origin = context.Request.Headers.Origin.ToString();
        if (_allowed.Length == 0)
            Allow(context.Response.Headers, Any);
        else if (_allowed.Contains(origin, StringComparer.OrdinalIgnoreCase))
            Allow(context.Response.Headers, origin);
        if (_allowed.Length > 0)
            context.Response.Headers.Vary = "Origin";
        if (!HttpMethods.IsOptions(context.Request.Method))
            return true;
        context.Response.StatusCode = 200;
        context.Response.ContentLength = 0;
        return false;
    }

    private static void Allow(IHeaderDictionary headers, string origin)
    {
        headers.AccessControlAllowMethods = "POST, GET, OPTIONS, PUT, DELETE";
        headers.AccessControlAllowOrigin = origin;
        headers.AccessControlAllowHeaders = "accept, content-type, authorization";
    }
}
