using System.Net;
using KvStore.Testing.Linux;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Dns;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Tests.Dns;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Node.Tests.Live;

/// <summary>The name server in a node's network, asked by programs that everybody has.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class DnsTests(ContainerdFixture fixture)
{
    private const string Bridge = "10.88.0.1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [DigFact]
    public async Task Dig_understands_all_answers()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using ClusterDns dns = await StartAsync(containerd, "127.0.0.1");

        string address = Dig(containerd, "web.default.svc.cluster.local");
        string port = Dig(containerd, "+short", "_http._tcp.web.default.svc.cluster.local", "SRV");
        string name = Dig(containerd, "+short", "-x", "10.96.0.20");
        string alias = Dig(containerd, "+short", "alias.default.svc.cluster.local");
        string denied = Dig(containerd, "+noedns", "gone.default.svc.cluster.local");
        string plain = Dig(containerd, "+short", "+noedns", "many.default.svc.cluster.local");
        string stream = Dig(containerd, "+short", "+tcp", "many.default.svc.cluster.local");
        string version = Dig(containerd, "+short", "dns-version.cluster.local", "TXT");
        string future = Dig(containerd, "+edns=1", "+noednsnegotiation", "web.default.svc.cluster.local");

        Assert.Matches(@"status: NOERROR(.|\n)*flags: qr aa rd ra; (.|\n)*udp: 1232(.|\n)*web\.default\.svc\.cluster\.local\. 5\s+IN\s+A\s+10\.96\.0\.20", address);
        Assert.Equal("0 100 80 web.default.svc.cluster.local.", port.Trim());
        Assert.Equal("web.default.svc.cluster.local.", name.Trim());
        Assert.Equal("web.default.svc.cluster.local.\n10.96.0.20", alias.Trim());
        Assert.Matches(@"status: NXDOMAIN(.|\n)*cluster\.local\.\s+5\s+IN\s+SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. \d+ 7200 1800 86400 5", denied);
        // What is cut over UDP is asked for again over TCP.
        Assert.Equal(60, plain.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => line.StartsWith("10.244.", StringComparison.Ordinal)));
        Assert.Equal(60, stream.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal("\"1.1.0\"", version.Trim());
        Assert.Contains("status: BADVERS", future);
    }

    [LiveFact]
    public async Task A_pod_finds_services_by_the_names_of_its_namespace()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "asking", config => config with
        {
            Dns = new DnsConfig([Bridge], ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"], ["ndots:5"]),
        });
        // The bridge has its address since it has a pod.
        await using ClusterDns dns = await StartAsync(containerd, Bridge);

        string output = await pod.OutputAsync("asks", """
            cat /etc/resolv.conf
            nslookup -type=a web.default.svc.cluster.local
            ping -c 1 -W 1 web
            ping -c 1 -W 1 web.default
            ping -c 1 -W 1 gone
            """);

        Assert.Contains("nameserver 10.88.0.1", output);
        Assert.Contains("options ndots:5", output);
        Assert.Matches(@"Name:\s+web\.default\.svc\.cluster\.local\nAddress: 10\.96\.0\.20", output);
        // It is nobody's address; that the name became it is what counts.
        Assert.Contains("PING web (10.96.0.20)", output);
        Assert.Contains("PING web.default (10.96.0.20)", output);
        Assert.Contains("ping: bad address 'gone'", output);
    }

    private static string Dig(RealContainerd containerd, params string[] arguments)
    {
        string output = Tools.Run(
            "nsenter", ["--net=/run/netns/" + containerd.Name, "dig", "@127.0.0.1", "+tries=1", "+time=30", .. arguments]);
        Assert.DoesNotContain("malformed", output);
        Assert.DoesNotContain("Warning", output);
        return output;
    }

    private static async Task<ClusterDns> StartAsync(RealContainerd containerd, string address)
    {
        PretendObjects objects = new PretendObjects()
            .Put(new Namespace { Metadata = new ObjectMeta { Name = "default" } })
            .Put(Service("web", new ServiceSpec
            {
                ClusterIP = "10.96.0.20",
                ClusterIPs = ["10.96.0.20"],
                Ports = [new ServicePort { Name = "http", Protocol = "TCP", Port = 80 }],
            }))
            .Put(Service("alias", new ServiceSpec { Type = "ExternalName", ExternalName = "web.default.svc.cluster.local" }))
            .Put(Service("many", new ServiceSpec { ClusterIP = "None", ClusterIPs = ["None"] }))
            .Put(new EndpointSlice
            {
                Metadata = new ObjectMeta
                {
                    Namespace = "default",
                    Name = "many-1",
                    Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = "many" },
                },
                AddressType = "IPv4",
                Endpoints = [.. Enumerable.Range(1, 60).Select(i => new Endpoint { Addresses = [$"10.244.0.{i}"] })],
                Ports = [new EndpointPort { Name = "http", Protocol = "TCP", Port = 8080 }],
            });
        objects.Open();
        ClusterDns dns = await ClusterDns.StartAsync(
            new ClusterDnsOptions
            {
                Listen = [new IPEndPoint(IPAddress.Parse(address), 53)],
                Network = containerd.Network,
                ServiceCidrs = ["10.96.0.0/12"],
            },
            new ApiClient(objects), CancellationToken.None);
        await dns.WaitForSyncAsync(new CancellationTokenSource(Patience).Token);
        return dns;
    }

    private static Service Service(string name, ServiceSpec spec) => new() { Metadata = new ObjectMeta { Namespace = "default", Name = name }, Spec = spec };
}

/// <summary>A test that needs dig beside a real containerd.</summary>
internal sealed class DigFactAttribute : LiveFactAttribute
{
    public DigFactAttribute()
    {
        if (Skip is null && !IsInstalledFirst && !File.Exists("/usr/bin/dig"))
            LeaveOut("/usr/bin/dig not found: apt-get install bind9-dnsutils");
    }
}
