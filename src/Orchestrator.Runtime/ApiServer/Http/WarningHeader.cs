using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>RFC 7234's Warning header, as Kubernetes' clients show it: <c>299 - "text"</c>.</summary>
internal static class WarningHeader
{
    public static void Add(HttpResponse response, string text) =>
        response.Headers.Warning = StringValues.Concat(response.Headers.Warning, Of(text));

    internal static string Of(string text)
    {
        var header = new StringBuilder("299 - \"");
        foreach (char letter in text)
        {
            if (letter is '"' or '\\')
                header.Append('\\');
            // Headers are ASCII here; control characters would end them.
            header.Append(letter is < ' ' or > '~' ? ' ' : letter);
        }

        return header.Append('"').ToString();
    }
}
