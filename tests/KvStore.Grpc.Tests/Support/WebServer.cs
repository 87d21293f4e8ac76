using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KvStore.Grpc.Tests.Support;

/// <summary>A server that knows no gRPC: every HTTP/2 request gets the same page, whatever its content type.</summary>
internal sealed class WebServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebServer(WebApplication app) => _app = app;

    public string Address => _app.Urls.Single();

    public static async Task<WebServer> StartAsync(RequestDelegate page)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.Run(page);
        await app.StartAsync();
        return new WebServer(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
