using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Dns;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Control.Tests.Dns;

/// <summary>A cluster with a service of each kind.</summary>
internal static class ZoneFixture
{
    public static ClusterZone Zone { get; } = ClusterZone
        .Create(new ClusterZoneSettings { ReverseRanges = ["10.96.0.0/12", "10.244.0.0/16", "fd00:96::/112"], Serial = 100 })
        .WithNamespace("default").WithNamespace("kube-system").WithNamespace("empty")
        .WithService(Service("kube-system", "kube-dns", ["10.96.0.10"], ("dns", "UDP", 53), ("dns-tcp", "TCP", 53)), [])
        .WithService(
            Service("default", "web", ["10.96.0.20"], ("http", "TCP", 80), ("media", "UDP", 5004)),
            [Slice("default", "web-1", [("http", "TCP", 8080), ("media", "UDP", 5004)], Ready("10.244.0.5"), Ready("10.244.0.6"), Unready("10.244.0.77"))])
        .WithService(Service("default", "plain", ["10.96.0.21"], ("", "TCP", 80)), [])
        .WithService(Service("default", "dual", ["10.96.0.22", "fd00:96::22"], ("http", "TCP", 80)), [])
        .WithService(
            Service("default", "db", ["None"], ("pg", "TCP", 5432)),
            [
                Slice("default", "db-1", [("pg", "TCP", 5432)], Ready("10.244.0.7", "db-0"), Unready("10.244.0.9", "db-2")),
                Slice("default", "db-2", [("pg", "TCP", 5432)], Ready("10.244.0.8", "db-1")),
                Slice("default", "db-3", [("pg", "TCP", 5432)], Ready("fd00:244::7", "db-0")),
            ])
        .WithService(Service("default", "none", ["None"], ("http", "TCP", 80)), [Slice("default", "none-1", [("http", "TCP", 80)], Unready("10.244.0.10"))])
        .WithService(
            Early(Service("default", "early", ["None"])), [Slice("default", "early-1", [], Unready("10.244.0.11", "first"), Unready("10.244.0.12"))])
        .WithService(External("out", "www.example.org"), [])
        .WithService(External("inside", "web.default.svc.cluster.local"), [])
        .WithService(External("twice", "INSIDE.default.svc.cluster.local."), [])
        .WithService(External("dead", "gone.default.svc.cluster.local"), [])
        .WithService(External("circle", "elcric.default.svc.cluster.local"), [])
        .WithService(External("elcric", "circle.default.svc.cluster.local"), [])
        .WithService(External("number", "192.0.2.1"), []);

    /// <summary>A question over UDP from a client that takes long answers.</summary>
    public static DnsMessage Ask(string name, DnsType type, uint rotation = 0) =>
        Ask(Zone, Dig.Question(name, type, payloadSize: 1232), rotation);

    public static DnsMessage Ask(ClusterZone? zone, byte[] packet, uint rotation = 0, bool isStream = false)
    {
        byte[] answer = React(zone, packet, rotation, isStream, out var reaction);
        Assert.Null(reaction.Pending);
        return DnsMessage.Decode(answer)!;
    }

    public static byte[] React(ClusterZone? zone, byte[] packet, uint rotation, bool isStream, out DnsReaction reaction)
    {
        byte[] into = new byte[ResponseWriter.BufferLength];
        reaction = DnsResponder.React(zone, new DnsQuery(), packet, isStream, rotation, loopToken: 0, into);
        return into[..reaction.Length];
    }

    public static Service Service(string ns, string name, string[] addresses, params (string Name, string Protocol, int Port)[] ports) => new()
    {
        Metadata = new ObjectMeta { Namespace = ns, Name = name },
        Spec = new ServiceSpec
        {
            Type = "ClusterIP",
            ClusterIP = addresses[0],
            ClusterIPs = [.. addresses],
            Ports = [.. ports.Select(port => new ServicePort { Name = port.Name, Protocol = port.Protocol, Port = port.Port })],
        },
    };

    public static EndpointSlice Slice(string ns, string name, (string Name, string Protocol, int Port)[] ports, params Endpoint[] endpoints) => new()
    {
        Metadata = new ObjectMeta { Namespace = ns, Name = name },
        AddressType = endpoints[0].Addresses![0].Contains(':') ? "IPv6" : "IPv4",
        Ports = [.. ports.Select(port => new EndpointPort { Name = port.Name, Protocol = port.Protocol, Port = port.Port })],
        Endpoints = [.. endpoints],
    };

    public static Endpoint Ready(string address, string? hostname = null) =>
        new() { Addresses = [address], Hostname = hostname, Conditions = new EndpointConditions { Ready = true } };

    public static Endpoint Unready(string address, string? hostname = null) =>
        new() { Addresses = [address], Hostname = hostname, Conditions = new EndpointConditions { Ready = false } };

    private static Service External(string name, string target) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = name },
        Spec = new ServiceSpec { Type = "ExternalName", ExternalName = target },
    };

    private static Service Early(Service service)
    {
        service.Spec.PublishNotReadyAddresses = true;
        return service;
    }
}
