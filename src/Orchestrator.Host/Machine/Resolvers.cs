using System.Net;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Host.Machine;

/// <summary>The name servers that a machine asks, as its pods can ask them too.</summary>
internal static class Resolvers
{
    private const string Own = "/etc/resolv.conf";

    /// <summary>Where systemd's resolver names the real ones: its own address is that of the machine's loopback, which pods do not have.</summary>
    private const string BehindStub = "/run/systemd/resolve/resolv.conf";

    public static DnsConfig OfMachine()
    {
        DnsConfig own = Parse(Read(Own));
        return own.Servers.Count > 0 && own.Servers.All(IsLoopback) && Parse(Read(BehindStub)) is { Servers.Count: > 0 } behind ? behind : own;
    }

    internal static DnsConfig Parse(string text)
    {
        List<string> servers = [], searches = [], options = [];
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["nameserver", var server, ..]:
                    servers.Add(server);
                    break;
                case ["search", .. var names]:
                    searches = [.. names]; // The last one counts.
                    break;
                case ["options", .. var given]:
                    options.AddRange(given);
                    break;
            }
        }
        return new DnsConfig(servers, searches, options);
    }

    private static bool IsLoopback(string server) => IPAddress.TryParse(server, out var address) && IPAddress.IsLoopback(address);

    private static string Read(string file) => File.Exists(file) ? File.ReadAllText(file) : "";
}
