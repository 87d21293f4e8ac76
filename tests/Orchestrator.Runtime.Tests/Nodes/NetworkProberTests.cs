using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>Probes against a real server, by HTTP, TCP and gRPC.</summary>
public sealed class NetworkProberTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task A_pod_is_asked_at_its_address_of_either_family(string address)
    {
        if (!CanListenAt(address))
            return; // A machine without the family has no such pods.
        await using var server = await StartAsync(address, HttpProtocols.Http1, "");
        using var prober = new NetworkProber();
        int port = PortOf(server);
        var target = new ProbeTarget("id", address, new Container());

        var get = await prober.ProbeAsync(target, new ProbeRequest(new HTTPGetAction { Path = "/healthz?full=1", Port = IntOrString.FromInt(port) }, null, null), Patience, default);
        var bad = await prober.ProbeAsync(target, new ProbeRequest(new HTTPGetAction { Path = "/bad", Port = IntOrString.FromInt(port) }, null, null), Patience, default);
        var tcp = await prober.ProbeAsync(target, new ProbeRequest(null, new TCPSocketAction { Host = "", Port = IntOrString.FromInt(port) }, null), Patience, default);

        Assert.Equal(new ProbeResult(true, ""), get);
        Assert.Equal(new ProbeResult(false, "HTTP probe failed with statuscode: 500"), bad);
        Assert.Equal(new ProbeResult(true, ""), tcp);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(300)]
    [InlineData(20_000)]
    public async Task A_grpc_service_is_asked_for_by_its_whole_name(int length)
    {
        string service = new('s', length);
        await using var server = await StartAsync("127.0.0.1", HttpProtocols.Http2, service);
        using var prober = new NetworkProber();
        var target = new ProbeTarget("id", "127.0.0.1", new Container());

        var right = await prober.ProbeAsync(target, new ProbeRequest(null, null, new GRPCAction { Port = PortOf(server), Service = service }), Patience, default);
        var other = await prober.ProbeAsync(target, new ProbeRequest(null, null, new GRPCAction { Port = PortOf(server), Service = service + "x" }), Patience, default);

        Assert.Equal(new ProbeResult(true, ""), right);
        Assert.False(other.IsSuccess);
    }

    private static bool CanListenAt(string address)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Parse(address), 0);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Answers GET; by gRPC, says of one service that it serves.</summary>
    private static async Task<WebApplication> StartAsync(string address, HttpProtocols protocols, string service)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions()); // Any other watches the working directory's files.
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Parse(address), 0, listen => listen.Protocols = protocols));
        var app = builder.Build();
        app.Run(async http =>
        {
            if (http.Request.Method == "GET")
            {
                http.Response.StatusCode = http.Request is { Path.Value: "/healthz", QueryString.Value: "?full=1" } ? 200 : 500;
                return;
            }
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            bool isKnown = http.Request.Path == "/grpc.health.v1.Health/Check" && NameIn(body.ToArray()) == service;
            http.Response.ContentType = "application/grpc";
            await http.Response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, 2, 0x08, isKnown ? (byte)1 : (byte)2 });
            http.Response.AppendTrailer("grpc-status", "0");
        });
        await app.StartAsync();
        return app;
    }

    private static string NameIn(byte[] body)
    {
        const int PrefixBytes = 5;
        Assert.Equal(body.Length - PrefixBytes, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1)));
        var message = new CodedInputStream(body, PrefixBytes, body.Length - PrefixBytes);
        return message.ReadTag() == 0 ? "" : message.ReadString();
    }

    private static int PortOf(WebApplication server) => new Uri(server.Urls.Single()).Port;
}
