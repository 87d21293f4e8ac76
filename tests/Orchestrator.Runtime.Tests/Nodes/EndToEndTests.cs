using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Streams;
using Orchestrator.Runtime.Tests.ApiServer.Support;
using Orchestrator.Runtime.Tests.Streams;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>Store, API server, hollow nodes and kubectl, each the real one.</summary>
public sealed class EndToEndTests(ServerFixture fixture) : IClassFixture<ServerFixture>, IAsyncLifetime
{
    private KubeletServer _kubelets = null!;
    private ApiServerHost _server = null!;
    private HttpTransport _transport = null!;
    private HollowNodes _nodes = null!;
    private string _namespace = "";

    public async Task InitializeAsync()
    {
        _kubelets = await KubeletServer.StartAsync(new KubeletServerOptions { Port = 0, Certificate = ServerFixture.Certificate() }, default);
        _server = await fixture.StartServerAsync(options => options.NodeProxy = new NodeProxy(StreamServer.Invoker, StreamServer.Invoker));
        _transport = new HttpTransport(
            new HttpTransportOptions(_server.Address),
            new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
        var api = new ApiClientKubeletApi(new ApiClient(_transport));
        _nodes = await HollowNodes.StartAsync(
            new HollowOptions { NodeCount = 3, StartDelay = TimeSpan.Zero }, new KubeletServices(api, TimeProvider.System), _kubelets, default);
        _namespace = await fixture.NewNamespaceAsync();
    }

    public async Task DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _transport.Dispose();
        await _server.DisposeAsync();
        await _kubelets.DisposeAsync();
    }

