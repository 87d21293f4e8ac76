using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.Patches;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>An API server of one thread, in memory: revisions, history, watches, and the rules that controllers live by
/// (optimistic concurrency, generateName, finalizers, graceful deletion, the subresources status, scale, binding, eviction).</summary>
/// <remarks>It keeps JSON as it comes. It knows no defaults and no validation but what a test gives it
/// (<see cref="Prepare"/>).</remarks>
public sealed class FakeApiServer(VirtualWorld world, Faults? faults = null) : IApiTransport
{
    private const string NameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

    private readonly SortedDictionary<string, JsonObject> _objects = new(StringComparer.Ordinal);
    private readonly List<Change> _history = [];
    private readonly List<FakeWatch> _watches = [];
    private long _compacted;
    private int _uidCount;
    private int _crashes;
    private DateTimeOffset _downUntil;

    public Faults Faults { get; set; } = faults ?? Faults.None;

    public long Revision { get; private set; } = 1;

    /// <summary>Every write that was made: method, path.</summary>
    public List<string> Writes { get; } = [];

    /// <summary>All requests, watches included.</summary>
    public List<ApiRequest> Requests { get; } = [];

    public int WatchCount => _watches.Count;

    /// <summary>Called with each new object before it is stored, to set defaults.</summary>
    public Action<ResourceDescription, JsonObject>? Prepare { get; set; }

    /// <summary>Called before each request is handled; an answer stands for the server's.</summary>
    public Func<ApiRequest, ApiResponse?>? Intercept { get; set; }

    /// <summary>Whether nothing is created in a namespace that is not there.</summary>
    public bool ChecksNamespaces { get; set; }

    /// <summary>Called with each change once it is made.</summary>
    public Action<Change>? OnChange { get; set; }

    public IReadOnlyList<Change> History => _history;

    /// <summary>All that is stored.</summary>
    public IEnumerable<JsonObject> Everything => _objects.Values;

