using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Orchestrator.Api;
using Orchestrator.Api.Selectors;
using Orchestrator.Runtime.Client;

namespace KvStore.Testing.Cluster;

/// <summary>Objects in memory that are listed and watched as an API server's are, by whoever has a client; nobody can write them
/// but the test.</summary>
internal sealed class MemoryApi : IApiTransport
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Plural, NamespacedName Key), IKubernetesObject> _objects = [];
    private readonly List<Watch> _watches = [];
    private long _revision = 1;

    public ApiClient Client => new(this);

    public MemoryApi Put<T>(T item)
        where T : class, IKubernetesObject<T>
    {
        lock (_lock)
        {
            string plural = ApiClient.ResourceOf<T>().Plural;
            var stored = item.DeepClone();
            stored.Metadata.ResourceVersion = Text(++_revision);
            stored.Metadata.Uid ??= item.Key.ToString();
            var old = _objects.GetValueOrDefault((plural, item.Key));
            _objects[(plural, item.Key)] = stored;
            foreach (var watch in _watches.Where(watch => watch.Plural == plural))
                watch.Tell(old, stored);
        }
        return this;
    }

    public void Delete<T>(string ns, string name)
        where T : class, IKubernetesObject<T>
    {
        lock (_lock)
        {
            string plural = ApiClient.ResourceOf<T>().Plural;
            if (!_objects.Remove((plural, new NamespacedName(ns, name)), out var old))
                return;
            var last = (IKubernetesObject)old.DeepClone();
            last.Metadata.ResourceVersion = Text(++_revision);
            foreach (var watch in _watches.Where(watch => watch.Plural == plural && watch.Shows(old)))
                watch.Send("DELETED", last);
        }
    }

    public Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation) =>
        throw new TransportException("this API server has watches alone");

    public Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation)
    {
        var address = new Uri("http://memory" + request.PathAndQuery);
        var query = address.Query.TrimStart('?').Split('&').Select(part => part.Split('=', 2))
            .ToDictionary(part => part[0], part => Uri.UnescapeDataString(part[1]));
        var watch = new Watch(
            address.AbsolutePath.Split('/')[^1],
            Selector.Parse(query.GetValueOrDefault("labelSelector", "")), FieldSelector.Parse(query.GetValueOrDefault("fieldSelector", "")));
        lock (_lock)
        {
            // Nothing breaks a watch here, so that nobody ever goes on from a version.
            if (query.GetValueOrDefault("sendInitialEvents") != "true")
                throw new TransportException("this API server begins every watch with all there is");
            foreach (var item in _objects.Where(item => item.Key.Plural == watch.Plural && watch.Shows(item.Value)))
                watch.Send("ADDED", item.Value);
            watch.SendEndOfInitialEvents(Text(_revision));
            _watches.Add(watch);
        }
        return Task.FromResult<IApiStream>(watch);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed class Watch(string plural, Selector labels, FieldSelector fields) : IApiStream
    {
        private readonly Channel<byte[]> _lines = Channel.CreateUnbounded<byte[]>();

        public string Plural => plural;

        public int StatusCode => 200;

        public TimeSpan? RetryAfter => null;

        public bool Shows(IKubernetesObject item) =>
            labels.Matches(item.Labels) && fields.Matches(field => field == "metadata.name" ? item.Name : null);

        public void Tell(IKubernetesObject? old, IKubernetesObject now)
        {
            bool was = old is not null && Shows(old);
            bool isNow = Shows(now);
            if (was || isNow)
                Send(!was ? "ADDED" : isNow ? "MODIFIED" : "DELETED", now);
        }

        public void Send(string type, IKubernetesObject item) => SendLine(type, Encoding.UTF8.GetString(KubernetesJson.Serialize(item)));

        public void SendEndOfInitialEvents(string version) => SendLine("BOOKMARK",
            $"{{\"metadata\":{{\"resourceVersion\":\"{version}\",\"annotations\":{{\"k8s.io/initial-events-end\":\"true\"}}}}}}");

        public async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation) =>
            await _lines.Reader.ReadAsync(cancellation);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private void SendLine(string type, string item) =>
            _lines.Writer.TryWrite(Encoding.UTF8.GetBytes($"{{\"type\":\"{type}\",\"object\":{item}}}"));
    }
}
