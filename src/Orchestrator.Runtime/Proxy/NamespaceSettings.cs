using Microsoft.Extensions.Logging;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Proxy;

/// <summary>What services need of a network namespace beside rules: forwarding, bridges that ask the rules, a route.</summary>
internal sealed class NamespaceSettings(NetworkNamespace? network, IReadOnlyList<string> serviceCidrs, ILogger log)
{
    // Marks our routes, so that they are found again.
    private const string RouteProtocol = "177";

    // Between pods of one bridge an answer would go its short way without being translated back, where bridges do not ask.
    private static readonly string[] BridgeSettings = ["bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"];

    private readonly NamespaceCommand _command = new(network);
    private bool _hasWarned;

    /// <exception cref="ServiceProxyException">Something cannot be set.</exception>
    public async Task EnsureAsync()
    {
        try
        {
            if (!await InNamespaceAsync(() => File.Exists(PathOf(BridgeSettings[0]))))
                await LoadBridgeFilterAsync();
            await InNamespaceAsync(() => SetAll(serviceCidrs.Any(cidr => IpFamilies.OfRange(cidr) == IpFamily.IPv6)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServiceProxyException($"the network namespace cannot be set up: {e.Message}");
        }
        foreach (string cidr in serviceCidrs)
            await EnsureRouteAsync(cidr);
    }

    public async Task RemoveAsync()
    {
        foreach (string cidr in serviceCidrs)
            await _command.RunAsync("ip", [Version(cidr), "route", "flush", "exact", cidr, "protocol", RouteProtocol]);
    }

    /// <summary>Where bridges cannot ask the rules yet, they can once a module of the kernel is there; whether it can be had is
    /// seen afterwards.</summary>
    private async Task LoadBridgeFilterAsync()
    {
        try
        {
            await _command.RunAsync("modprobe", ["br_netfilter"]);
        }
        catch (ServiceProxyException)
        {
            // A machine without modules has it built in or not at all.
        }
    }

    private bool SetAll(bool hasIPv6)
    {
        Set("ipv4/ip_forward");
        if (hasIPv6)
            Set("ipv6/conf/all/forwarding");
        foreach (string setting in BridgeSettings)
        {
            if (File.Exists(PathOf(setting)))
                Set(setting);
            else if (!_hasWarned)
            {
                _hasWarned = true;
                log.LogWarning("{Path} is missing: pods of one bridge may not reach services (modprobe br_netfilter)", PathOf(setting));
            }
        }
        return true;
    }

    private static void Set(string setting)
    {
        // Written only where it differs: a namespace may have its settings read-only, and right.
        if (File.ReadAllText(PathOf(setting)).Trim() != "1")
            File.WriteAllText(PathOf(setting), "1");
    }

    private static string PathOf(string setting) => "/proc/sys/net/" + setting;

    /// <summary>A packet is routed before its destination is translated: without any route it would not come so far. Where
    /// there is a default route, that one does.</summary>
    private async Task EnsureRouteAsync(string cidr)
    {
        string address = cidr[..cidr.IndexOf('/')];
        var found = await _command.RunAsync("ip", [Version(cidr), "route", "get", address]);
        if (found.ExitCode == 0)
            return;
        var added = await _command.RunAsync("ip", [Version(cidr), "route", "replace", cidr, "dev", "lo", "protocol", RouteProtocol]);
        if (added.ExitCode != 0)
            throw new ServiceProxyException($"no route to {cidr}: {added.Reason}");
    }

    private static string Version(string cidr) => cidr.Contains(':') ? "-6" : "-4";

    private Task<bool> InNamespaceAsync(Func<bool> action) =>
        network is null ? Task.FromResult(action()) : network.RunAsync(action);
}
