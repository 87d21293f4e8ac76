using System.Globalization;
using System.Net;
using System.Net.Sockets;
using KvStore.Server.Bench.Load;

namespace KvStore.Server.Bench;

/// <summary>Reads <c>--endpoints</c> as etcdctl does: <c>host:port</c> or <c>http://host:port</c>, separated by commas.</summary>
internal static class EndpointParser
{
    /// <exception cref="LoadException">An endpoint that cannot be used, or that must not be put under load.</exception>
    public static IReadOnlyList<IPEndPoint> Parse(string endpoints, bool allowsRemote)
    {
        string[] texts = endpoints.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (texts.Length == 0)
            throw new LoadException("--endpoints names no endpoint.");
        return [.. texts.Select(text => ParseOne(text, allowsRemote))];
    }

    private static IPEndPoint ParseOne(string text, bool allowsRemote)
    {
        if (text.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
            throw new LoadException(
                $"{text}: the load generator speaks no TLS; give the server a plain http:// client URL for it.");
        string address =
            text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? text["http://".Length..].TrimEnd('/') : text;
        int colon = address.LastIndexOf(':');
        string digits = address[(colon + 1)..];
        if (colon <= 0 || !ushort.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
            throw new LoadException($"'{text}' is no endpoint: write host:port, 127.0.0.1:2379 say.");
        var ip = Resolve(address[..colon].Trim('[', ']'));
        if (!IPAddress.IsLoopback(ip) && !allowsRemote)
            throw new LoadException(
                $"{text} is not on this machine: a load can stop a server from serving others. Add --allow-remote if that is " +
                "meant.");
        return new IPEndPoint(ip, port);
    }

    private static IPAddress Resolve(string host)
    {
        if (IPAddress.TryParse(host, out var ip))
            return ip;
        if (host == "localhost")
            return IPAddress.Loopback;
        try
        {
            return Dns.GetHostAddresses(host)[0];
        }
        catch (SocketException unknown)
        {
            throw new LoadException($"'{host}' cannot be resolved: {unknown.Message}", unknown);
        }
    }
}
