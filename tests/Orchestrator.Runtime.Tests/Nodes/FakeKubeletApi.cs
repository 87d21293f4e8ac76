using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Patches;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>As much of an API server as kubelets need, in memory; it tells watchers at once.</summary>
/// <remarks>
/// Who watches sees changes in the order in which they were made, as with a real one: two that change a pod at one time may not
/// leave a kubelet with the older of the two.
/// </remarks>
internal sealed class FakeKubeletApi : IKubeletApi
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(Type, NamespacedName), IKubernetesObject> _objects = [];
    private readonly List<(string? NodeName, IPodSink Sink)> _watchers = [];
    private readonly List<(Type Type, Action<IKubernetesObject> Tell)> _tellers = [];
    private readonly List<Action<IKubernetesObject, bool>> _ofOne = [];
    private readonly Queue<Action> _tellings = [];
    private bool _isTelling;
    private long _revision;
    private int _uids;
    private volatile bool _holdsWatches;

    /// <summary>Requests that came, by what they were: "patch Pod", "update Lease".</summary>
    public ConcurrentDictionary<string, int> Counts { get; } = [];

    /// <summary>Set: every request fails with it.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Nobody answers: requests fail, and a watch that is begun waits for the return.</summary>
    public bool IsAway
    {
        get => Failure is IOException && _holdsWatches;
        set => (Failure, _holdsWatches) = (value ? new IOException("nobody answers") : null, value);
    }

    public IReadOnlyList<Event> Events => All<Event>();

    public IKubeletApi As(string nodeName) => this;

    public IReadOnlyList<T> All<T>() where T : class, IKubernetesObject
    {
        lock (_gate)
            return [.. _objects.Values.OfType<T>()];
    }

    public T? Get<T>(string name, string ns = "") where T : class, IKubernetesObject
    {
        lock (_gate)
            return (T?)_objects.GetValueOrDefault((typeof(T), new NamespacedName(ns, name)));
    }

    public Pod Pod(string name) => Get<Pod>(name, "default") ?? throw new InvalidOperationException($"no pod {name}");

    /// <summary>The scheduler's part: a pod is there and bound.</summary>
    public void Bind(Pod pod)
    {
        lock (_gate)
        {
            pod.Metadata.Uid = $"uid-{++_uids}";
            pod.Metadata.CreationTimestamp = DateTimeOffset.UnixEpoch;
            pod.Status.Phase = "Pending";
            Put(pod);
            Tell(pod, isDeleted: false);
        }
        TellAll();
    }

    /// <summary>Changes a pod as a user would.</summary>
    public void Change(string name, Action<Pod> change)
    {
        lock (_gate)
        {
            Pod changed = Pod(name).DeepClone();
            change(changed);
            Put(changed);
            Tell(changed, isDeleted: false);
        }
        TellAll();
    }

    public void RemoveAll<T>() where T : class, IKubernetesObject<T>
    {
        lock (_gate)
        {
            foreach (var key in _objects.Keys.Where(key => key.Item1 == typeof(T)).ToList())
                _objects.Remove(key);
        }
    }

    public void Delete(string name, int graceSeconds, DateTimeOffset now) => Change(name, pod =>
    {
        pod.Metadata.DeletionTimestamp = now + TimeSpan.FromSeconds(graceSeconds);
        pod.Metadata.DeletionGracePeriodSeconds = graceSeconds;
    });

    /// <summary>Gone at once, whatever its kubelet thinks.</summary>
    public void Remove(string name)
    {
        lock (_gate)
        {
            Pod pod = Pod(name);
            _objects.Remove((typeof(Pod), pod.Key));
            Tell(pod, isDeleted: true);
        }
        TellAll();
    }

    public async Task WatchPodsAsync(string? nodeName, IPodSink pods, CancellationToken ct)
    {
        await UntilBackAsync(ct);
        lock (_gate)
        {
            _watchers.Add((nodeName, pods));
            List<Pod> present = [.. All<Pod>().Where(pod => nodeName is null || pod.Spec.NodeName == nodeName)];
            _tellings.Enqueue(() => present.ForEach(pods.Changed));
            _tellings.Enqueue(pods.Synced);
        }
        TellAll();
        try
        {
            await Task.Delay(Timeout.Infinite, ct);
        }
        finally
        {
            lock (_gate)
                _watchers.Remove((nodeName, pods));
        }
    }

    public async Task WatchAsync<T>(string? name, IObjectSink<T> objects, CancellationToken ct) where T : class, IKubernetesObject<T>
    {
        await UntilBackAsync(ct);
        lock (_gate)
        {
            _tellers.Add((typeof(T), value =>
            {
                if (name is null || value.Name == name)
                    objects.Changed((T)value);
            }));
            List<T> present = [.. All<T>().Where(value => name is null || value.Name == name)];
            _tellings.Enqueue(() => present.ForEach(objects.Changed));
            _tellings.Enqueue(objects.Synced);
        }
        TellAll();
        await Task.Delay(Timeout.Infinite, ct);
    }

    public async Task WatchAsync<T>(string ns, string name, IObjectSink<T> objects, CancellationToken ct) where T : class, IKubernetesObject<T>
    {
        Count("watch", typeof(T));
        Action<IKubernetesObject, bool> tell = (value, isDeleted) =>
        {
            if (value is not T one || value.Name != name || value.Namespace != ns)
                return;
            if (isDeleted)
                objects.Deleted(one);
            else
                objects.Changed(one);
        };
        lock (_gate)
        {
            _ofOne.Add(tell);
            if (Get<T>(name, ns) is { } present)
                _tellings.Enqueue(() => objects.Changed(present));
            _tellings.Enqueue(objects.Synced);
        }
        TellAll();
        try
        {
            await Task.Delay(Timeout.Infinite, ct);
        }
        finally
        {
            lock (_gate)
                _ofOne.Remove(tell);
        }
    }

    /// <summary>How many single objects are watched.</summary>
    public int WatchCount
    {
        get
        {
            lock (_gate)
                return _ofOne.Count;
        }
    }

    /// <summary>What another client deletes.</summary>
    public void Erase<T>(string name, string ns) where T : class, IKubernetesObject<T>
    {
        lock (_gate)
        {
            T gone = Get<T>(name, ns) ?? throw NotFound(name);
            _objects.Remove((typeof(T), gone.Key));
            List<Action<IKubernetesObject, bool>> tellers = [.. _ofOne];
            _tellings.Enqueue(() => tellers.ForEach(tell => tell(gone, true)));
        }
        TellAll();
    }

    /// <summary>Tokens that were asked for; the n-th is "token-n", and holds for the time asked for.</summary>
    public List<(string ServiceAccount, TokenRequest Request)> Tokens { get; } = [];

    /// <summary>What tokens end by.</summary>
    public TimeProvider Clock { get; set; } = TimeProvider.System;

    public Task<TokenRequest> RequestTokenAsync(string ns, string serviceAccount, TokenRequest request, CancellationToken ct)
    {
        Count("create", typeof(TokenRequest));
        lock (_gate)
        {
            Tokens.Add((serviceAccount, request));
            TokenRequest answer = request.DeepClone();
            answer.Status = new TokenRequestStatus
            {
                Token = $"token-{Tokens.Count}",
                ExpirationTimestamp = Clock.GetUtcNow() + TimeSpan.FromSeconds(request.Spec.ExpirationSeconds ?? 3600),
            };
            return Task.FromResult(answer);
        }
    }

    /// <summary>What another client writes: a node's capacity, a service.</summary>
    public void Write<T>(T value) where T : class, IKubernetesObject<T>
    {
        lock (_gate)
        {
            Put(value);
            List<Action<IKubernetesObject>> tellers = [.. _tellers.Where(teller => teller.Type == typeof(T)).Select(teller => teller.Tell)];
            tellers.AddRange(_ofOne.Select<Action<IKubernetesObject, bool>, Action<IKubernetesObject>>(tell => told => tell(told, false)));
            _tellings.Enqueue(() => tellers.ForEach(tell => tell(value)));
        }
        TellAll();
    }

    public Task<T?> FindAsync<T>(string ns, string name, CancellationToken ct) where T : class, IKubernetesObject<T>
    {
        Count("find", typeof(T));
        return Task.FromResult(Get<T>(name, ns)?.DeepClone());
    }

    public Task<T> CreateAsync<T>(T value, CancellationToken ct) where T : class, IKubernetesObject<T>
    {
        Count("create", typeof(T));
        T created;
        lock (_gate)
        {
            if (_objects.ContainsKey((typeof(T), value.Key)))
                throw ApiErrors.AlreadyExists(new GroupResource("", typeof(T).Name), value.Name);
            created = value.DeepClone();
            created.Metadata.Uid = $"uid-{++_uids}";
            Put(created);
            if (created is Pod pod)
                Tell(pod, isDeleted: false);
        }
        TellAll();
        return Task.FromResult(created.DeepClone());
    }

    public Task<T> UpdateAsync<T>(T value, CancellationToken ct) where T : class, IKubernetesObject<T>
    {
        Count("update", typeof(T));
        lock (_gate)
        {
            T known = Get<T>(value.Name, value.Namespace) ?? throw NotFound(value.Name);
            if (value.ResourceVersion != known.ResourceVersion)
                throw ApiErrors.Conflict(new GroupResource("", typeof(T).Name), value.Name);
            T updated = value.DeepClone();
            Put(updated);
            return Task.FromResult(updated.DeepClone());
        }
    }

    public Task<T> PatchAsync<T>(string ns, string name, string subresource, ReadOnlyMemory<byte> patch, CancellationToken ct)
        where T : class, IKubernetesObject<T>
    {
        Count("patch", typeof(T));
        T patched;
        lock (_gate)
        {
            T known = Get<T>(name, ns) ?? throw NotFound(name);
            var change = JsonNode.Parse(patch.Span)!.AsObject();
            if (change["metadata"]?["uid"] is { } uid && (string?)uid != known.Uid)
                throw ApiErrors.Conflict(new GroupResource("", typeof(T).Name), name);
            var document = JsonNode.Parse(KubernetesJson.Serialize(known))!.AsObject();
            JsonObject result = StrategicMergePatch.Apply(document, change, SchemaSet.Kubernetes.ForKind(T.StaticKind));
            patched = KubernetesJson.Deserialize<T>(JsonSerializer.SerializeToUtf8Bytes(result));
            Put(patched);
            if (patched is Pod pod)
                Tell(pod, isDeleted: false);
        }
        TellAll();
        return Task.FromResult(patched.DeepClone());
    }

    public Task MergeAsync<T>(string ns, string name, ReadOnlyMemory<byte> patch, CancellationToken ct) where T : class, IKubernetesObject<T>
    {
        Count("merge", typeof(T));
        lock (_gate)
        {
            T known = Get<T>(name, ns) ?? throw NotFound(name);
            var document = JsonNode.Parse(KubernetesJson.Serialize(known))!.AsObject();
            foreach (var (field, value) in JsonNode.Parse(patch.Span)!.AsObject())
                document[field] = value?.DeepClone();
            Put(KubernetesJson.Deserialize<T>(JsonSerializer.SerializeToUtf8Bytes(document)));
        }
        return Task.CompletedTask;
    }

    public Task DeletePodAsync(string ns, string name, string uid, CancellationToken ct)
    {
        Count("delete", typeof(Pod));
        lock (_gate)
        {
            Pod pod = Get<Pod>(name, ns) ?? throw NotFound(name);
            if (pod.Uid != uid)
                throw ApiErrors.Conflict(new GroupResource("", "pods"), name);
            if (pod.Metadata.Finalizers is { Count: > 0 })
            {
                pod = pod.DeepClone();
                pod.Metadata.DeletionGracePeriodSeconds = 0;
                Put(pod);
                Tell(pod, isDeleted: false);
            }
            else
            {
                _objects.Remove((typeof(Pod), pod.Key));
                Tell(pod, isDeleted: true);
            }
        }
        TellAll();
        return Task.CompletedTask;
    }

    private async Task UntilBackAsync(CancellationToken ct)
    {
        while (_holdsWatches)
            await Task.Delay(2, ct);
    }

    private static ApiException NotFound(string name) => ApiErrors.NotFound(new GroupResource("", "x"), name);

    private void Count(string verb, Type type)
    {
        Counts.AddOrUpdate($"{verb} {type.Name}", 1, static (_, count) => count + 1);
        if (Failure is { } failure)
            throw failure;
    }

    private void Put(IKubernetesObject value)
    {
        value.Metadata.ResourceVersion = (++_revision).ToString();
        _objects[(value.GetType(), value.Key)] = value;
    }

    /// <summary>Under the gate, beside the change itself.</summary>
    private void Tell(Pod pod, bool isDeleted)
    {
        List<IPodSink> sinks = [.. _watchers.Where(watcher => watcher.NodeName is null || watcher.NodeName == pod.Spec.NodeName).Select(watcher => watcher.Sink)];
        _tellings.Enqueue(() => sinks.ForEach(sink =>
        {
            if (isDeleted)
                sink.Deleted(pod);
            else
                sink.Changed(pod);
        }));
    }

    /// <summary>Outside of the gate. One tells at a time: what comes meanwhile, also from those who are told, is told by the same.</summary>
    private void TellAll()
    {
        while (true)
        {
            Action? telling;
            lock (_gate)
            {
                if (_isTelling || !_tellings.TryDequeue(out telling))
                    return;
                _isTelling = true;
            }
            try
            {
                telling();
            }
            finally
            {
                lock (_gate)
                    _isTelling = false;
            }
        }
    }
}
