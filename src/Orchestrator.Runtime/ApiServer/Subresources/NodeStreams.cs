using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Validation;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>What the API server passes on to a node: logs, exec, attach, port-forward, and the proxy subresources.</summary>
internal sealed class NodeStreams(IObjectReader objects, INodeProxy? proxy)
{
    private const int LogBufferBytes = 32 * 1024;

    /// <exception cref="ApiException">400, 404, 503.</exception>
    public Task ServePodAsync(ApiRequest request) => request.Path.Subresource switch
    {
        "log" => LogAsync(request),
        "exec" or "attach" => ExecAsync(request),
        "portforward" => PortForwardAsync(request),
        "proxy" => PodProxyAsync(request),
        _ => throw ApiErrors.PathNotFound(),
    };

    public async Task ServeNodeProxyAsync(ApiRequest request)
    {
        var (scheme, name, portText) = SplitName(request.Name);
        var node = await NodeAsync(name, request.Aborted).ConfigureAwait(false);
        int kubelet = KubeletAddress.PortOf(node);
        int port = portText.Length == 0 ? kubelet : PortNumber(portText);
        if (IsSentToSlash(request))
            return;
        if (port == kubelet)
            await Proxy.ForwardAsync(request.Http, node, Rest(request) + request.Http.Request.QueryString, request.Aborted)
                .ConfigureAwait(false);
        else
            await ForwardAsync(request, node.Name, null, scheme, KubeletAddress.HostOf(node), port).ConfigureAwait(false);
    }

    public async Task ServeServiceProxyAsync(ApiRequest request)
    {
        var (scheme, name, portName) = SplitName(request.Name);
        var service = await objects.GetLiveAsync<Service>(request.Namespace, name, request.Aborted).ConfigureAwait(false)
            ?? throw ApiErrors.NotFound(request.View.GroupResource, name);
        var port = PickPort(service, portName);
        var (endpoint, number) = await EndpointAsync(service, port, request.Aborted).ConfigureAwait(false);
        // Whoever writes slices here is not let into the pods of other namespaces by that.
        NamespacedName? pod = endpoint.TargetRef is { Kind: "Pod", Name: { } podName } reference
            && (reference.Namespace ?? service.Namespace) == service.Namespace
            ? new NamespacedName(service.Namespace, podName)
            : null;
        await ForwardAsync(request, endpoint.NodeName, pod, scheme, endpoint.Addresses![0], number).ConfigureAwait(false);
    }

    private INodeProxy Proxy => proxy ?? throw ApiErrors.ServiceUnavailable("the server has no way to its nodes");

    // Escaped again: a question mark in the path begins no query.
    private static string Rest(ApiRequest request) => new PathString(request.Path.Rest).ToUriComponent();

    private async Task<Pod> PodAsync(ApiRequest request, string name) =>
        await objects.GetLiveAsync<Pod>(request.Namespace, name, request.Aborted).ConfigureAwait(false)
            ?? throw ApiErrors.NotFound(request.View.GroupResource, name);

    private async Task<Node> NodeAsync(string name, CancellationToken cancellationToken) =>
        await objects.GetLiveAsync<Node>("", name, cancellationToken).ConfigureAwait(false)
            ?? throw ApiErrors.NotFound(new GroupResource("", "nodes"), name);

