using System.Collections.Concurrent;
using System.Formats.Tar;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Node.Tests.Live;

/// <summary>A registry with one image, at a port of a network namespace, for whoever knows its user and password.</summary>
internal sealed class TestRegistry : IAsyncDisposable
{
    public const string User = "puller";
    public const string Password = "let-me-in";

    private readonly Dictionary<string, byte[]> _files;
    private readonly WebApplication _application;
    private readonly string _manifest;

    private TestRegistry(Dictionary<string, byte[]> files, Socket listener)
    {
        _files = files;
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        _manifest = JsonDocument.Parse(files["index.json"]).RootElement.GetProperty("manifests")[0].GetProperty("digest").GetString()!;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        // The socket itself, not its number: a second owner of that would close it under the server, or whatever has the number by then.
        builder.WebHost.UseKestrelCore().UseSockets(sockets => sockets.CreateBoundListenSocket = _ => listener)
            .ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Any, 0));
        _application = builder.Build();
        _application.Run(ServeAsync);
    }

    public int Port { get; }

    /// <summary>The paths that were asked for by those who knew the password.</summary>
    public ConcurrentBag<string> Asked { get; } = [];

    public string Image => $"127.0.0.1:{Port}/private/app";

    public static async Task<TestRegistry> StartAsync(NetworkNamespace network, byte[] archive, IPAddress? address = null)
    {
        Socket listener = await network.RunAsync(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address ?? IPAddress.Loopback, 0));
            return socket;
        });
        var registry = new TestRegistry(Read(archive), listener);
        await registry._application.StartAsync();
        return registry;
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private static Dictionary<string, byte[]> Read(byte[] archive)
    {
        var files = new Dictionary<string, byte[]>();
        using var reader = new TarReader(new MemoryStream(archive));
        while (reader.GetNextEntry(copyData: true) is { } entry)
        {
            var content = new MemoryStream();
            entry.DataStream!.CopyTo(content);
            files[entry.Name] = content.ToArray();
        }
        return files;
    }

    private async Task ServeAsync(HttpContext context)
    {
        string expected = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}"));
        if (context.Request.Headers.Authorization != expected)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"test\"";
            return;
        }
        Asked.Add(context.Request.Path.ToString());
        string[] path = context.Request.Path.ToString().Trim('/').Split('/');
        string digest = path[^1] == "1" ? _manifest : path[^1];
        if (path.Length == 1)
            return; // The root says that this is a registry.
        if (!_files.TryGetValue("blobs/" + digest.Replace(':', '/'), out byte[]? bytes))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        context.Response.ContentType = path[^2] == "manifests" ? "application/vnd.oci.image.manifest.v1+json" : "application/octet-stream";
        context.Response.ContentLength = bytes.Length;
        context.Response.Headers["Docker-Content-Digest"] = digest;
        if (HttpMethods.IsGet(context.Request.Method))
            await context.Response.Body.WriteAsync(bytes);
    }
}
