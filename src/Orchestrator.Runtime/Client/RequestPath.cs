using System.Globalization;
using System.Text;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Client;

/// <summary>Builds the path and the query of a request.</summary>
internal sealed class RequestPath
{
    private readonly StringBuilder _text;
    private char _separator = '?';

    /// <param name="ns">Empty for cluster-wide resources and for all namespaces.</param>
    public RequestPath(ResourceDescription resource, string ns, string? name = null, string? subresource = null)
    {
        _text = new StringBuilder(resource.Group.Length == 0 ? "/api/" : "/apis/", 128);
        if (resource.Group.Length > 0)
            _text.Append(resource.Group).Append('/');
        _text.Append(resource.Version);
        if (resource.IsNamespaced && ns.Length > 0)
            _text.Append("/namespaces/").Append(Uri.EscapeDataString(ns));
        _text.Append('/').Append(resource.Plural);
        if (!string.IsNullOrEmpty(name))
            _text.Append('/').Append(Uri.EscapeDataString(name));
        if (!string.IsNullOrEmpty(subresource))
            _text.Append('/').Append(subresource);
    }

    public RequestPath With(string parameter, string? value)
    {
        if (string.IsNullOrEmpty(value))
            return this;
        _text.Append(_separator).Append(parameter).Append('=').Append(Uri.EscapeDataString(value));
        _separator = '&';
        return this;
    }

    public RequestPath With(string parameter, long? value) =>
        With(parameter, value?.ToString(CultureInfo.InvariantCulture));

    public RequestPath With(string parameter, bool value) => value ? With(parameter, "true") : this;

    public override string ToString() => _text.ToString();
}
