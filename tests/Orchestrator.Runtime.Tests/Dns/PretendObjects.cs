using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Orchestrator.Api;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Tests.Dns;

/// <summary>An API server that has objects in memory and tells watchers of them; it keeps no history and refuses nothing.</summary>
internal sealed class PretendObjects : IApiTransport
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string Collection, IKubernetesObject Object)> _objects = [];
    private readonly List<Watch> _watches = [];
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _version = 1;

    /// <summary>Lets watches begin; until then the server does not answer them.</summary>
    public void Open() => _open.TrySetResult();

    public PretendObjects Put(IKubernetesObject item)
    {
        lock (_lock)
        {
            string collection = new RequestPath(ApiClient.ResourceOf(item.GroupVersionKind), "").ToString();
            string key = new RequestPath(ApiClient.ResourceOf(item.GroupVersionKind), item.Namespace, item.Name).ToString();
            item.Metadata.ResourceVersion = (++_version).ToString();
            item.Metadata.Uid ??= key;
            string type = _objects.ContainsKey(key) ? "MODIFIED" : "ADDED";
            _objects[key] = (collection, item);
            Tell(collection, type, item);
        }
        return this;
    }

    public void Erase(IKubernetesObject item)
    {
        lock (_lock)
        {
            string key = new RequestPath(ApiClient.ResourceOf(item.GroupVersionKind), item.Namespace, item.Name).ToString();
            item.Metadata.ResourceVersion = (++_version).ToString();
            _objects.Remove(key, out var erased);
            Tell(erased.Collection, "DELETED", item);
        }
    }

    public IKubernetesObject? Get(string path)
    {
        lock (_lock)
            return _objects.GetValueOrDefault(path).Object;
    }

    public Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation)
    {
        string path = request.PathAndQuery.Split('?')[0];
        if (request.Method == HttpMethod.Get)
            return Task.FromResult(Get(path) is { } found ? new ApiResponse(200, KubernetesJson.Serialize(found))
                : new ApiResponse(404, """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}"""u8.ToArray()));
        var body = JsonDocument.Parse(request.Body!.Value).RootElement;
        var kind = GroupVersionKind.Parse(body.GetProperty("apiVersion").GetString()!, body.GetProperty("kind").GetString()!);
        var item = KubernetesJson.Deserialize(kind, request.Body.Value.Span);
        Put(item);
        return Task.FromResult(new ApiResponse(200, KubernetesJson.Serialize(item)));
    }

    public async Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation)
    {
        await _open.Task.WaitAsync(cancellation);
        lock (_lock)
        {
            string collection = request.PathAndQuery.Split('?')[0];
            var watch = new Watch(collection);
            foreach (var (home, item) in _objects.Values.Where(one => one.Collection == collection))
                watch.Add("ADDED", Encoding.UTF8.GetString(KubernetesJson.Serialize(item)));
            watch.Add("BOOKMARK", $$$$"""{"metadata":{"resourceVersion":"{{{{_version}}}}","annotations":{"k8s.io/initial-events-end":"true"}}}""");
            _watches.Add(watch);
            return watch;
        }
    }

    private void Tell(string collection, string type, IKubernetesObject item)
    {
        foreach (var watch in _watches.Where(watch => watch.Collection == collection))
            watch.Add(type, Encoding.UTF8.GetString(KubernetesJson.Serialize(item)));
    }

    private sealed class Watch(string collection) : IApiStream
    {
        private readonly Channel<byte[]> _lines = Channel.CreateUnbounded<byte[]>();

        public string Collection => collection;

        public int StatusCode => 200;

        public TimeSpan? RetryAfter => null;

        public void Add(string type, string item) => _lines.Writer.TryWrite(Encoding.UTF8.GetBytes($$"""{"type":"{{type}}","object":{{item}}}"""));

        public async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation) => await _lines.Reader.ReadAsync(cancellation);

        public ValueTask DisposeAsync() => default;
    }
}