    [Theory]
    [InlineData("1.29")]
    [InlineData("1.33")]
    public async Task Pods_run_on_hollow_nodes_and_kubectl_reaches_them(string version)
    {
        using var kubectl = new Kubectl(version, _server.Address);
        await CreateAsync("web", "hollow-2");
        await UntilAsync("web", pod => (string?)pod["status"]?["phase"] == "Running");

        var nodes = await kubectl.RunAsync(null, "get", "nodes", "--no-headers");
        var pods = await kubectl.RunAsync(null, "get", "pods", "-n", _namespace, "-o", "wide", "--no-headers");
        var logs = await kubectl.RunAsync(null, "logs", "web", "-n", _namespace);
        var exec = await kubectl.RunAsync("hello\n"u8.ToArray(), "exec", "-i", "web", "-n", _namespace, "--", "sh", "-c", "cat; exit 7");
        var deleted = await kubectl.RunAsync(null, "delete", "pod", "web", "-n", _namespace);

        Assert.Equal(3, nodes.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => line.Contains(" Ready ")));
        Assert.Matches("^web +1/1 +Running +0 .* 10\\.64\\.1\\.2 +hollow-2 ", pods.Output);
        Assert.Equal((0, $"nginx:1.27: container main of pod {_namespace}/web starts, attempt 0\nready\n", ""), logs);
        Assert.Equal((7, "hello\n"), (exec.ExitCode, exec.Output));
        Assert.Equal((0, ""), (deleted.ExitCode, deleted.Errors));
        Assert.Equal(404, (await fixture.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{_namespace}/pods/web")).Code);
    }

    [Fact]
    public async Task A_pod_that_kubectl_runs_talks_to_its_input_and_gives_its_exit_code()
    {
        using var kubectl = new Kubectl("1.33", _server.Address);

        var ran = await kubectl.RunAsync(
            "hello\n"u8.ToArray(),
            "run", "shell", "-i", "--rm", "--restart=Never", "--image=busybox", "-n", _namespace, "--pod-running-timeout=60s",
            "--overrides={\"spec\":{\"nodeName\":\"hollow-3\"}}", "--", "sh", "-c", "cat; exit 3");

        Assert.Contains("hello\n", ran.Output);
        Assert.True(ran.ExitCode == 3, $"{ran.ExitCode}: {ran.Output} {ran.Errors}");
        Assert.Equal(404, (await fixture.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{_namespace}/pods/shell")).Code);
    }

    [Fact]
    public async Task A_pod_is_reached_through_the_proxy_by_way_of_its_node()
    {
        await CreateAsync("web", "hollow-3");
        await UntilAsync("web", pod => (string?)pod["status"]?["phase"] == "Running");
        using HttpClient client = ServerFixture.ClientOf(_server);

        string answer = await client.GetStringAsync(new Uri($"/api/v1/namespaces/{_namespace}/pods/web:8080/proxy/any/path", UriKind.Relative));

        Assert.Equal("web answers at port 8080\n", answer);
    }

    [Theory]
    [InlineData("binary.k8s.io", false)]
    [InlineData("base64.binary.k8s.io", true)]
    public async Task A_log_is_read_over_a_web_socket(string protocol, bool isEncoded)
    {
        await CreateAsync("web", "hollow-3");
        await UntilAsync("web", pod => (string?)pod["status"]?["phase"] == "Running");
        using WebSocket socket = await WebSocketClient.ConnectAsync(
            StreamServer.Invoker, new Uri(_server.Address, $"/api/v1/namespaces/{_namespace}/pods/web/log?container=main"), protocol, default);

        var text = new System.Text.StringBuilder();
        var buffer = new byte[4096];
        int messageCount = 0;
        while (await socket.ReceiveAsync(buffer, default) is { MessageType: not WebSocketMessageType.Close } part)
        {
            string message = System.Text.Encoding.UTF8.GetString(buffer, 0, part.Count);
            text.Append(isEncoded ? System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(message)) : message);
            Assert.Equal(messageCount++ == 0, part.Count == 0);
        }

        Assert.Equal($"nginx:1.27: container main of pod {_namespace}/web starts, attempt 0\nready\n", text.ToString());
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    public async Task The_proxy_carries_every_method(string method)
    {
        await CreateAsync("web", "hollow-3");
        await UntilAsync("web", pod => (string?)pod["status"]?["phase"] == "Running");
        using HttpClient client = ServerFixture.ClientOf(_server);
        using var request = new HttpRequestMessage(
            new HttpMethod(method), new Uri($"/api/v1/namespaces/{_namespace}/pods/web/proxy/x?method={method}", UriKind.Relative));

        using HttpResponseMessage answer = await client.SendAsync(request);

        Assert.Equal((200, "web answers at port 80\n"), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Events_leases_and_the_end_of_a_job_are_stored()
    {
        await CreateAsync("job", "hollow-1", "Never");
        JsonObject ended = await UntilAsync("job", pod => (string?)pod["status"]?["phase"] == "Succeeded");
        JsonArray events = [];
        for (int i = 0; i < 600 && events.Count < 4; i++)
        {
            var (_, list) = await fixture.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{_namespace}/events");
            events = list["items"]!.AsArray();
            await Task.Delay(100);
        }
        var (_, lease) = await fixture.SendAsync(HttpMethod.Get, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/hollow-1");

        Assert.Equal("Completed", (string?)ended["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["reason"]);
        Assert.Equal(["Created", "Pulled", "Pulling", "Started"], events.Select(told => (string)told!["reason"]!).Order());
        Assert.Equal("hollow-1", (string?)lease["spec"]!["holderIdentity"]);
    }

    private async Task CreateAsync(string name, string node, string restartPolicy = "Always")
    {
        var (code, body) = await fixture.SendAsync(
            HttpMethod.Post,
            $"/api/v1/namespaces/{_namespace}/pods",
            $$"""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}"},
             "spec":{"nodeName":"{{node}}","restartPolicy":"{{restartPolicy}}","containers":[{"name":"main","image":"nginx:1.27"}]} }
            """);
        Assert.True(code == 201, body.ToJsonString());
    }

    private async Task<JsonObject> UntilAsync(string name, Func<JsonObject, bool> condition)
    {
        JsonObject pod = [];
        for (int i = 0; i < 600; i++)
        {
            (_, pod) = await fixture.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{_namespace}/pods/{name}");
            if (condition(pod))
                return pod;
            await Task.Delay(100);
        }
        throw new TimeoutException(pod.ToJsonString());
    }
}