    public async Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation)
    {
        int crashes = _crashes;
        Requests.Add(request);
        await DelayAsync(cancellation);
        CheckUp(crashes);
        if (Happens(Faults.LostRequest))
            throw new TransportException("lost on the way (planted)");
        if (Intercept?.Invoke(request) is { } answer)
            return answer;
        if (Happens(Faults.Refusal))
            return Refuse(world.Random.Next(3));
        var response = Handle(request);
        if (request.Method != HttpMethod.Get && Happens(Faults.CrashAfterWrite))
            Crash(TimeSpan.FromSeconds(world.Random.NextDouble() * 10));
        await DelayAsync(cancellation);
        CheckUp(crashes);
        if (Happens(Faults.LostAnswer))
            throw new TransportException("the answer was lost (planted)");
        return response;
    }

    public async Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation)
    {
        int crashes = _crashes;
        Requests.Add(request);
        await DelayAsync(cancellation);
        CheckUp(crashes);
        if (Happens(Faults.LostRequest))
            throw new TransportException("lost on the way (planted)");
        if (Intercept?.Invoke(request) is { } answer)
            return new FakeWatch(world, this, answer);
        var target = Target.Parse(request);
        if (target.Query.GetValueOrDefault("sendInitialEvents") == "true" && Faults.RefusesWatchList)
        {
            return new FakeWatch(world, this, Failure(422, "Invalid",
                "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"));
        }
        return OpenWatch(target);
    }

    /// <summary>The server ends: all that is under way gets no answer, whether it was done or not. The store keeps everything, and
    /// another server stands in its place after a while.</summary>
    public void Crash(TimeSpan pause)
    {
        _crashes++;
        _downUntil = world.Time.GetUtcNow() + pause;
        BreakWatches();
    }

    /// <summary>Whatever was down is up.</summary>
    public void Recover() => _downUntil = default;

    private void CheckUp(int crashes)
    {
        if (crashes != _crashes || world.Time.GetUtcNow() < _downUntil)
            throw new TransportException("the server is gone (planted)");
    }

    /// <summary>Reads an object past all faults.</summary>
    public T? Find<T>(string ns, string name)
        where T : class, IKubernetesObject<T> =>
        _objects.TryGetValue(KeyOf(ApiClient.ResourceOf<T>(), ns, name), out var found)
            ? KubernetesJson.Deserialize<T>(Bytes(found))
            : null;

    public IReadOnlyList<T> All<T>()
        where T : class, IKubernetesObject<T> =>
        [.. Under(ApiClient.ResourceOf<T>(), "").Select(entry => KubernetesJson.Deserialize<T>(Bytes(entry.Value)))];

    /// <summary>Writes past all faults: creates the object, or puts it as it is (status and all).</summary>
    public T Put<T>(T target)
        where T : class, IKubernetesObject<T>
    {
        var resource = ApiClient.ResourceOf<T>();
        var json = (JsonObject)JsonNode.Parse(KubernetesJson.Serialize(target))!;
        string key = KeyOf(resource, target.Namespace, target.Name);
        if (_objects.TryGetValue(key, out var old))
        {
            foreach (string field in (string[])["uid", "creationTimestamp", "generation"])
                Meta(json)[field] ??= Meta(old)[field]?.DeepClone();
            Store(resource, key, json);
        }
        else
        {
            Create(resource, target.Namespace, json);
        }
        return Find<T>(target.Namespace, Text(Meta(json), "name")!)!;
    }

    /// <summary>Ends a graceful deletion as a kubelet does: finalizers may still hold the object.</summary>
    public void EndGrace<T>(string ns, string name)
        where T : class, IKubernetesObject<T>
    {
        var resource = ApiClient.ResourceOf<T>();
        string key = KeyOf(resource, ns, name);
        if (!_objects.TryGetValue(key, out var old) || !IsDeleted(old))
            return;
        var changed = (JsonObject)old.DeepClone();
        Meta(changed)["deletionGracePeriodSeconds"] = 0;
        if (Finalizers(changed).Count == 0)
            Remove(resource, key, changed);
        else if (!JsonNode.DeepEquals(old, changed))
            Store(resource, key, changed);
    }

    /// <summary>Deletes past all faults, finalizers and grace.</summary>
    public void Erase<T>(string ns, string name)
        where T : class, IKubernetesObject<T> =>
        Remove(ApiClient.ResourceOf<T>(), KeyOf(ApiClient.ResourceOf<T>(), ns, name));

    /// <summary>Forgets the history: who is behind must list anew.</summary>
    public void Compact() => _compacted = Revision;

    /// <summary>Ends every watch, as a server that stops does.</summary>
    public void BreakWatches()
    {
        foreach (var watch in _watches.ToList())
            watch.Break();
    }

    internal void Forget(FakeWatch watch) => _watches.Remove(watch);

    internal bool Happens(double chance) => chance > 0 && world.Random.NextDouble() < chance;

    internal Task DelayAsync(CancellationToken cancellation) =>
        Faults.Latency > TimeSpan.Zero
            ? Task.Delay(Faults.Latency * world.Random.NextDouble(), world.Time, cancellation)
            : Task.CompletedTask;

    private ApiResponse Handle(ApiRequest request)
    {
        var target = Target.Parse(request);
        var response = request.Method.Method switch
        {
            "GET" when target.Name.Length == 0 => List(target),
            "GET" => Get(target),
            "POST" => Post(target, Json(request)),
            "PUT" => PutChecked(target, Json(request)),
            "PATCH" => Patch(target, request),
            "DELETE" => Delete(target, request.Body is null ? [] : Json(request)),
            _ => Failure(405, "MethodNotAllowed", "method not allowed"),
        };
        if (request.Method != HttpMethod.Get && response.IsSuccess)
            Writes.Add($"{request.Method} {request.PathAndQuery}");
        if (Happens(Faults.Compaction))
            Compact();
        return response;
    }

    private ApiResponse Get(Target target)
    {
        if (!_objects.TryGetValue(target.Key, out var found))
            return NotFound(target);
        return target.Subresource == "scale" ? Ok(ToScale(target.Resource, found)) : Ok(found);
    }

    private ApiResponse List(Target target)
    {
        long version = Revision;
        string? asked = target.Query.GetValueOrDefault("resourceVersion");
        if (asked is not null && long.TryParse(asked, out long atLeast) && Happens(Faults.StaleList))
        {
            long oldest = Math.Max(Math.Max(atLeast, 1), Math.Max(_compacted, Revision - 20));
            version = world.Random.NextInt64(Math.Min(oldest, Revision), Revision + 1);
        }
        var items = new JsonArray();
        foreach (var item in StateAt(target.Resource, target.Namespace, version).Values)
            items.Add(item.DeepClone());
        return Ok(new JsonObject
        {
            ["kind"] = target.Resource.Kind.Kind + "List",
            ["apiVersion"] = target.Resource.Kind.ApiVersion,
            ["metadata"] = new JsonObject { ["resourceVersion"] = Number(version) },
            ["items"] = items,
        });
    }

    private FakeWatch OpenWatch(Target target)
    {
        string? version = target.Query.GetValueOrDefault("resourceVersion");
        bool sendsInitial = target.Query.GetValueOrDefault("sendInitialEvents") == "true";
        bool isFromStart = version is null or "0" || sendsInitial;
        long from = isFromStart ? Revision : long.Parse(version!, CultureInfo.InvariantCulture);
        if (from < _compacted)
        {
            return new FakeWatch(world, this, Failure(410, "Expired",
                $"too old resource version: {from} ({_compacted})"));
        }
        int seconds = int.Parse(target.Query.GetValueOrDefault("timeoutSeconds") ?? "3600", CultureInfo.InvariantCulture);
        var watch = new FakeWatch(world, this, target.Resource, target.Namespace, TimeSpan.FromSeconds(seconds));
        if (isFromStart)
        {
            foreach (var item in Under(target.Resource, target.Namespace))
                watch.Add("ADDED", item.Value);
        }
        if (sendsInitial)
            watch.AddBookmark(from, isInitialEnd: true);
        foreach (var change in _history)
        {
            if (change.Revision > from)
                watch.Offer(change);
        }
        _watches.Add(watch);
        return watch;
    }

    private ApiResponse Post(Target target, JsonObject body) => target.Subresource switch
    {
        "" => Create(target.Resource, target.Namespace, body),
        "binding" => Bind(target, body),
        "eviction" => Delete(target, body["deleteOptions"]?.AsObject() ?? []),
        _ => Failure(404, "NotFound", "the server could not find the requested resource"),
    };

    private ApiResponse Create(ResourceDescription resource, string ns, JsonObject body)
    {
        var meta = Meta(body);
        if (resource.IsNamespaced && IsTerminating(ns))
            return Terminating(resource, ns);
        if (resource.IsNamespaced && ChecksNamespaces && !_objects.ContainsKey($"namespaces//{ns}"))
            return Failure(404, "NotFound", $"namespaces \"{ns}\" not found", ns);
        if (string.IsNullOrEmpty(Text(meta, "name")))
        {
            if (Text(meta, "generateName") is not { Length: > 0 } prefix)
                return Failure(422, "Invalid", "metadata.name: Required value: name or generateName is required");
            meta["name"] = prefix + Suffix();
        }
        string name = Text(meta, "name")!;
        if (resource.IsNamespaced)
            meta["namespace"] = ns;
        string key = KeyOf(resource, ns, name);
        if (_objects.ContainsKey(key))
            return Failure(409, "AlreadyExists", $"{Qualified(resource)} \"{name}\" already exists", name);
        meta["uid"] = $"00000000-0000-0000-0000-{++_uidCount:d12}";
        meta["creationTimestamp"] = Now();
        meta["generation"] = 1L;
        meta.Remove("deletionTimestamp");
        if (resource.Plural == "pods")
            (body["status"] ??= new JsonObject()).AsObject()["phase"] ??= "Pending";
        Prepare?.Invoke(resource, body);
        Store(resource, key, body);
        return Ok(body, 201);
    }

    private ApiResponse PutChecked(Target target, JsonObject body)
    {
        if (!_objects.TryGetValue(target.Key, out var old))
            return NotFound(target);
        if (Conflict(target, body) is { } conflict)
            return conflict;
        return Replace(target, old, body);
    }

    private ApiResponse Replace(Target target, JsonObject old, JsonObject body)
    {
        var changed = (JsonObject)old.DeepClone();
        if (target.Subresource == "status")
        {
            changed["status"] = body["status"]?.DeepClone() ?? new JsonObject();
        }
        else if (target.Subresource == "finalize")
        {
            changed["spec"] = body["spec"]?.DeepClone() ?? new JsonObject();
        }
        else if (target.Subresource == "scale")
        {
            changed["spec"]!["replicas"] = body["spec"]?["replicas"]?.DeepClone() ?? 0;
        }
        else
        {
            changed = (JsonObject)body.DeepClone();
            foreach (string field in (string[])["uid", "creationTimestamp", "generation", "deletionTimestamp",
                "deletionGracePeriodSeconds", "namespace", "name", "resourceVersion"])
            {
                Copy(Meta(old), Meta(changed), field);
            }
            bool hasStatus = target.Resource.Subresources.Any(sub => sub.Name == "status");
            if (hasStatus)
                Copy(old, changed, "status");
        }
        if (!JsonNode.DeepEquals(old["spec"], changed["spec"]))
            Meta(changed)["generation"] = (Long(Meta(old)["generation"]) ?? 0) + 1;
        if (JsonNode.DeepEquals(old, changed))
            return Ok(old);
        if (IsDeleted(changed) && Finalizers(changed).Count == 0 && !IsHeldByGrace(target.Resource, changed))
        {
            Remove(target.Resource, target.Key, changed);
            return Ok(changed);
        }
        Store(target.Resource, target.Key, changed);
        return Ok(changed);
    }

    private ApiResponse Patch(Target target, ApiRequest request)
    {
        if (!_objects.TryGetValue(target.Key, out var old))
            return NotFound(target);
        var document = (JsonObject)old.DeepClone();
        if (request.ContentType == "application/json-patch+json")
            return Replace(target, old, (JsonObject)JsonPatch.Apply(document, request.Body!.Value.Span)!);
        var patch = Json(request);
        if (Conflict(target, patch) is { } conflict)
            return conflict;
        var merged = request.ContentType == "application/strategic-merge-patch+json"
            ? StrategicMergePatch.Apply(document, patch, SchemaSet.Kubernetes.ForKind(target.Resource.Kind))
            : (JsonObject)MergePatch.Apply(document, patch)!;
        return Replace(target, old, merged);
    }

    private ApiResponse? Conflict(Target target, JsonObject body)
    {
        var old = Meta(_objects[target.Key]);
        var meta = body["metadata"] as JsonObject;
        string? uid = meta is null ? null : Text(meta, "uid");
        string? version = meta is null ? null : Text(meta, "resourceVersion");
        if ((uid is null or "" || uid == Text(old, "uid")) && (version is null or "" || version == Text(old, "resourceVersion")))
            return null;
        return Failure(409, "Conflict",
            $"Operation cannot be fulfilled on {Qualified(target.Resource)} \"{target.Name}\": the object has been modified; "
            + "please apply your changes to the latest version and try again", target.Name);
    }

    private ApiResponse Bind(Target target, JsonObject body)
    {
        if (!_objects.TryGetValue(target.Key, out var old))
            return NotFound(target);
        if (Text(Meta(body), "uid") is { Length: > 0 } uid && uid != Text(Meta(old), "uid"))
            return Failure(409, "Conflict", "Precondition failed: UID in precondition does not match", target.Name);
        var changed = (JsonObject)old.DeepClone();
        var spec = (changed["spec"] ??= new JsonObject()).AsObject();
        if (Text(spec, "nodeName") is { Length: > 0 } node)
        {
            return Failure(409, "Conflict",
                $"Operation cannot be fulfilled on pods/binding \"{target.Name}\": pod {target.Name} is already assigned to node \"{node}\"",
                target.Name);
        }
        spec["nodeName"] = body["target"]!["name"]!.DeepClone();
        Store(target.Resource, target.Key, changed);
        return Ok(StatusBody(201, "Success"), 201);
    }

    private ApiResponse Delete(Target target, JsonObject options)
    {
        if (target.Name.Length == 0)
            return DeleteCollection(target, options);
        if (!_objects.TryGetValue(target.Key, out var old))
            return NotFound(target);
        var meta = Meta(old);
        var preconditions = options["preconditions"] as JsonObject ?? [];
        foreach (string field in (string[])["uid", "resourceVersion"])
        {
            if (Text(preconditions, field) is { } asked && asked != Text(meta, field))
            {
                string what = field == "uid" ? "UID" : "ResourceVersion";
                return Failure(409, "Conflict",
                    $"Operation cannot be fulfilled on {Qualified(target.Resource)} \"{target.Name}\": the {what} in the precondition "
                    + $"({asked}) does not match the {what} in record ({Text(meta, field)})", target.Name);
            }
        }
        return DeleteNow(target.Resource, target.Key, old, options);
    }

    private ApiResponse DeleteNow(ResourceDescription resource, string key, JsonObject old, JsonObject options)
    {
        var changed = (JsonObject)old.DeepClone();
        var finalizers = Finalizers(changed);
        string? policy = Text(options, "propagationPolicy");
        SetFinalizer(finalizers, "foregroundDeletion", policy == "Foreground");
        SetFinalizer(finalizers, "orphan", policy == "Orphan");
        if (finalizers.Count > 0)
            Meta(changed)["finalizers"] = new JsonArray([.. finalizers.Select(name => (JsonNode)name)]);
        long grace = Long(options["gracePeriodSeconds"]) ?? Long(old["spec"]?["terminationGracePeriodSeconds"]) ?? 30;
        bool isGraceful = resource.Plural == "pods" && grace > 0 && Text(changed["spec"]!.AsObject(), "nodeName") is { Length: > 0 };
        bool isHeldAsNamespace = resource.Plural == "namespaces" && (changed["spec"]?["finalizers"] as JsonArray)?.Count > 0;
        if (finalizers.Count == 0 && !isGraceful && !isHeldAsNamespace)
        {
            Remove(resource, key, changed);
            return Ok(StatusBody(200, "Success"));
        }
        if (!IsDeleted(changed))
        {
            Meta(changed)["deletionTimestamp"] = Now();
            Meta(changed)["generation"] = (Long(Meta(old)["generation"]) ?? 0) + 1;
            if (isGraceful)
                Meta(changed)["deletionGracePeriodSeconds"] = grace;
            if (isHeldAsNamespace)
                (changed["status"] ??= new JsonObject())["phase"] = "Terminating";
        }
        if (!JsonNode.DeepEquals(old, changed))
            Store(resource, key, changed);
        return Ok(changed);
    }

    private ApiResponse DeleteCollection(Target target, JsonObject options)
    {
        foreach (var (key, item) in Under(target.Resource, target.Namespace))
            DeleteNow(target.Resource, key, item, options);
        return Ok(StatusBody(200, "Success"));
    }

    private static void SetFinalizer(List<string> finalizers, string name, bool isWanted)
    {
        if (isWanted && !finalizers.Contains(name))
            finalizers.Add(name);
        else if (!isWanted)
            finalizers.Remove(name);
    }

    private bool IsHeldByGrace(ResourceDescription resource, JsonObject item) =>
        (resource.Plural == "pods" && Long(Meta(item)["deletionGracePeriodSeconds"]) > 0)
        || (resource.Plural == "namespaces" && (item["spec"]?["finalizers"] as JsonArray)?.Count > 0);

    private bool IsTerminating(string ns) =>
        _objects.TryGetValue($"namespaces//{ns}", out var found) && IsDeleted(found);

    private ApiResponse Terminating(ResourceDescription resource, string ns)
    {
        var body = StatusBody(403, "Failure", "Forbidden",
            $"{Qualified(resource)} is forbidden: unable to create new content in namespace {ns} because it is being terminated");
        body["details"] = new JsonObject
        {
            ["causes"] = new JsonArray(new JsonObject { ["reason"] = "NamespaceTerminating", ["field"] = "metadata.namespace" }),
        };
        return new ApiResponse(403, Bytes(body));
    }

    private void Store(ResourceDescription resource, string key, JsonObject item)
    {
        Meta(item)["resourceVersion"] = Number(++Revision);
        _objects.TryGetValue(key, out var old);
        _objects[key] = item;
        Publish(new Change(Revision, resource, key, old, item));
    }

    private void Remove(ResourceDescription resource, string key, JsonObject? last = null)
    {
        if (!_objects.Remove(key, out var old))
            return;
        last = (JsonObject)(last ?? old).DeepClone();
        Meta(last)["resourceVersion"] = Number(++Revision);
        Publish(new Change(Revision, resource, key, last, null));
    }

    private void Publish(Change change)
    {
        _history.Add(change);
        OnChange?.Invoke(change);
        foreach (var watch in _watches.ToList())
            watch.Offer(change);
    }

    private SortedDictionary<string, JsonObject> StateAt(ResourceDescription resource, string ns, long revision)
    {
        string prefix = Prefix(resource, ns);
        var state = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var (key, item) in Under(resource, ns))
            state[key] = item;
        for (int at = _history.Count - 1; at >= 0 && _history[at].Revision > revision; at--)
        {
            var change = _history[at];
            if (!change.Key.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            if (change.Old is null)
                state.Remove(change.Key);
            else
                state[change.Key] = change.New is null ? WithoutDeletion(change) : change.Old;
        }
        return state;
    }

    // The last state of a deleted object bears the deletion's revision; before it, it had the one that the history tells.
    private JsonObject WithoutDeletion(Change deletion) =>
        _history.FindLast(earlier => earlier.Key == deletion.Key && earlier.Revision < deletion.Revision)?.New ?? deletion.Old!;

    private IEnumerable<KeyValuePair<string, JsonObject>> Under(ResourceDescription resource, string ns)
    {
        string prefix = Prefix(resource, ns);
        return _objects.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).ToList();
    }

    private static string Prefix(ResourceDescription resource, string ns) =>
        ns.Length == 0 ? $"{Qualified(resource)}/" : $"{Qualified(resource)}/{ns}/";

    private static string KeyOf(ResourceDescription resource, string ns, string name) =>
        $"{Qualified(resource)}/{(resource.IsNamespaced ? ns : "")}/{name}";

    private static string Qualified(ResourceDescription resource) =>
        resource.Group.Length == 0 ? resource.Plural : $"{resource.Plural}.{resource.Group}";

    private string Suffix() =>
        string.Create(5, world.Random, static (text, random) =>
        {
            for (int i = 0; i < text.Length; i++)
                text[i] = NameAlphabet[random.Next(NameAlphabet.Length)];
        });

    private JsonObject ToScale(ResourceDescription resource, JsonObject item) => new()
    {
        ["kind"] = "Scale",
        ["apiVersion"] = "autoscaling/v1",
        ["metadata"] = new JsonObject
        {
            ["name"] = Text(Meta(item), "name"),
            ["namespace"] = Text(Meta(item), "namespace"),
            ["resourceVersion"] = Text(Meta(item), "resourceVersion"),
        },
        ["spec"] = new JsonObject { ["replicas"] = item["spec"]?["replicas"]?.DeepClone() },
    };

    private string Now() => world.Time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static ApiResponse Refuse(int which) => which switch
    {
        0 => Failure(500, "InternalError", "planted"),
        1 => Failure(429, "TooManyRequests", "planted") with { RetryAfter = TimeSpan.FromSeconds(1) },
        _ => Failure(503, "ServiceUnavailable", "planted"),
    };

    private static ApiResponse NotFound(Target target) =>
        Failure(404, "NotFound", $"{Qualified(target.Resource)} \"{target.Name}\" not found", target.Name);

    private static ApiResponse Failure(int code, string reason, string message, string? name = null)
    {
        var body = StatusBody(code, "Failure", reason, message);
        if (name is not null)
            body["details"] = new JsonObject { ["name"] = name };
        return new ApiResponse(code, Bytes(body));
    }

    private static JsonObject StatusBody(int code, string status, string? reason = null, string? message = null) => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = status,
        ["message"] = message,
        ["reason"] = reason,
        ["code"] = code,
    };

    private static ApiResponse Ok(JsonObject body, int code = 200) => new(code, Bytes(body));

    private static JsonObject Json(ApiRequest request) => (JsonObject)JsonNode.Parse(request.Body!.Value.Span)!;

    internal static byte[] Bytes(JsonObject body) => Encoding.UTF8.GetBytes(body.ToJsonString());

    private static JsonObject Meta(JsonObject item) => (JsonObject)(item["metadata"] ??= new JsonObject());

    private static string? Text(JsonObject item, string field) => item[field]?.GetValue<string>();

    // Whether a number was parsed or made here, and of which width, is all the same.
    private static long? Long(JsonNode? number) =>
        number is null ? null : long.Parse(number.ToJsonString(), CultureInfo.InvariantCulture);

    private static void Copy(JsonObject from, JsonObject to, string field)
    {
        if (from[field] is { } value)
            to[field] = value.DeepClone();
        else
            to.Remove(field);
    }

    private static bool IsDeleted(JsonObject item) => Meta(item)["deletionTimestamp"] is not null;

    private static List<string> Finalizers(JsonObject item) =>
        [.. (Meta(item)["finalizers"] as JsonArray ?? []).Select(name => name!.GetValue<string>())];

    private static string Number(long version) => version.ToString(CultureInfo.InvariantCulture);

    /// <summary>One write; New is null for a deletion, whose Old then bears the deletion's revision.</summary>
    public sealed record Change(long Revision, ResourceDescription Resource, string Key, JsonObject? Old, JsonObject? New);

    private sealed record Target(
        ResourceDescription Resource, string Namespace, string Name, string Subresource, Dictionary<string, string> Query)
    {
        public string Key => KeyOf(Resource, Namespace, Name);

        public static Target Parse(ApiRequest request)
        {
            string[] halves = request.PathAndQuery.Split('?', 2);
            var query = new Dictionary<string, string>();
            foreach (string pair in halves.Length < 2 ? [] : halves[1].Split('&'))
            {
                string[] parts = pair.Split('=', 2);
                query[parts[0]] = Uri.UnescapeDataString(parts[1]);
            }
            var path = new Queue<string>(halves[0].Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString));
            string group = path.Dequeue() == "api" ? "" : path.Dequeue();
            string version = path.Dequeue();
            string ns = "";
            if (path.Peek() == "namespaces" && path.Count >= 3 && path.ElementAt(2) is not ("status" or "finalize"))
            {
                path.Dequeue();
                ns = path.Dequeue();
            }
            string plural = path.Dequeue();
            var resource = ResourceTable.Served.Find(group, version, plural)
                ?? throw new InvalidOperationException($"no resource for {request.PathAndQuery}");
            return new Target(
                resource, ns, path.TryDequeue(out string? name) ? name : "", path.TryDequeue(out string? sub) ? sub : "", query);
        }
    }
}
