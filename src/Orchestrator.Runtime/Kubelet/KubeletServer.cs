using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using KvStore.Grpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;
using Orchestrator.Runtime.Metrics;
using Orchestrator.Runtime.Security.Certificates;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>Where and for whom a kubelet's server listens.</summary>
public sealed record KubeletServerOptions
{
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>0: any free one.</summary>
    public int Port { get; init; } = 10250;

    /// <summary>Where the address is; null: in this process's own network.</summary>
    public NetworkNamespace? Network { get; init; }

    public required X509Certificate2 Certificate { get; init; }

    /// <summary>Asked at each new connection for what to show instead; null: nothing else.</summary>
    public Func<X509Certificate2?>? RenewedCertificate { get; init; }

    /// <summary>Who may come: bearers of certificates of the group system:masters that one of these has signed. Null: anybody, which is for tests alone.</summary>
    public X509Certificate2Collection? ClientAuthorities { get; init; }

    /// <summary>What the node's other parts measure; it is told at /metrics too. Null: nothing.</summary>
    public MeterText? Meters { get; init; }

    internal IPEndPoint EndPoint => Network is null ? new IPEndPoint(Address, Port) : new NamespaceEndPoint(Network, Address, Port);
}

/// <summary>The HTTPS server through which the API server reaches pods: logs, exec, attach, port-forward, usage.</summary>
/// <remarks>
/// Several kubelets may share one. A request is for the node that its header <see cref="NodeHeader"/> names; without it, for
/// the only one, or for whichever has the pod.
/// </remarks>
public sealed class KubeletServer : IAsyncDisposable
{
    /// <summary>Names the node that is meant, where several listen at one address.</summary>
    public const string NodeHeader = "X-Node-Name";

    /// <summary>Of the API server's own: as <c>portForward</c>, but to the pod's address, and no further.</summary>
    internal const string ConnectPath = "podConnect";

    private readonly ConcurrentDictionary<string, Kubelet> _kubelets = new();
    private readonly WebApplication _application;
    private readonly KubeletServerOptions _options;

    private KubeletServer(KubeletServerOptions options, WebApplication application)
    {
        _options = options;
        _application = application;
    }

    /// <summary>The one that it listens at.</summary>
    public int Port { get; private set; }

