using System.Net;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Dns;

/// <summary>What a host's own resolver asks.</summary>
/// <param name="Upstreams">For a name server on this host: a stub of the host's may be among them where nothing else is known.</param>
/// <param name="ForPods">For pods with the host's names (<c>dnsPolicy: Default</c>): without servers at the loopback, which is each
/// pod's own.</param>
public sealed record HostResolvers(IReadOnlyList<IPEndPoint> Upstreams, DnsConfig ForPods)
{
    public const string DefaultPath = "/etc/resolv.conf";

    /// <summary>Where systemd-resolved writes the servers that it asks, while resolv.conf names only itself (127.0.0.53).</summary>
    public const string ResolvedPath = "/run/systemd/resolve/resolv.conf";

    private const int Port = 53;

    /// <summary>Reads the host's file; one that is not there is as good as an empty one.</summary>
    public static HostResolvers Read(string path = DefaultPath, string resolvedPath = ResolvedPath)
    {
        DnsConfig config = ParseFile(path);
        if (config.Servers.Count > 0 && config.Servers.All(IsLoopback))
        {
            DnsConfig real = ParseFile(resolvedPath);
            if (real.Servers.Any(server => !IsLoopback(server)))
                config = real;
        }
        return new HostResolvers(
            [.. config.Servers.Select(server => new IPEndPoint(IPAddress.Parse(server), Port))],
            config with { Servers = [.. config.Servers.Where(server => !IsLoopback(server))] });
    }

    /// <summary>Reads the lines of a resolv.conf as resolvers do: the last of <c>search</c> and <c>domain</c> holds, other words are
    /// passed over.</summary>
    public static DnsConfig Parse(string text)
    {
        List<string> servers = [], searches = [], options = [];
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || words[0][0] is '#' or ';')
                continue;
            switch (words[0])
            {
                case "nameserver" when IPAddress.TryParse(words[1], out _):
                    servers.Add(words[1]);
                    break;
                case "search":
                    searches = [.. words[1..].Select(WithoutDot)];
                    break;
                case "domain":
                    searches = [WithoutDot(words[1])];
                    break;
                case "options":
                    options.AddRange(words[1..]);
                    break;
            }
        }
        return new DnsConfig(servers, searches, options);
    }

    private static string WithoutDot(string domain) => domain.Length > 1 ? domain.TrimEnd('.') : domain;

    private static DnsConfig ParseFile(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return new DnsConfig([], [], []);
        }
    }

    private static bool IsLoopback(string server) => IPAddress.IsLoopback(IPAddress.Parse(server));
}
