using System.Net;
using KvStore.Client;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>What a server keeps beside the objects.</summary>
public sealed class ServerUpkeepTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Events_are_taken_though_the_store_has_lost_their_lease()
    {
        string ns = await server.NewNamespaceAsync();
        Assert.Equal(201, await NoteAsync("first"));

        foreach (var lease in (await server.Store.Lease.ListAsync()).Leases)
            await server.Store.Lease.RevokeAsync(new LeaseId(lease.ID));

        Assert.Equal(201, await NoteAsync("second"));

        async Task<int> NoteAsync(string name) => (await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/events",
            $$$"""{"metadata":{"name":"{{{name}}}"},"involvedObject":{"kind":"Pod","namespace":"{{{ns}}}","name":"p"},"reason":"R","type":"Normal"}""")).Code;
    }

    [Fact]
    public async Task A_server_that_stops_leaves_its_successors_address_in_place()
    {
        var former = await StartAsync();
        await using var successor = await StartAsync();

        await former.DisposeAsync();

        Assert.Single((await server.Store.Kv.RangeAsync((KeyRange)"/registry/masterleases/10.9.8.7")).Kvs);

        Task<ApiServerHost> StartAsync() => server.StartServerAsync(options => options.AdvertiseAddress = IPAddress.Parse("10.9.8.7"));
    }

    [Fact]
    public async Task Requests_for_what_is_not_there_make_no_series_of_their_own()
    {
        await server.SendAsync(HttpMethod.Get, "/apis/made.up/v7/inventions\"quoted");
        await server.SendAsync(new HttpMethod("INVENTED"), "/api/v1/pods");

        string metrics = await server.Http.GetStringAsync("/metrics");

        Assert.Contains("apiserver_request_total{code=\"404\"", metrics);
        Assert.DoesNotContain("made.up", metrics);
        Assert.DoesNotContain("INVENTED", metrics);
        Assert.Contains("verb=\"OTHER\"", metrics);
    }
}
