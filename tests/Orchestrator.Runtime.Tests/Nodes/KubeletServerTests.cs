using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using KvStore.Testing.Linux;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>What the API server asks kubelets for, over TLS.</summary>
public sealed class KubeletServerTests : IAsyncLifetime
{
    private static readonly X509Certificate2 Authority = MakeAuthority();
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));
    private KubeletServer _server = null!;
    private HollowCluster _cluster = null!;

    private CancellationToken Limit => _limit.Token;

    public async Task InitializeAsync()
    {
        _server = await KubeletServer.StartAsync(
            new KubeletServerOptions { Port = 0, Certificate = Issue("CN=hollow"), ClientAuthorities = [Authority] }, Limit);
        _cluster = await HollowCluster.StartAsync(new HollowOptions { NodeCount = 2, StartDelay = TimeSpan.Zero }, _server);
        _cluster.Bind("web", pod =>
        {
            pod.Spec.NodeName = "hollow-2";
            pod.Metadata.Annotations!["hollow.orchestrator/cpu"] = "250m";
            pod.Metadata.Annotations["hollow.orchestrator/memory"] = "64Mi";
        });
        await _cluster.UntilReadyAsync("web");
    }

    public async Task DisposeAsync()
    {
        await _cluster.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Who_has_no_certificate_of_the_authority_gets_nothing_but_health()
    {
        using HttpMessageInvoker stranger = Connect(null);

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(stranger, "/healthz")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(stranger, "/pods")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(stranger, "/exec/default/web/main?command=id&output=1")).Status);
    }

    /// <summary>Below the working directory of a node's process are the files of all its pods.</summary>
    [Fact]
    public void The_working_directory_is_not_watched()
    {
        string inode = long.Parse(Tools.Run("stat", "-c", "%i", Environment.CurrentDirectory), CultureInfo.InvariantCulture).ToString("x", CultureInfo.InvariantCulture);

        IEnumerable<string> watches = Directory.GetFiles("/proc/self/fdinfo").SelectMany(ReadLines).Where(line => line.StartsWith("inotify ", StringComparison.Ordinal));

        Assert.DoesNotContain(watches, line => line.Contains($" ino:{inode} ", StringComparison.Ordinal));
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (IOException)
        {
            return []; // Closed meanwhile.
        }
    }

    [Fact]
    public async Task Pods_are_listed_by_node()
    {
        JsonNode second = JsonNode.Parse(await GetTextAsync("/pods", "hollow-2"))!;
        JsonNode first = JsonNode.Parse(await GetTextAsync("/pods", "hollow-1"))!;

        Assert.Equal("web", (string?)second["items"]![0]!["metadata"]!["name"]);
        Assert.Empty(first["items"]?.AsArray() ?? []);
    }

    [Fact]
    public async Task Logs_have_the_lines_of_the_start_and_can_be_cut_and_stamped()
    {
        string whole = await GetTextAsync("/containerLogs/default/web/main");
        string tail = await GetTextAsync("/containerLogs/default/web/main?tailLines=1");
        string stamped = await GetTextAsync("/containerLogs/default/web/main?tailLines=1&timestamps=true");
        string limited = await GetTextAsync("/containerLogs/default/web/main?limitBytes=5");

        Assert.Equal("nginx:1.27: container main of pod default/web starts, attempt 0\nready\n", whole);
        Assert.Equal("ready\n", tail);
        Assert.Matches(@"^2030-01-01T00:00:\d\d\.000000000Z ready\n$", stamped); // How long its start took depends on the machine.
        Assert.Equal("nginx", limited);
    }

    [Fact]
    public async Task A_followed_log_ends_with_its_container_and_the_life_before_can_be_read()
    {
        _cluster.Bind("job", pod =>
        {
            pod.Spec.NodeName = "hollow-1";
            pod.Spec.Containers![0].Command = ["sh", "-c", "echo first; sleep 30; echo second; exit 1"];
        });
        await _cluster.AdvanceUntilAsync(() => _cluster.Main("job").State?.Running is not null, "it runs");

        Task<string> following = GetTextAsync("/containerLogs/default/job/main?follow=true");
        await _cluster.AdvanceUntilAsync(() => following.IsCompleted, "the log has ended");
        await _cluster.AdvanceUntilAsync(() => _cluster.Main("job").RestartCount > 0, "it lives again");

        Assert.Equal("first\nsecond\n", await following);
        Assert.Equal("first\nsecond\n", await GetTextAsync("/containerLogs/default/job/main?previous=true"));
    }

    [Theory]
    [InlineData("/containerLogs/default/nonesuch/main", HttpStatusCode.NotFound, "pod does not exist")]
    [InlineData("/containerLogs/default/web/nonesuch", HttpStatusCode.NotFound, "container nonesuch is not valid for pod web")]
    [InlineData("/containerLogs/default/web/main?previous=true", HttpStatusCode.BadRequest, "previous terminated container \"main\" in pod \"web\" not found")]
    [InlineData("/containerLogs/default/web/main?tailLines=x", HttpStatusCode.UnprocessableEntity, "invalid tailLines")]
    [InlineData("/nonesuch", HttpStatusCode.NotFound, "404 page not found")]
    public async Task What_is_not_there_is_said(string path, HttpStatusCode status, string text)
    {
        using HttpMessageInvoker invoker = Connect(Issue("O=system:masters, CN=kube-apiserver"));

        var answer = await GetAsync(invoker, path);

        Assert.Equal(status, answer.Status);
        Assert.Contains(text, answer.Text);
    }

    [Theory]
    [InlineData("CN=eve")]
    [InlineData("O=dev, CN=eve")]
    [InlineData("O=system:nodes, CN=system:node:other")]
    public async Task A_users_certificate_of_the_same_authority_opens_nothing(string name)
    {
        using HttpMessageInvoker invoker = Connect(Issue(name));

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => GetAsync(invoker, "/pods"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Commands_run_in_the_container(bool overWebSocket)
    {
        using HttpMessageInvoker invoker = Connect(Issue("O=system:masters, CN=kube-apiserver"));
        var options = new RemoteCommandOptions { Command = ["sh", "-c", "hostname; cat; exit 6"], Stdin = true, Stdout = true, Stderr = true };
        Uri uri = At("/exec/default/web/main?" + options.ToKubeletQuery());
        var client = new RemoteCommandClient(invoker);

        await using var session = overWebSocket
            ? await client.ConnectWebSocketAsync(uri, options, "v5.channel.k8s.io", Limit)
            : await client.ConnectSpdyAsync(uri, options, Limit);
        await session.Stdin!.WriteAsync("hello\n"u8.ToArray(), Limit);
        await session.Stdin.CompleteWritesAsync(Limit);
        using var output = new StreamReader(session.Stdout!);

        Assert.Equal("web\nhello\n", await output.ReadToEndAsync(Limit));
        Assert.Equal(6, (await session.Result).ExitCode);
    }

    [Fact]
    public async Task Who_attaches_with_input_talks_to_the_process_and_ends_it()
    {
        _cluster.Bind("shell", pod =>
        {
            pod.Spec.NodeName = "hollow-1";
            pod.Spec.RestartPolicy = "Never";
            pod.Spec.Containers![0].Stdin = true;
            pod.Spec.Containers[0].Command = ["sh"];
        });
        await _cluster.UntilReadyAsync("shell");
        using HttpMessageInvoker invoker = Connect(Issue("O=system:masters, CN=kube-apiserver"));
        var options = new RemoteCommandOptions { Stdin = true, Stdout = true, Stderr = true };

        await using var session = await new RemoteCommandClient(invoker).ConnectSpdyAsync(
            At("/attach/default/shell/main?" + options.ToKubeletQuery()), options, Limit);
        await session.Stdin!.WriteAsync("echo hi there\nexit 3\n"u8.ToArray(), Limit);
        using var output = new StreamReader(session.Stdout!);
        string said = await output.ReadToEndAsync(Limit);
        await _cluster.UntilPhaseAsync("shell", "Failed");

        Assert.Equal("hi there\n", said);
        Assert.Equal(3, _cluster.Main("shell").State!.Terminated!.ExitCode);
        Assert.EndsWith("hi there\n", await GetTextAsync("/containerLogs/default/shell/main"));
    }

    [Fact]
    public async Task Forwarded_ports_answer_requests_and_send_back_all_else()
    {
        using HttpMessageInvoker invoker = Connect(Issue("O=system:masters, CN=kube-apiserver"));
        await using PortForwardConnection session = await new PortForwardClient(invoker).ConnectTunnelAsync(At("/portForward/default/web"), Limit);

        await using ForwardedConnection web = await session.OpenAsync(80, Limit);
        await web.Data.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Limit);
        string page = await ReadToEndAsync(web.Data);
        await using ForwardedConnection echo = await session.OpenAsync(7, Limit);
        await echo.Data.WriteAsync("ping"u8.ToArray(), Limit);
        await echo.Data.CompleteWritesAsync(Limit);

        Assert.EndsWith("web answers at port 80\n", page);
        Assert.Equal("ping", await ReadToEndAsync(echo.Data));
    }

    [Fact]
    public async Task Usage_is_what_the_annotations_say()
    {
        JsonNode summary = JsonNode.Parse(await GetTextAsync("/stats/summary", "hollow-2"))!;
        string metrics = await GetTextAsync("/metrics/resource", "hollow-2");

        JsonNode main = summary["pods"]![0]!["containers"]![0]!;
        Assert.Equal(250_000_000, (long)main["cpu"]!["usageNanoCores"]!);
        Assert.Equal(64 * 1024 * 1024, (long)main["memory"]!["workingSetBytes"]!);
        Assert.Equal("hollow-2", (string?)summary["node"]!["nodeName"]);
        Assert.Contains("container_memory_working_set_bytes{container=\"main\",namespace=\"default\",pod=\"web\"} 67108864", metrics);
        Assert.Contains("node_cpu_usage_seconds_total", metrics);
    }

    [Fact]
    public async Task A_kubelet_counts_what_it_runs()
    {
        string metrics = await GetTextAsync("/metrics", "hollow-2");

        Assert.Contains("kubelet_node_name{node=\"hollow-2\"} 1\n", metrics);
        Assert.Contains("kubelet_running_pods 1\n", metrics);
        Assert.Contains("kubelet_running_containers{container_state=\"running\"} 1\n", metrics);
    }

    [Fact]
    public async Task The_api_servers_proxy_finds_a_nodes_kubelet_by_its_object()
    {
        using HttpMessageInvoker invoker = Connect(Issue("O=system:masters, CN=kube-apiserver"));
        var proxy = new NodeProxy(invoker, invoker);
        Node node = _cluster.Api.Get<Node>("hollow-2")!;

        using HttpResponseMessage pods = await proxy.SendAsync(node, HttpMethod.Get, "/pods", Limit);
        await using var api = await Streams.StreamServer.StartAsync(
            context => proxy.ForwardAsync(context, node, "/containerLogs/default/web/main?tailLines=1", context.RequestAborted));
        using HttpResponseMessage log = await Streams.StreamServer.Invoker.SendAsync(new HttpRequestMessage(HttpMethod.Get, api.At("/")), Limit);

        Assert.Contains("\"name\":\"web\"", await pods.Content.ReadAsStringAsync(Limit));
        Assert.Equal("ready\n", await log.Content.ReadAsStringAsync(Limit));
    }

    private static X509Certificate2 MakeAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable);
    }

    private static X509Certificate2 Issue(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        using X509Certificate2 signed = request.Create(
            Authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 complete = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(complete.Export(X509ContentType.Pfx), null);
    }

    private static HttpMessageInvoker Connect(X509Certificate2? certificate) => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
            ClientCertificates = certificate is null ? null : [certificate],
        },
    });

    private Uri At(string pathAndQuery) => new($"https://127.0.0.1:{_server.Port}{pathAndQuery}");

    private async Task<(HttpStatusCode Status, string Text)> GetAsync(HttpMessageInvoker invoker, string path, string? node = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, At(path));
        if (node is not null)
            request.Headers.Add(KubeletServer.NodeHeader, node);
        using HttpResponseMessage response = await invoker.SendAsync(request, Limit);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Limit));
    }

    private async Task<string> GetTextAsync(string path, string? node = null)
    {
        using HttpMessageInvoker invoker = Connect(Issue("O=system:masters, CN=kube-apiserver"));
        var (status, text) = await GetAsync(invoker, path, node);
        Assert.True(status == HttpStatusCode.OK, $"{status}: {text}");
        return text;
    }

    private async Task<string> ReadToEndAsync(Stream stream)
    {
        using var text = new MemoryStream();
        await stream.CopyToAsync(text, Limit);
        return Encoding.UTF8.GetString(text.ToArray());
    }
}
