using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Tests.Security;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>Kubelets before a secured API server: each acts as its own node, and as no more than that.</summary>
public sealed class NodeIdentityTests(SecuredServer cluster) : IClassFixture<SecuredServer>, IAsyncLifetime
{
    private const string NodeA = "edge-1";
    private const string NodeB = "edge-2";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private HttpTransport _http = null!;
    private WatchedTransport _seen = null!;
    private ApiClient _admin = null!;
    private HollowNodes _nodes = null!;
    private string _namespace = "";

    public async Task InitializeAsync()
    {
        _http = new HttpTransport(new HttpTransportOptions(cluster.Server.Address)
        {
            CertificateAuthorities = new X509Certificate2Collection(cluster.Certificates.ServerAuthority.Certificate),
            ClientCertificate = cluster.Certificates.Admin,
            UserAgent = "kubelet",
        });
        _admin = new ApiClient(_http);
        _seen = new WatchedTransport(_http);
        _nodes = await HollowNodes.StartAsync(
            new HollowOptions { NodeCount = 2, NamePrefix = "edge-", StartDelay = TimeSpan.Zero },
            new KubeletServices(new ApiClientKubeletApi(new ApiClient(_seen)), TimeProvider.System),
            null, default);
        _namespace = await cluster.NewNamespaceAsync();
    }

