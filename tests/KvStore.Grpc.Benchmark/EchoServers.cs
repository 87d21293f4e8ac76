using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using Google.Protobuf;
using KvStore.Grpc.Tests.Protos;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KvStore.Grpc.Benchmark;

/// <summary>The two servers that are compared: the same echo on our stack and on a bare MapPost handler.</summary>
internal static class EchoServers
{
    public static async Task<int> StartOursAsync()
    {
        var service = new GrpcServiceBinder(EchoReflection.Descriptor.Services[0]).Unary<EchoRequest, EchoResponse>(
            "Say", (request, _) => ValueTask.FromResult(Answer(request)));
        var host = new GrpcHost(
            new GrpcServer([service]), new GrpcHostOptions { Endpoints = [GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0)] });
        await host.StartAsync();
        return ((IPEndPoint)host.BoundEndPoints[0]).Port;
    }

    public static async Task<int> StartBareAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.Http2.MaxStreamsPerConnection = int.MaxValue;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        var app = builder.Build();
        app.MapPost("/echo.Echo/Say", (RequestDelegate)AnswerBareAsync);
        await app.StartAsync();
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return new Uri(addresses.Single()).Port;
    }

    // What one would write without a library: no deadlines, no cancellation, no limits, no compression, no errors.
    private static async Task AnswerBareAsync(HttpContext context)
    {
        var input = context.Request.BodyReader;
        EchoRequest request;
        while (true)
        {
            if (!input.TryRead(out var result))
                result = await input.ReadAsync();
            if (TryParse(result.Buffer, out request, out var end))
            {
                input.AdvanceTo(end);
                break;
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }

        var response = Answer(request);
        context.Response.ContentType = "application/grpc";
        var size = response.CalculateSize();
        var frame = context.Response.BodyWriter.GetSpan(5 + size);
        frame[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(frame[1..], size);
        response.WriteTo(frame.Slice(5, size));
        context.Response.BodyWriter.Advance(5 + size);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private static bool TryParse(in ReadOnlySequence<byte> buffer, out EchoRequest request, out SequencePosition end)
    {
        Span<byte> header = stackalloc byte[5];
        request = null!;
        end = buffer.Start;
        if (buffer.Length < 5)
            return false;
        buffer.Slice(0, 5).CopyTo(header);
        var length = BinaryPrimitives.ReadInt32BigEndian(header[1..]);
        if (buffer.Length < 5 + length)
            return false;
        request = EchoRequest.Parser.ParseFrom(buffer.Slice(5, length));
        end = buffer.GetPosition(5 + length);
        return true;
    }

    private static EchoResponse Answer(EchoRequest request) =>
        new() { Text = request.Text, Payload = request.Payload, Number = request.Number };
}
