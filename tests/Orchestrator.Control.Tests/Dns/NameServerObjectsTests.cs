using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.Validation;
using Orchestrator.Control.Dns;

namespace Orchestrator.Control.Tests.Dns;

public sealed class NameServerObjectsTests
{
    private static readonly NameServerObjects Objects = new("10.96.0.10", "10.99.0.11", 53);

    [Theory]
    [InlineData("10.96.0.0/12", "10.96.0.10")]
    [InlineData("10.43.0.0/16", "10.43.0.10")]
    [InlineData("192.168.1.16/28", "192.168.1.26")]
    [InlineData("fd00:96::/112", "fd00:96::a")]
    public void The_address_is_the_tenth_of_its_range(string range, string expected) =>
        Assert.Equal(expected, NameServerObjects.AddressIn(range));

    [Theory]
    [InlineData("192.168.1.16/29")]
    [InlineData("none")]
    public void A_range_without_a_tenth_address_is_refused(string range) =>
        Assert.Throws<FormatException>(() => NameServerObjects.AddressIn(range));

    [Fact]
    public void The_api_server_takes_both_objects()
    {
        Service service = Objects.ToService();
        EndpointSlice slice = Objects.ToSlice();
        Orchestrator.Api.Defaulting.Defaults.Apply(service);
        Orchestrator.Api.Defaulting.Defaults.Apply(slice);

        Assert.Empty(Validator.ValidateCreate(service));
        Assert.Empty(Validator.ValidateCreate(slice));
        Assert.Equal("true", service.Labels["kubernetes.io/cluster-service"]);
        Assert.Equal("kube-dns", slice.Labels["kubernetes.io/service-name"]);
        Assert.Equal([("dns", "UDP", 53), ("dns-tcp", "TCP", 53)], service.Spec.Ports!.Select(port => (port.Name!, port.Protocol!, port.Port!.Value)));
    }

    [Fact]
    public void What_is_right_stays_as_it_is()
    {
        Service service = Objects.ToService();
        Orchestrator.Api.Defaulting.Defaults.Apply(service);
        service.Metadata.Labels!["own"] = "label";
        service.Metadata.ResourceVersion = "5";

        Assert.Null(Objects.Correct(service));
        Assert.Null(Objects.Correct(Objects.ToSlice()));
    }

    [Fact]
    public void What_is_wrong_is_put_right_and_the_rest_left()
    {
        Service service = Objects.ToService();
        service.Metadata.Labels = new Dictionary<string, string> { ["own"] = "label" };
        service.Metadata.ResourceVersion = "5";
        service.Spec.Selector = new Dictionary<string, string> { ["k8s-app"] = "kube-dns" };
        service.Spec.Ports!.RemoveAt(1);
        EndpointSlice slice = (Objects with { Listener = "10.99.0.12" }).ToSlice();

        Service corrected = Objects.Correct(service)!;
        EndpointSlice moved = Objects.Correct(slice)!;

        Assert.Equal("5", corrected.ResourceVersion);
        Assert.Equal("label", corrected.Labels["own"]);
        Assert.Equal("kube-dns", corrected.Labels["k8s-app"]);
        Assert.Null(corrected.Spec.Selector);
        Assert.Equal(2, corrected.Spec.Ports!.Count);
        Assert.Equal(["10.99.0.11"], Assert.Single(moved.Endpoints!).Addresses);
    }

    [Fact]
    public void A_service_with_another_address_is_not_touched()
    {
        Service service = (Objects with { ClusterIP = "10.96.0.11" }).ToService();

        var refusal = Assert.Throws<InvalidOperationException>(() => Objects.Correct(service));

        Assert.Equal("the service kube-system/kube-dns has the address 10.96.0.11, not 10.96.0.10", refusal.Message);
    }

    [Fact]
    public void Where_each_node_answers_its_own_pods_the_service_never_leads_to_another()
    {
        var objects = Objects with { OfNodes = [new NodeNameServer("a", "10.0.0.1"), new NodeNameServer("b", "10.0.0.2")] };
        Service service = objects.ToService();
        EndpointSlice slice = objects.ToSlice();
        Orchestrator.Api.Defaulting.Defaults.Apply(service);
        Orchestrator.Api.Defaulting.Defaults.Apply(slice);

        Assert.Empty(Validator.ValidateCreate(service));
        Assert.Empty(Validator.ValidateCreate(slice));
        Assert.Equal("Local", service.Spec.InternalTrafficPolicy);
        Assert.Equal([("a", "10.0.0.1"), ("b", "10.0.0.2")], slice.Endpoints!.Select(endpoint => (endpoint.NodeName!, endpoint.Addresses!.Single())));
        Assert.Equal("Local", objects.Correct(Objects.ToService())!.Spec.InternalTrafficPolicy);
        Assert.Null(objects.Correct(slice));
    }
}
