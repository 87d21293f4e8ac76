using System.Net;
using KvStore.Grpc.Tests.Protos;

namespace KvStore.Grpc.Tests;

public class SmokeTests
{
    [Fact]
    public async Task A_call_and_a_page_share_a_port()
    {
        var server = new GrpcServer([
            new GrpcServiceBinder(EchoReflection.Descriptor.Services[0]).Unary<EchoRequest, EchoResponse>(
                "Say", async (request, context) => { await Task.Yield(); return new EchoResponse { Text = request.Text }; })]);
        await using var host = new GrpcHost(server, new GrpcHostOptions { Endpoints = [GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0)] });
        await host.StartAsync();
        using var client = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        var content = new ByteArrayContent([0, 0, 0, 0, 4, 0x0a, 2, (byte)'h', (byte)'i']);
        content.Headers.ContentType = new("application/grpc");

        var response = await client.PostAsync($"http://{host.BoundEndPoints[0]}/echo.Echo/Say", content);

        Assert.Equal([0, 0, 0, 0, 4, 0x0a, 2, (byte)'h', (byte)'i'], await response.Content.ReadAsByteArrayAsync());
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
        using var old = new HttpClient();
        Assert.Equal(HttpStatusCode.NotFound, (await old.GetAsync($"http://{host.BoundEndPoints[0]}/x")).StatusCode);
    }
}