    public async Task DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _http.Dispose();
    }

    [Fact]
    public async Task All_that_a_kubelet_does_is_done_as_its_node_and_is_allowed()
    {
        await _admin.CreateAsync(Secret("word"));
        await _admin.CreateAsync(new ConfigMap { Metadata = Named("map"), Data = new() { ["key"] = "value" } });
        await _admin.CreateAsync(PodOn(NodeA, "web", "word", "map"));
        await _admin.CreateAsync(PodOn(NodeB, "job", restartPolicy: "Never"));

        await UntilAsync("web", pod => pod?.Status.Conditions.OrEmpty().Exists(condition => condition is { Type: "Ready", Status: "True" }) == true);
        await UntilAsync("job", pod => pod?.Status.Phase == "Succeeded");
        await UntilAsync(async () => (await _admin.ListAsync<Event>(_namespace)).Items.Any(told => told.Reason == "Started"), "an event");
        await UntilAsync(async () => (await _admin.ListAsync<Event>("default")).Items.Any(told => told.Reason == "NodeReady"), "the nodes' events");
        await _admin.DeleteAsync<Pod>(_namespace, "web");
        await UntilAsync("web", pod => pod is null);

        Node node = await _admin.GetAsync<Node>("", NodeA);
        Assert.Contains(node.Status.Conditions!, condition => condition is { Type: "Ready", Status: "True" });
        Assert.Equal(NodeA, (await _admin.GetAsync<Lease>("kube-node-lease", NodeA)).Spec.HolderIdentity);
        Assert.Contains(_seen.Requests, request => request.PathAndQuery.Contains("/secrets/word", StringComparison.Ordinal));
        Assert.Contains(_seen.Requests, request => request.Method == HttpMethod.Delete);
        Assert.Empty(_seen.Refusals);
        Assert.All(_seen.Requests, request => Assert.Equal("system:nodes", request.ActingFor?.Group));
        Assert.All(
            _seen.Requests.Where(request => request.PathAndQuery.Contains("/pods/web", StringComparison.Ordinal)),
            request => Assert.Equal("system:node:" + NodeA, request.ActingFor!.Name));
    }

    [Fact]
    public async Task A_kubelet_reads_neither_the_secrets_nor_the_pods_nor_the_node_of_another()
    {
        ApiClient a = As(NodeA), b = As(NodeB);
        await _admin.CreateAsync(Secret("theirs"));
        Pod pod = await _admin.CreateAsync(PodOn(NodeB, "their-pod", "theirs"));
        await UntilAsync("their-pod", found => found?.Status.Phase == "Running");

        Assert.Equal("theirs", (await b.GetAsync<Secret>(_namespace, "theirs")).Name);
        string text = await RefusedAsync(() => a.GetAsync<Secret>(_namespace, "theirs"));
        Assert.Equal($"secrets \"theirs\" is forbidden: User \"system:node:{NodeA}\" cannot get resource \"secrets\" in API group \"\" in the namespace "
            + $"\"{_namespace}\": no relationship found between node '{NodeA}' and this object", text);
        await RefusedAsync(() => a.ListAsync<Secret>(_namespace));
        await RefusedAsync(() => a.GetAsync<Pod>(_namespace, "their-pod"));
        await RefusedAsync(() => a.ListAsync<Pod>(_namespace));
        await RefusedAsync(() => a.ListAsync<Pod>("", new ListOptions { FieldSelector = $"spec.nodeName={NodeB}" }));
        await RefusedAsync(() => a.GetAsync<Node>("", NodeB));
        await RefusedAsync(() => a.GetAsync<Lease>("kube-node-lease", NodeB));
        await RefusedAsync(() => TokenAsync(a, pod));
        Assert.NotEmpty((await TokenAsync(b, pod)).Status.Token!);
    }

    [Fact]
    public async Task A_kubelet_watches_the_objects_of_its_own_pods_by_their_names_and_has_tokens_for_them()
    {
        IKubeletApi a = new ApiClientKubeletApi(_admin).As(NodeA);
        await _admin.CreateAsync(new ConfigMap { Metadata = Named("mine"), Data = new() { ["key"] = "one" } });
        await _admin.CreateAsync(new ConfigMap { Metadata = Named("other"), Data = new() { ["key"] = "one" } });
        Pod pod = PodOn(NodeA, "reader");
        pod.Spec.Volumes = [new Volume { Name = "config", ConfigMap = new ConfigMapVolumeSource { Name = "mine" } }];
        pod = await _admin.CreateAsync(pod);
        using var ending = new CancellationTokenSource();
        var mine = new Seen();
        var other = new Seen();

        Task watching = Task.WhenAll(
            a.WatchAsync<ConfigMap>(_namespace, "mine", mine, ending.Token), a.WatchAsync<ConfigMap>(_namespace, "other", other, ending.Token));
        await UntilAsync(() => Task.FromResult(mine.Values.Contains("one")), "it is seen");
        await _admin.PatchAsync<ConfigMap>(_namespace, "mine", PatchFormat.Merge, """{"data":{"key":"two"}}"""u8.ToArray());
        await UntilAsync(() => Task.FromResult(mine.Values.Contains("two")), "the change is seen");
        await _admin.DeleteAsync<ConfigMap>(_namespace, "mine");
        await UntilAsync(() => Task.FromResult(mine.Values.Contains("deleted")), "its end is seen");
        TokenRequest token = await a.RequestTokenAsync(_namespace, "default", new TokenRequest
        {
            Spec = new TokenRequestSpec
            {
                ExpirationSeconds = 3607,
                BoundObjectRef = new BoundObjectReference { ApiVersion = "v1", Kind = "Pod", Name = pod.Name, Uid = pod.Uid },
            },
        }, CancellationToken.None);
        await ending.CancelAsync();
        try
        {
            await watching;
        }
        catch (OperationCanceledException)
        {
            // As asked for.
        }

        Assert.NotEmpty(token.Status.Token!);
        Assert.NotNull(token.Status.ExpirationTimestamp);
        Assert.Equal(["one", "two", "deleted"], mine.Values);
        Assert.Empty(other.Values);
        Assert.False(other.HasSynced);
    }

    private sealed class Seen : IObjectSink<ConfigMap>
    {
        public ConcurrentQueue<string> Values { get; } = new();

        public bool HasSynced { get; private set; }

        public void Changed(ConfigMap value) => Values.Enqueue(value.Data!["key"]);

        public void Deleted(ConfigMap value) => Values.Enqueue("deleted");

        public void Synced() => HasSynced = true;
    }

    [Fact]
    public async Task A_kubelet_changes_neither_the_node_nor_the_pods_nor_the_lease_of_another()
    {
        ApiClient a = As(NodeA);
        Pod pod = await _admin.CreateAsync(PodOn(NodeB, "untouched"));
        await UntilAsync("untouched", found => found?.Status.Phase == "Running");

        Assert.Equal(
            $"nodes \"{NodeB}\" is forbidden: node \"{NodeA}\" is not allowed to modify node \"{NodeB}\"",
            await RefusedAsync(() => PatchNodeAsync(a, NodeB, """{"metadata":{"annotations":{"a":"b"}}}""")));
        await RefusedAsync(() => PatchNodeAsync(a, NodeB, """{"status":{"phase":"Running"}}""", "status"));
        await RefusedAsync(() => a.DeleteAsync<Node>("", NodeB));
        await RefusedAsync(() => a.DeleteAsync<Pod>(_namespace, pod.Name, new Deletion { GracePeriodSeconds = 0 }));
        await RefusedAsync(() => a.PatchAsync<Pod>(_namespace, pod.Name, PatchFormat.Strategic, """{"status":{"reason":"x"}}"""u8.ToArray(), "status"));
        await RefusedAsync(() => a.PatchAsync<Pod>(_namespace, pod.Name, PatchFormat.Merge, """{"metadata":{"labels":{"a":"b"}}}"""u8.ToArray()));
        await RefusedAsync(() => a.PatchAsync<Lease>("kube-node-lease", NodeB, PatchFormat.Merge, """{"spec":{"leaseDurationSeconds":1}}"""u8.ToArray()));
        await RefusedAsync(() => a.CreateAsync(PodOn(NodeA, "no-mirror")));
    }

    [Theory]
    [InlineData("node-restriction.kubernetes.io/team", "x")]
    [InlineData("node-role.kubernetes.io/control-plane", "")]
    [InlineData("some.k8s.io/label", "x")]
    public async Task A_kubelet_cannot_give_its_node_a_label_that_others_rely_on(string label, string value)
    {
        ApiClient a = As(NodeA);
        string patch = $$$"""{"metadata":{"labels":{"{{{label}}}":"{{{value}}}"} } }""";

        string text = await RefusedAsync(() => PatchNodeAsync(a, NodeA, patch));
        string registering = await RefusedAsync(() => As("new").CreateAsync(new Node { Metadata = new ObjectMeta { Name = "new", Labels = new() { [label] = value } } }));
        await PatchNodeAsync(a, NodeA, """{"metadata":{"labels":{"node.kubernetes.io/instance-type":"small"}}}""");
        await RefusedAsync(() => PatchNodeAsync(a, NodeA, """{"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}}"""));

        Assert.Equal($"nodes \"{NodeA}\" is forbidden: is not allowed to modify labels: {label}", text);
        Assert.Equal($"nodes \"new\" is forbidden: node \"new\" is not allowed to set the following labels: {label}", registering);
    }

    [Fact]
    public async Task Who_may_not_impersonate_nodes_cannot_speak_as_one()
    {
        using var http = new HttpTransport(new HttpTransportOptions(cluster.Server.Address)
        {
            CertificateAuthorities = new X509Certificate2Collection(cluster.Certificates.ServerAuthority.Certificate),
            ClientCertificate = cluster.Certificates.Scheduler,
        });

        string text = await RefusedAsync(() => new ApiClient(http).ActingFor(new ActingUser("system:node:" + NodeA, "system:nodes")).GetAsync<Node>("", NodeA));

        Assert.Equal(
            $"users \"system:node:{NodeA}\" is forbidden: User \"system:kube-scheduler\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope", text);
    }

    private ApiClient As(string node) => _admin.ActingFor(new ActingUser("system:node:" + node, "system:nodes"));

    private static async Task<string> RefusedAsync(Func<Task> ask)
    {
        var refusal = await Assert.ThrowsAsync<ApiException>(ask);
        Assert.True(refusal.Status.Code == 403, refusal.Message);
        return refusal.Status.Message!;
    }

    private static Task<Node> PatchNodeAsync(ApiClient client, string node, string patch, string? subresource = null) =>
        client.PatchAsync<Node>("", node, PatchFormat.Strategic, Encoding.UTF8.GetBytes(patch), subresource);

    private async Task<TokenRequest> TokenAsync(ApiClient client, Pod pod)
    {
        var request = new TokenRequest
        {
            Spec = new() { BoundObjectRef = new() { ApiVersion = "v1", Kind = "Pod", Name = pod.Name, Uid = pod.Uid } },
        };
        var answer = await client.SendAsync(new ApiRequest(HttpMethod.Post, $"/api/v1/namespaces/{_namespace}/serviceaccounts/default/token")
        {
            Body = KubernetesJson.Serialize(request),
        });
        return KubernetesJson.Deserialize<TokenRequest>(answer.Span);
    }

    private ObjectMeta Named(string name) => new() { Namespace = _namespace, Name = name };

    private Secret Secret(string name) => new() { Metadata = Named(name), Data = new() { ["key"] = "value"u8.ToArray() } };

    private Pod PodOn(string node, string name, string? secret = null, string? map = null, string restartPolicy = "Always") => new()
    {
        Metadata = Named(name),
        Spec = new PodSpec
        {
            NodeName = node,
            RestartPolicy = restartPolicy,
            TerminationGracePeriodSeconds = 1,
            Containers =
            [
                new Container
                {
                    Name = "main",
                    Image = "nginx:1.27",
                    Env = secret is null ? null : [new EnvVar { Name = "E", ValueFrom = new() { SecretKeyRef = new() { Name = secret, Key = "key" } } }],
                    EnvFrom = map is null ? null : [new EnvFromSource { ConfigMapRef = new() { Name = map } }],
                },
            ],
        },
    };

    private Task UntilAsync(string pod, Func<Pod?, bool> isSo) =>
        UntilAsync(async () => isSo(await _admin.FindAsync<Pod>(_namespace, pod)), $"{pod}; refused: {string.Join('\n', _seen.Refusals)}");

    private static async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!await isSo())
        {
            Assert.True(DateTime.UtcNow < deadline, "never: " + what);
            await Task.Delay(20);
        }
    }

    /// <summary>Notes what kubelets ask, and what is not allowed to them.</summary>
    private sealed class WatchedTransport(IApiTransport transport) : IApiTransport
    {
        public ConcurrentQueue<ApiRequest> Requests { get; } = new();

        public ConcurrentQueue<string> Refusals { get; } = new();

        public async Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation)
        {
            Requests.Enqueue(request);
            var answer = await transport.SendAsync(request, cancellation);
            if (answer.StatusCode is 401 or 403)
                Refusals.Enqueue(Encoding.UTF8.GetString(answer.Body.Span));
            return answer;
        }

        public async Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation)
        {
            Requests.Enqueue(request);
            var stream = await transport.OpenAsync(request, cancellation);
            if (stream.StatusCode is 401 or 403)
                Refusals.Enqueue(request.PathAndQuery);
            return stream;
        }
    }
}