    public static async Task<KubeletServer> StartAsync(KubeletServerOptions options, CancellationToken ct)
    {
        // An empty one: any other watches the files below the working directory, where the pods' own are.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseSockets(NamespaceEndPoint.Configure).UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(options.EndPoint, listen => listen.UseHttps(https =>
            {
                if (options.RenewedCertificate is { } renewed)
                    https.ServerCertificateSelector = (_, _) => renewed() ?? options.Certificate;
                else
                    https.ServerCertificate = options.Certificate;
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.ClientCertificateValidation = (certificate, _, _) => IsTrusted(options, certificate);
            }));
        });
        WebApplication application = builder.Build();
        var server = new KubeletServer(options, application);
        application.Run(server.ServeAsync);
        await application.StartAsync(ct);
        string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        server.Port = new Uri(address).Port;
        return server;
    }

    public void Add(Kubelet kubelet) => _kubelets[kubelet.Options.NodeName] = kubelet;

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    private static bool IsTrusted(KubeletServerOptions options, X509Certificate2 certificate)
    {
        if (options.ClientAuthorities is not { } authorities)
            return true;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        // A kubelet gives whoever it lets in all that its pods have: users have certificates of the same authority.
        return chain.Build(certificate) && DistinguishedName.Of(certificate.SubjectName).Organizations.Contains(UserInfo.Masters);
    }

    private async Task ServeAsync(HttpContext context)
    {
        ReusedStream.Prepare(context.Features);
        try
        {
            await RouteAsync(context);
        }
        catch (Exception e) when (!context.Response.HasStarted && e is CriException)
        {
            await AnswerAsync(context, StatusCodes.Status500InternalServerError, e.Message);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client is gone.
        }
    }

    private Task RouteAsync(HttpContext context)
    {
        string[] path = context.Request.Path.ToString().Trim('/').Split('/');
        if (path[0] == "healthz")
            return AnswerAsync(context, StatusCodes.Status200OK, "ok");
        if (_options.ClientAuthorities is not null && context.Connection.ClientCertificate is null)
            return AnswerAsync(context, StatusCodes.Status401Unauthorized, "Unauthorized");
        return (path[0], path.Length) switch
        {
            ("pods" or "runningpods", 1) => OnNodeAsync(context, ListPodsAsync),
            ("stats", 2) when path[1] == "summary" => OnNodeAsync(context, KubeletMetrics.WriteSummaryAsync),
            ("metrics", 1) => OnNodeAsync(context, (http, kubelet) => KubeletMetrics.WriteOwnAsync(http, kubelet, _options.Meters)),
            ("metrics", 2) when path[1] == "resource" => OnNodeAsync(context, KubeletMetrics.WriteResourcesAsync),
            ("containerLogs", 4) => OnContainerAsync(context, path, WriteLogsAsync),
            ("exec", 4 or 5) => OnContainerAsync(context, path, (http, kubelet, _, container) => RemoteCommandServer.ServeAsync(
                http, RemoteCommandOptions.FromQuery(http.Request.Query), (session, ct) => kubelet.Runtime.ExecAsync(container.Id, session, ct))),
            ("attach", 4 or 5) => OnContainerAsync(context, path, (http, kubelet, _, container) => RemoteCommandServer.ServeAsync(
                http, RemoteCommandOptions.FromQuery(http.Request.Query), (session, ct) => kubelet.Runtime.AttachAsync(container.Id, session, ct))),
            ("portForward", 3 or 4) => ForwardAsync(context, path, (kubelet, _, sandbox, port, connection, ct) =>
                kubelet.Runtime.PortForwardAsync(sandbox.Id, port, connection, ct)),
            (ConnectPath, 3) => ForwardAsync(context, path, (kubelet, pod, sandbox, port, connection, ct) =>
                kubelet.Runtime.ConnectAsync(sandbox.Id, pod.Spec.HostNetwork == true ? kubelet.Options.NodeIp : sandbox.Ip, port, connection, ct)),
            _ => AnswerAsync(context, StatusCodes.Status404NotFound, "404 page not found"),
        };
    }

    private static async Task AnswerAsync(HttpContext context, int statusCode, string text)
    {
        context.Response.StatusCode = statusCode;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }

    private Kubelet? FindNode(HttpContext context)
    {
        string name = context.Request.Headers[NodeHeader].ToString();
        if (name.Length > 0)
            return _kubelets.GetValueOrDefault(name);
        return _kubelets.Count == 1 ? _kubelets.Values.First() : null;
    }

    private Task OnNodeAsync(HttpContext context, Func<HttpContext, Kubelet, Task> serve) =>
        FindNode(context) is { } kubelet ? serve(context, kubelet) : AnswerAsync(context, StatusCodes.Status404NotFound, "node not found");

    private (Kubelet Kubelet, PodWorker Pod)? FindPod(HttpContext context, string ns, string name)
    {
        IEnumerable<Kubelet> candidates = FindNode(context) is { } node ? [node] : _kubelets.Values;
        foreach (Kubelet kubelet in candidates)
        {
            if (kubelet.FindPod(ns, name) is { } pod)
                return (kubelet, pod);
        }
        return null;
    }

    /// <summary>The path ends with the container; before it, some clients put the pod's uid.</summary>
    private Task OnContainerAsync(HttpContext context, string[] path, Func<HttpContext, Kubelet, PodWorker, RuntimeContainer, Task> serve)
    {
        string name = Uri.UnescapeDataString(path[^1]);
        if (FindPod(context, path[1], path[2]) is not { } found)
            return AnswerAsync(context, StatusCodes.Status404NotFound, $"pod does not exist: \"{path[1]}/{path[2]}\"");
        bool isPrevious = context.Request.Query["previous"].ToString() == "true";
        if (!PodContainer.Of(found.Pod.Pod).Any(container => container.Name == name))
            return AnswerAsync(context, StatusCodes.Status404NotFound, $"container {name} is not valid for pod {path[2]}");
        PodObservation observed = found.Pod.Observed;
        RuntimeContainer? container = isPrevious ? observed.Previous(name) : observed.Latest(name);
        if (container is null)
        {
            string text = isPrevious
                ? $"previous terminated container \"{name}\" in pod \"{path[2]}\" not found"
                : $"container \"{name}\" in pod \"{path[2]}\" is waiting to start: ContainerCreating";
            return AnswerAsync(context, StatusCodes.Status400BadRequest, text);
        }
        return serve(context, found.Kubelet, found.Pod, container);
    }

    private async Task ForwardAsync(
        HttpContext context, string[] path, Func<Kubelet, Pod, PodSandbox, int, DuplexStream, CancellationToken, Task> connect)
    {
        if (FindPod(context, path[1], path[2]) is not { } found || found.Pod.Observed.Sandbox is not { IsReady: true } sandbox)
        {
            await AnswerAsync(context, StatusCodes.Status404NotFound, $"pod does not exist: \"{path[1]}/{path[2]}\"");
            return;
        }
        Pod pod = found.Pod.Pod;
        PortForwardRequest? request = PortForwardRequest.FromQuery($"{pod.Name}_{pod.Namespace}", pod.Uid, context.Request.Query, out string error);
        if (request is null)
        {
            await AnswerAsync(context, StatusCodes.Status400BadRequest, error);
            return;
        }
        await PortForwardServer.ServeAsync(
            context, request, (port, connection, ct) => connect(found.Kubelet, pod, sandbox, port, connection, ct));
    }

    private static async Task ListPodsAsync(HttpContext context, Kubelet kubelet)
    {
        var list = new PodList { Items = [.. kubelet.Pods] };
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(KubernetesJson.Serialize(list), context.RequestAborted);
    }

    private static async Task WriteLogsAsync(HttpContext context, Kubelet kubelet, PodWorker pod, RuntimeContainer container)
    {
        LogQuery? query = LogQuery.Parse(context.Request.Query, kubelet.Services.Alarms.Now, out string error);
        if (query is null)
        {
            await AnswerAsync(context, StatusCodes.Status422UnprocessableEntity, error);
            return;
        }
        if (context.Features.Get<Microsoft.AspNetCore.Server.Kestrel.Core.Features.IHttpMinResponseDataRateFeature>() is { } rate)
            rate.MinDataRate = null; // A log may be silent, or its reader slow, for hours.
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        context.Response.ContentType = "text/plain";
        await context.Response.StartAsync(context.RequestAborted);
        await query.WriteAsync(kubelet.Runtime, container.Id, context.Response.Body, context.RequestAborted);
    }
}
