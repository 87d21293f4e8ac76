using System.Net;
using System.Reflection;
using KvStore.Grpc.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace KvStore.Grpc.Tests;

/// <summary>Kestrel uses an ended stream's object for later ones of its connection; what is left of the former must not silence them.</summary>
public class ReusedStreamTests
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    [Fact]
    public async Task A_stream_whose_object_says_that_its_output_is_queued_already_is_answered()
    {
        var used = new HashSet<IFeatureCollection>(ReferenceEqualityComparer.Instance);
        bool isReused = false;
        var options = new GrpcHostOptions
        {
            Endpoints = [GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0)],
            HttpFallback = context =>
            {
                isReused |= !used.Add(context.Features);
                return context.Response.WriteAsync("here");
            },
        };
        await using var host = await EchoHost.StartAsync(null, null, null, options);
        using var client = new HttpMessageInvoker(new SocketsHttpHandler());

        // The first requests may come before Kestrel has taken the former stream back.
        for (int i = 0; i < 10_000 && !isReused; i++)
        {
            Assert.Equal("here", await PageAsync(client, host.Address).Soon());
            foreach (var stream in used)
                LeaveQueued(stream);
        }

        Assert.True(isReused);
    }

    private static async Task<string> PageAsync(HttpMessageInvoker client, string address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await client.SendAsync(request, default);
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>As it is when a window is opened just while the last of the response is written.</summary>
    private static void LeaveQueued(IFeatureCollection stream)
    {
        object output = stream.GetType().GetProperty("Output", Any)!.GetValue(stream)!;
        output.GetType().GetField("_isScheduled", Any)!.SetValue(output, true);
    }
}
