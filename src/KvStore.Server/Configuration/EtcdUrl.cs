using System.Globalization;
using System.Net;

namespace KvStore.Server.Configuration;

/// <summary>An address to listen on or to advertise: <c>http://127.0.0.1:2379</c>, <c>unix:///run/kv.sock</c>.</summary>
/// <remarks>The texts of its errors are etcd's, which scripts and tests compare.</remarks>
public sealed record EtcdUrl
{
    private EtcdUrl(string scheme, string host, int port, string socketPath)
    {
        Scheme = scheme;
        Host = host;
        Port = port;
        SocketPath = socketPath;
    }

    /// <summary>http, https, unix or unixs.</summary>
    public string Scheme { get; }

    /// <summary>Address or name without brackets and port; empty for "all addresses" and for sockets.</summary>
    public string Host { get; }

    /// <summary>0 lets the system pick one.</summary>
    public int Port { get; }

    /// <summary>File of a Unix socket: host and path of the URL together, as etcd does it; else empty.</summary>
    public string SocketPath { get; }

    public bool IsUnixSocket => Scheme is "unix" or "unixs";

    /// <summary>Traffic is encrypted.</summary>
    public bool IsSecure => Scheme is "https" or "unixs";

    /// <summary>Host and port as they stand in a URL; the file of a socket.</summary>
    public string Address => IsUnixSocket
        ? SocketPath
        : string.Create(CultureInfo.InvariantCulture, $"{(Host.Contains(':') ? $"[{Host}]" : Host)}:{Port}");

    /// <summary>The same with the port that the system picked.</summary>
    public EtcdUrl WithPort(int port) => new(Scheme, Host, port, SocketPath);

    public override string ToString() => $"{Scheme}://{Address}";

    /// <summary>Where to bind: all addresses for an empty or unspecified host.</summary>
    /// <exception cref="ConfigurationException">The host is a name, which might mean any address.</exception>
    public IPAddress BindAddress()
    {
        if (Host == "localhost")
            return IPAddress.Loopback;
        // .NET also reads "1" and "127.1" as addresses; Go, and so etcd, does not.
        bool isWritten = Host.Contains(':') || Host.Count(c => c == '.') == 3;
        if (isWritten && IPAddress.TryParse(Host, out IPAddress? address))
            return address;
        throw new ConfigurationException($"expected IP in URL for binding ({this})");
    }

    /// <exception cref="FormatException">With etcd's text.</exception>
    public static EtcdUrl Parse(string text)
    {
        string trimmed = text.Trim();
        int separator = trimmed.IndexOf("://", StringComparison.Ordinal);
        string scheme = separator < 0 ? "" : trimmed[..separator].ToLowerInvariant();
        if (scheme is not ("http" or "https" or "unix" or "unixs"))
            throw new FormatException($"URL scheme must be http, https, unix, or unixs: {trimmed}");
        string rest = trimmed[(separator + 3)..];
        return scheme is "unix" or "unixs" ? ParseSocket(scheme, rest, trimmed) : ParseHostPort(scheme, rest, trimmed);
    }

    private static EtcdUrl ParseSocket(string scheme, string rest, string text)
    {
        if (rest.Length == 0)
            throw new FormatException($"URL must name the file of a socket: {text}");
        return new EtcdUrl(scheme, "", 0, rest);
    }

    private static EtcdUrl ParseHostPort(string scheme, string rest, string text)
    {
        int slash = rest.IndexOfAny(['/', '?', '#']);
        string authority = slash < 0 ? rest : rest[..slash];
        int colon = authority.LastIndexOf(':');
        string host = colon < 0 ? "" : authority[..colon];
        bool isBracketed = host.StartsWith('[') && host.EndsWith(']');
        if (colon < 0 || (!isBracketed && host.Contains(':')) || host.Contains('@'))
            throw new FormatException($"URL address does not have the form \"host:port\": {text}");
        if (slash >= 0)
            throw new FormatException($"URL must not contain a path: {text}");
        if (!ushort.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
            throw new FormatException($"URL must have a port from 0 to 65535: {text}");
        return new EtcdUrl(scheme, isBracketed ? host[1..^1] : host, port, "");
    }

    /// <summary>Comma-separated URLs, each once, in the order of their text (as etcd keeps them).</summary>
    /// <exception cref="FormatException">With etcd's text.</exception>
    public static IReadOnlyList<EtcdUrl> ParseList(string text) =>
        [.. text.Split(',').Select(Parse).Distinct().OrderBy(url => url.ToString(), StringComparer.Ordinal)];
}