    private async Task LogAsync(ApiRequest request)
    {
        var query = request.Http.Request.Query;
        CheckLogOptions(request, query);
        var pod = await PodAsync(request, request.Name).ConfigureAwait(false);
        string container = Container(pod, QueryOptions.Text(query, "container"));
        if (string.IsNullOrEmpty(pod.Spec.NodeName))
        {
            // Nothing has run that could have written anything.
            request.Http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        var node = await NodeAsync(pod.Spec.NodeName, request.Aborted).ConfigureAwait(false);
        string path = $"/containerLogs/{pod.Namespace}/{pod.Name}/{container}" + Query(
            query, "follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream");
        using var response = await Proxy.SendAsync(node, HttpMethod.Get, path, request.Aborted).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
            throw Refusal((int)response.StatusCode, await response.Content.ReadAsStringAsync(request.Aborted).ConfigureAwait(false));
        await using var text = await response.Content.ReadAsStreamAsync(request.Aborted).ConfigureAwait(false);
        if (WebSocketUpgrade.IsRequested(request.Http.Request))
        {
            await WebSocketText.ServeAsync(request.Http, text, request.Aborted).ConfigureAwait(false);
            return;
        }

        request.Http.Response.ContentType = response.Content.Headers.ContentType?.ToString() ?? "text/plain";
        await request.Http.Response.StartAsync(request.Aborted).ConfigureAwait(false);
        var buffer = new byte[LogBufferBytes];
        for (int count; (count = await text.ReadAsync(buffer, request.Aborted).ConfigureAwait(false)) > 0;)
        {
            // Whoever follows a log wants each line as it comes.
            await request.Http.Response.BodyWriter.WriteAsync(buffer.AsMemory(0, count), request.Aborted).ConfigureAwait(false);
        }
    }

    /// <summary>What a kubelet says in plain text, as a Status.</summary>
    private static ApiException Refusal(int code, string text) => code switch
    {
        StatusCodes.Status400BadRequest => ApiErrors.BadRequest(text),
        StatusCodes.Status404NotFound => new ApiException(new Status { StatusValue = "Failure", Code = code, Reason = "NotFound", Message = text }),
        _ => ApiErrors.InternalError(text),
    };

    private static void CheckLogOptions(ApiRequest request, IQueryCollection query)
    {
        var errors = new List<FieldError>();
        CheckNotNegative("tailLines", 0, "must be greater than or equal to 0");
        CheckNotNegative("limitBytes", 1, "must be greater than 0");
        CheckNotNegative("sinceSeconds", 1, "must be greater than 0");
        if (query.ContainsKey("sinceSeconds") && query.ContainsKey("sinceTime"))
            errors.Add(FieldError.Forbidden(FieldPath.Root, "at most one of `sinceTime` or `sinceSeconds` may be specified"));
        if (errors.Count > 0)
            throw ApiErrors.Invalid(new GroupKind("", "PodLogOptions"), request.Name, errors);

        void CheckNotNegative(string name, long least, string text)
        {
            if (QueryOptions.Number(query, name) is { } number && number < least)
                errors.Add(FieldError.Invalid(FieldPath.Of(name), number, text));
        }
    }

    private async Task ExecAsync(ApiRequest request)
    {
        var query = request.Http.Request.Query;
        if (request.Path.Subresource == "exec" && !query.ContainsKey("command"))
            throw ApiErrors.BadRequest("you must specify at least 1 command for the container");
        if (!QueryOptions.Flag(query, "stdin") && !QueryOptions.Flag(query, "stdout") && !QueryOptions.Flag(query, "stderr"))
            throw ApiErrors.BadRequest("you must specify at least 1 of stdin, stdout, stderr");
        var pod = await PodAsync(request, request.Name).ConfigureAwait(false);
        string container = Container(pod, QueryOptions.Text(query, "container"));
        var node = await HostAsync(pod, request.Aborted).ConfigureAwait(false);
        var arguments = new QueryBuilder();
        // The kubelet's own names.
        foreach (var (from, to) in new[] { ("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty") })
        {
            if (QueryOptions.Flag(query, from))
                arguments.Add(to, "1");
        }

        foreach (string? part in query["command"])
            arguments.Add("command", part ?? "");
        string path = $"/{request.Path.Subresource}/{pod.Namespace}/{pod.Name}/{container}{arguments}";
        await Proxy.ForwardAsync(request.Http, node, path, request.Aborted).ConfigureAwait(false);
    }

    private async Task PortForwardAsync(ApiRequest request)
    {
        var pod = await PodAsync(request, request.Name).ConfigureAwait(false);
        var node = await HostAsync(pod, request.Aborted).ConfigureAwait(false);
        string path = $"/portForward/{pod.Namespace}/{pod.Name}{PortQuery(request.Http.Request.Query)}";
        await Proxy.ForwardAsync(request.Http, node, path, request.Aborted).ConfigureAwait(false);
    }

    /// <summary>The kubelet knows one port a parameter, named <c>port</c>; clients send <c>ports</c>.</summary>
    private static QueryBuilder PortQuery(IQueryCollection query)
    {
        var arguments = new QueryBuilder();
        foreach (string? ports in query["ports"])
        {
            foreach (string port in (ports ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
                arguments.Add("port", port);
        }

        return arguments;
    }

    private async Task PodProxyAsync(ApiRequest request)
    {
        var (scheme, name, portText) = SplitName(request.Name);
        var pod = await PodAsync(request, name).ConfigureAwait(false);
        string address = pod.Status.PodIP ?? "";
        if (address.Length == 0)
            throw ApiErrors.ServiceUnavailable($"address not allowed: pod {name} has no address");
        int port = PortOf(pod, portText);
        await ForwardAsync(request, pod.Spec.NodeName, pod.Key, scheme, address, port).ConfigureAwait(false);
    }

    /// <param name="pod">Whose address it is; null when it is no pod's.</param>
    /// <exception cref="ApiException">400: objects say where to connect, and must not lead to what only this machine reaches.</exception>
    private async Task ForwardAsync(
        ApiRequest request, string? nodeName, NamespacedName? pod, string scheme, string address, int port)
    {
        if (!Addresses.TryParse(address, out var parsed) || !Addresses.IsOrdinary(parsed))
            throw ApiErrors.BadRequest("address not allowed");
        if (IsSentToSlash(request))
            return;
        var node = string.IsNullOrEmpty(nodeName)
            ? null
            : await objects.GetAsync<Node>("", nodeName, request.Aborted).ConfigureAwait(false);
        string host = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        var target = new Uri($"{scheme}://{host}:{port}{Rest(request)}{request.Http.Request.QueryString}");
        string path = request.Http.Request.Path.ToUriComponent();
        var site = new ProxiedSite(target, path[..^Rest(request).Length]);
        ProxiedSite.Announce(request.Http.Request);
        await using var body = site.Attach(request.Http);
        if (pod is { } key && node is not null)
            await Proxy.ForwardToPodAsync(request.Http, node, key, target, request.Aborted).ConfigureAwait(false);
        else
            await Proxy.ForwardToAddressAsync(request.Http, node, target, request.Aborted).ConfigureAwait(false);
        await body.CompleteAsync(request.Aborted).ConfigureAwait(false);
    }

    /// <summary>The relative links of a page lead to the page's server only from a path that ends with a slash.</summary>
    /// <returns>Whether the request is answered with that.</returns>
    private static bool IsSentToSlash(ApiRequest request)
    {
        var http = request.Http;
        bool isForPage = request.Path.Rest.Length == 0 && (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
            && http.Request.Headers.Upgrade.Count == 0;
        if (isForPage)
        {
            http.Response.StatusCode = StatusCodes.Status301MovedPermanently;
            http.Response.Headers.Location = $"{http.Request.Path.ToUriComponent()}/{http.Request.QueryString}";
        }

        return isForPage;
    }

    private static int PortOf(Pod pod, string text)
    {
        if (text.Length == 0)
        {
            return pod.Spec.Containers.OrEmpty().SelectMany(container => container.Ports.OrEmpty())
                .Select(port => port.ContainerPortValue ?? 0).FirstOrDefault(port => port > 0, 80);
        }

        return PortNumber(text);
    }

    private static int PortNumber(string text) => int.TryParse(text, out int port) && port is > 0 and < 65536
        ? port
        : throw ApiErrors.BadRequest($"invalid port \"{text}\"");

    private static ServicePort PickPort(Service service, string name)
    {
        var ports = service.Spec.Ports.OrEmpty();
        if (name.Length == 0 && ports.Count == 1)
            return ports[0];
        return ports.Find(port => port.Name == name || (port.Port?.ToString(System.Globalization.CultureInfo.InvariantCulture) == name)
                || (name.Length == 0 && string.IsNullOrEmpty(port.Name)))
            ?? throw ApiErrors.ServiceUnavailable($"no service port \"{name}\" found for service \"{service.Name}\"");
    }

    private async Task<(Orchestrator.Api.DiscoveryV1.Endpoint Endpoint, int Port)> EndpointAsync(
        Service service, ServicePort port, CancellationToken cancellationToken)
    {
        var slices = await objects.ListAsync<EndpointSlice>(service.Namespace, cancellationToken).ConfigureAwait(false);
        foreach (var slice in slices.Where(slice =>
            slice.Labels.TryGetValue("kubernetes.io/service-name", out string? name) && name == service.Name))
        {
            var target = slice.Ports.OrEmpty().Find(candidate => (candidate.Name ?? "") == (port.Name ?? ""));
            var ready = slice.Endpoints.OrEmpty().Where(endpoint =>
                endpoint.Conditions?.Ready != false && endpoint.Addresses is { Count: > 0 }).ToList();
            if (target?.Port is not { } number || ready.Count == 0)
                continue;
            return (ready[Random.Shared.Next(ready.Count)], number);
        }

        throw ApiErrors.ServiceUnavailable($"no endpoints available for service \"{service.Name}\"");
    }

    /// <summary><c>https:name:port</c>, <c>name:port</c> or <c>name</c>.</summary>
    private static (string Scheme, string Name, string Port) SplitName(string text)
    {
        var parts = text.Split(':');
        return parts.Length switch
        {
            1 => ("http", parts[0], ""),
            2 => ("http", parts[0], parts[1]),
            3 when parts[0] is "" or "http" or "https" => (parts[0].Length == 0 ? "http" : parts[0], parts[1], parts[2]),
            _ => throw ApiErrors.BadRequest($"invalid name \"{text}\""),
        };
    }

    private static string Container(Pod pod, string name)
    {
        var containers = pod.Spec.Containers.OrEmpty().Select(container => container.Name).ToList();
        var initial = pod.Spec.InitContainers.OrEmpty().Select(container => container.Name).ToList();
        var ephemeral = pod.Spec.EphemeralContainers.OrEmpty().Select(container => container.Name).ToList();
        if (name.Length > 0)
        {
            return containers.Contains(name) || initial.Contains(name) || ephemeral.Contains(name)
                ? name
                : throw ApiErrors.BadRequest($"container {name} is not valid for pod {pod.Name}");
        }

        if (containers.Count == 1)
            return containers[0]!;
        if (pod.Annotations.TryGetValue("kubectl.kubernetes.io/default-container", out string? chosen) && containers.Contains(chosen))
            return chosen;
        var text = new StringBuilder($"a container name must be specified for pod {pod.Name}, choose one of: [{string.Join(' ', containers)}]");
        if (initial.Count > 0)
            text.Append($" or one of the init containers: [{string.Join(' ', initial)}]");
        if (ephemeral.Count > 0)
            text.Append($" or one of the ephemeral containers: [{string.Join(' ', ephemeral)}]");
        throw ApiErrors.BadRequest(text.ToString());
    }

    private Task<Node> HostAsync(Pod pod, CancellationToken cancellationToken) => string.IsNullOrEmpty(pod.Spec.NodeName)
        ? throw ApiErrors.BadRequest($"pod {pod.Name} does not have a host assigned")
        : NodeAsync(pod.Spec.NodeName, cancellationToken);

    private static string Query(IQueryCollection query, params ReadOnlySpan<string> names)
    {
        var arguments = new QueryBuilder();
        foreach (string name in names)
        {
            if (query.TryGetValue(name, out var value))
                arguments.Add(name, value.ToString());
        }

        return arguments.ToString();
    }
}
