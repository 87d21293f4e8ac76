using Orchestrator.Control.Proxying;
using static Orchestrator.Control.Tests.Proxying.ProxyCluster;

namespace Orchestrator.Control.Tests.Proxying;

public sealed class UdpServicesTests
{
    private static readonly Service Dns = Service("dns", spec =>
    {
        spec.Type = "NodePort";
        spec.ExternalIPs = ["198.51.100.9"];
        spec.Ports = [new ServicePort { Name = "dns", Port = 53, Protocol = "UDP", NodePort = 30053 }];
    });

    private readonly ProxyCluster _cluster = new ProxyCluster()
        .With(Dns, Ready("10.244.0.2"), Ready("10.244.1.3", Elsewhere), Ending("10.244.0.4"), NotReady("10.244.0.5"));

    private UdpServices Now => _cluster.Table.UdpServices;

    [Theory]
    [InlineData(ServiceIp, 53, "10.244.0.2", 8053, false)]
    [InlineData(ServiceIp, 53, "10.244.1.3", 8053, false)]
    [InlineData(ServiceIp, 53, "10.244.0.4", 8053, false)] // It ends, but still answers.
    [InlineData(ServiceIp, 53, "10.244.0.5", 8053, true)]
    [InlineData(ServiceIp, 53, "10.244.0.9", 8053, true)]
    [InlineData(ServiceIp, 53, "10.244.0.2", 9999, true)]
    [InlineData(ServiceIp, 53, ServiceIp, 53, true)] // Begun when there was nobody, and led nowhere since.
    [InlineData("198.51.100.9", 53, "10.244.0.9", 8053, true)]
    [InlineData(NodeIp, 30053, "10.244.0.9", 8053, true)]
    [InlineData(NodeIp, 30053, "10.244.0.2", 8053, false)]
    [InlineData(NodeIp, 30053, NodeIp, 30053, true)]
    [InlineData("203.0.113.5", 30053, "203.0.113.5", 30053, false)] // Somebody else's port of that number.
    [InlineData("203.0.113.5", 53, "203.0.113.5", 53, false)]
    public void A_conversation_is_forgotten_when_nobody_answers_it_any_more(
        string destination, int port, string backend, int backendPort, bool isStale)
    {
        Assert.Equal(isStale, Now.IsStale(new UdpFlow(destination, port, backend, backendPort), UdpServices.None));
    }

    [Fact]
    public void Without_any_endpoint_only_what_was_led_to_one_is_forgotten()
    {
        _cluster.With(Dns, []);

        Assert.True(Now.IsStale(new UdpFlow(ServiceIp, 53, "10.244.0.2", 8053), UdpServices.None));
        Assert.False(Now.IsStale(new UdpFlow(ServiceIp, 53, ServiceIp, 53), UdpServices.None));
    }

    [Fact]
    public void Conversations_with_a_service_that_is_gone_are_forgotten_and_those_with_strangers_are_not()
    {
        var before = Now;
        _cluster.Remove("dns");

        Assert.True(Now.IsStale(new UdpFlow(ServiceIp, 53, "10.244.0.2", 8053), before));
        Assert.False(Now.IsStale(new UdpFlow("10.96.0.77", 53, "10.244.0.2", 8053), before));
    }

    [Fact]
    public void A_change_of_other_protocols_is_none()
    {
        var before = Now;

        _cluster.With(Service(change: spec => (spec.ClusterIP, spec.ClusterIPs) = ("10.96.0.11", ["10.96.0.11"])), Ready("10.244.0.2"));

        Assert.True(Now.IsSame(before));
        _cluster.With(Dns, Ready("10.244.0.2"));
        Assert.False(Now.IsSame(before));
    }
}
