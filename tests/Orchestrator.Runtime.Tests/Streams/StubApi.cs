using System.Net;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Tests.Streams;

/// <summary>
/// As much of an API server as kubectl needs to find one pod and open sessions to it. The sessions go through
/// <see cref="UpgradeProxy"/> to a second server, as they go to a kubelet.
/// </summary>
internal sealed class StubApi : IAsyncDisposable
{
    private const string Pod = "/api/v1/namespaces/default/pods/web";
    private readonly StreamServer _kubelet;
    private readonly StreamServer _api;

    private StubApi(StreamServer kubelet, StreamServer api)
    {
        _kubelet = kubelet;
        _api = api;
    }

    public Uri Uri => _api.Uri;

    public static async Task<StubApi> StartAsync()
    {
        StreamServer kubelet = await StreamServer.StartAsync(ServeKubeletAsync);
        StreamServer api = await StreamServer.StartAsync(context => ServeAsync(context, kubelet));
        return new StubApi(kubelet, api);
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        await _kubelet.DisposeAsync();
    }

    private static Task ServeAsync(HttpContext context, StreamServer kubelet)
    {
        string path = context.Request.Path;
        if (path is Pod + "/exec" or Pod + "/attach" or Pod + "/portforward" or Pod + "/log")
            return UpgradeProxy.ForwardAsync(context, kubelet.At(path + context.Request.QueryString), StreamServer.Invoker);
        string? answer = path switch
        {
            "/version" => """{"major":"1","minor":"33","gitVersion":"v1.33.1"}""",
            "/api" => """{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}""",
            "/apis" => """{"kind":"APIGroupList","apiVersion":"v1","groups":[]}""",
            "/api/v1" => """
                {"kind":"APIResourceList","groupVersion":"v1","resources":[
                 {"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","shortNames":["po"],"verbs":["get","list","watch"]},
                 {"name":"pods/exec","singularName":"","namespaced":true,"kind":"PodExecOptions","verbs":["create","get"]}]}
                """,
            Pod => """
                {"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default","uid":"1234"},
                 "spec":{"containers":[{"name":"main","image":"x","stdin":true,"ports":[{"containerPort":80}]}]},
                 "status":{"phase":"Running","containerStatuses":[{"name":"main","ready":true,"state":{"running":{}}}]}}
                """,
            _ => null,
        };
        context.Response.StatusCode = answer is null ? 404 : 200;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(
            answer ?? """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not here"}""");
    }

    private static Task ServeKubeletAsync(HttpContext context)
    {
        string path = context.Request.Path;
        var shell = new EchoShell(new Dictionary<string, string> { ["HOSTNAME"] = "web" }, (time, ct) => Task.Delay(time, ct));
        var options = RemoteCommandOptions.FromQuery(context.Request.Query);
        if (path.EndsWith("/exec", StringComparison.Ordinal))
            return RemoteCommandServer.ServeAsync(context, options, shell.RunAsync);
        if (path.EndsWith("/attach", StringComparison.Ordinal))
            return RemoteCommandServer.ServeAsync(context, options with { Command = ["cat"] }, shell.RunAsync);
        if (path.EndsWith("/log", StringComparison.Ordinal))
            return context.Response.WriteAsync("line 1\nline 2\n");
        return PortForwardServer.ServeAsync(context, new PortForwardRequest("web_default", "1234", []), ForwardAsync);
    }

    private static async Task ForwardAsync(int port, DuplexStream connection, CancellationToken disconnected)
    {
        await using SocketStream pod = await SocketStream.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), disconnected);
        await DuplexCopy.RunAsync(connection, pod, disconnected);
    }
}
