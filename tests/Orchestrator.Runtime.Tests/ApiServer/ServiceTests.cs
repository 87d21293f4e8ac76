using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

public sealed class ServiceTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string Advertised = "203.0.113.7";

    [Fact]
    public async Task Services_made_by_two_servers_at_once_have_addresses_and_ports_of_their_own()
    {
        const int count = 40;
        string ns = await server.NewNamespaceAsync();
        await using var other = await server.StartServerAsync();
        using var otherHttp = ServerFixture.ClientOf(other);

        var answers = await Task.WhenAll(Enumerable.Range(0, count).Select(index => ServerFixture.SendAsync(
            index % 2 == 0 ? server.Http : otherHttp, HttpMethod.Post, $"/api/v1/namespaces/{ns}/services", Service($"s{index}", "NodePort"))));

        Assert.All(answers, answer => Assert.Equal(201, answer.Code));
        Assert.Equal(count, answers.Select(answer => Address(answer.Body)).Distinct().Count());
        Assert.Equal(count, answers.Select(answer => NodePort(answer.Body)).Distinct().Count());
    }

    [Fact]
    public async Task An_address_that_is_taken_is_refused_and_free_again_after_its_service()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/services";
        var (_, first) = await server.SendAsync(HttpMethod.Post, path, Service("a", "ClusterIP"));
        string wanted = Service("b", "ClusterIP").Replace(
            "\"ports\"", $"\"clusterIP\":\"{Address(first)}\",\"ports\"", StringComparison.Ordinal);

        var (taken, status) = await server.SendAsync(HttpMethod.Post, path, wanted);
        await server.SendAsync(HttpMethod.Delete, path + "/a");
        var (free, second) = await server.SendAsync(HttpMethod.Post, path, wanted);

        Assert.Equal(422, taken);
        Assert.Contains("provided IP is already allocated", status["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(201, free);
        Assert.Equal(Address(first), Address(second));
    }

    [Fact]
    public async Task A_refused_service_leaves_nothing_reserved()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/services";
        string service = Service("a", "NodePort").Replace("\"port\":80", "\"port\":80,\"nodePort\":30007", StringComparison.Ordinal);

        var (dry, _) = await server.SendAsync(HttpMethod.Post, path + "?dryRun=All", service);
        var (real, _) = await server.SendAsync(HttpMethod.Post, path, service);

        Assert.Equal(201, dry);
        Assert.Equal(201, real);
    }

    [Fact]
    public async Task The_service_kubernetes_has_the_first_address_and_the_servers_as_endpoints()
    {
        await using var started = await server.StartServerAsync(options => options.AdvertiseAddress = System.Net.IPAddress.Parse(Advertised));
        var (_, service) = await server.SendAsync(HttpMethod.Get, "/api/v1/namespaces/default/services/kubernetes");
        var (_, endpoints) = await server.SendAsync(HttpMethod.Get, "/api/v1/namespaces/default/endpoints/kubernetes");
        var (_, slice) = await server.SendAsync(
            HttpMethod.Get, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes");

        Assert.Equal("10.96.0.1", Address(service));
        Assert.Contains(Advertised, (endpoints["subsets"]![0]!["addresses"] as JsonArray)!.Select(address => address!["ip"]!.GetValue<string>()));
        Assert.Contains(Advertised, (slice["endpoints"] as JsonArray)!.Select(endpoint => endpoint!["addresses"]![0]!.GetValue<string>()));
    }

    [Fact]
    public async Task A_headless_service_keeps_None()
    {
        string ns = await server.NewNamespaceAsync();

        var (code, service) = await server.SendAsync(
            HttpMethod.Post, $"/api/v1/namespaces/{ns}/services",
            Service("a", "ClusterIP").Replace("\"ports\"", "\"clusterIP\":\"None\",\"ports\"", StringComparison.Ordinal));

        Assert.Equal(201, code);
        Assert.Equal("None", Address(service));
        Assert.Equal("None", service["spec"]!["clusterIPs"]![0]!.GetValue<string>());
    }

    private static string Service(string name, string type) =>
        $$"""{"metadata":{"name":"{{name}}"},"spec":{"type":"{{type}}","selector":{"a":"b"},"ports":[{"port":80}]} }""";

    private static string Address(JsonObject service) => service["spec"]!["clusterIP"]!.GetValue<string>();

    private static int NodePort(JsonObject service) => service["spec"]!["ports"]![0]!["nodePort"]!.GetValue<int>();
}
