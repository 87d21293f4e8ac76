using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api.CertificatesV1;

namespace Orchestrator.Control.Tests.Fixtures;

/// <summary>Objects in memory that a controller's decisions change, as the API server would: names are generated, versions
/// counted, deletion waits for finalizers. Its cache shows the objects at once, unless it is frozen.</summary>
public sealed class FakeCluster : IObjectCache
{
    private readonly Dictionary<(GroupVersionKind, string, string), IKubernetesObject> _objects = [];
    private readonly Dictionary<string, Func<IKubernetesObject, IEnumerable<string>>> _indexes = [];
    private int _version = 100;
    private int _names;

    public DateTimeOffset Now { get; set; } = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    public List<string> Events { get; } = [];

    public List<Intent> Done { get; } = [];

    /// <summary>Refuses an intent with a Status; null lets it pass.</summary>
    public Func<Intent, Status?> Refusal { get; set; } = static _ => null;

    /// <summary>Told of each change: what was there before, what is there now.</summary>
    public Action<IKubernetesObject?, IKubernetesObject?> Changed { get; set; } = static (_, _) => { };

    public int Version => _version;

    public IEnumerable<IKubernetesObject> Objects => _objects.Values;

    public FakeCluster With(params IKubernetesObject[] objects)
    {
        foreach (var item in objects)
            Add(item);
        return this;
    }

    public T Add<T>(T item) where T : IKubernetesObject
    {
        item.Metadata.Uid ??= $"uid-{++_names}";
        item.Metadata.CreationTimestamp ??= Now;
        if (string.IsNullOrEmpty(item.Metadata.Name))
            item.Metadata.Name = $"{item.Metadata.GenerateName}{++_names:x5}";
        item.Metadata.Generation ??= 1;
        Store(item);
        return item;
    }

    public void Store(IKubernetesObject item)
    {
        item.Metadata.ResourceVersion = (++_version).ToString(CultureInfo.InvariantCulture);
        var before = _objects.GetValueOrDefault(KeyOf(item));
        _objects[KeyOf(item)] = item;
        Changed(before, item);
    }

    public void Remove(IKubernetesObject item)
    {
        if (!_objects.Remove(KeyOf(item), out var before))
            return;
        _version++;
        Changed(before, null);
    }

    /// <summary>Changes an object in place, with a new version.</summary>
    public T Change<T>(string namespaceName, string name, Action<T> change) where T : class, IKubernetesObject<T>
    {
        var item = Get<T>(namespaceName, name)!.DeepClone();
        change(item);
        Store(item);
        return item;
    }

    /// <summary>Changes what kubectl would change: the generation counts on.</summary>
    public T Edit<T>(string namespaceName, string name, Action<T> change) where T : class, IKubernetesObject<T> =>
        Change<T>(namespaceName, name, item =>
        {
            change(item);
            item.Metadata.Generation = (item.Metadata.Generation ?? 0) + 1;
        });

    public T? Get<T>(string namespaceName, string name) where T : class, IKubernetesObject<T> =>
        _objects.GetValueOrDefault((T.StaticKind, namespaceName, name)) as T;

    public IReadOnlyList<T> List<T>(string namespaceName = "") where T : class, IKubernetesObject<T> =>
        _objects.Values.OfType<T>().Where(item => namespaceName.Length == 0 || item.Namespace == namespaceName).ToList();

    public IReadOnlyList<T> ByController<T>(string uid) where T : class, IKubernetesObject<T> =>
        _objects.Values.OfType<T>().Where(item => item.ControllerOwner?.Uid == uid).ToList();

    public IReadOnlyList<T> Orphans<T>(string namespaceName) where T : class, IKubernetesObject<T> =>
        List<T>(namespaceName).Where(item => item.ControllerOwner is null).ToList();

    public IReadOnlyList<T> ByIndex<T>(string index, string value) where T : class, IKubernetesObject<T> =>
        _objects.Values.OfType<T>().Where(item => _indexes[$"{T.StaticKind}/{index}"](item).Contains(value)).ToList();

    public IKubernetesObject? ByUid(string uid) => _objects.Values.FirstOrDefault(item => item.Uid == uid);

    public IReadOnlyList<IKubernetesObject> Dependents(string uid) =>
        _objects.Values.Where(item => item.Metadata.OwnerReferences.OrEmpty().Any(owner => owner.Uid == uid)).ToList();

    public IKubernetesObject? Get(GroupVersionKind kind, string namespaceName, string name) =>
        _objects.GetValueOrDefault((kind, namespaceName, name));

    public long SeenResourceVersion(GroupVersionKind kind) => _version;

    /// <summary>One look of a controller at one key, with all that follows from it.</summary>
    public Decision Reconcile(
        ControllerDescription controller, NamespacedName key, object? memory = null, IReadOnlyList<IntentFailure>? failures = null)
    {
        foreach (var index in controller.Indexes)
            _indexes[$"{index.Kind}/{index.Name}"] = index.Values;
        var input = new ReconcileInput
        {
            Key = key, Cache = this, Now = Now, Memory = memory, Failures = failures ?? [],
        };
        var decision = controller.Reconcile(input);
        Failures = [];
        for (int round = 0; round < Decision.LookupRoundsLimit; round++)
        {
            CarryOut(decision.Intents);
            if (decision.Lookups.Count == 0)
                break;
            input = input with { Found = LookUp(decision.Lookups), Memory = decision.Memory };
            decision = controller.Reconcile(input);
        }
        return decision;
    }

    /// <summary>Looks again and again until nothing is left to be done.</summary>
    public Decision Settle(ControllerDescription controller, NamespacedName key)
    {
        object? memory = null;
        for (int i = 0; i < 50; i++)
        {
            int done = Done.Count;
            var decision = Reconcile(controller, key, memory, Failures);
            memory = decision.Memory;
            if (Done.Count == done && Failures.Count == 0)
                return decision;
        }
        throw new InvalidOperationException($"{controller.Name} does not settle: {string.Join("\n", Done.TakeLast(4))}");
    }

    public IReadOnlyList<IntentFailure> Failures { get; private set; } = [];

    public Findings LookUp(IReadOnlyList<Lookup> lookups) => new()
    {
        Objects = lookups.OfType<Lookup.Get>().Distinct().ToDictionary(
            get => get, get => Get(get.Target.Kind, get.Target.Namespace, get.Target.Name)),
        Lists = lookups.OfType<Lookup.List>().ToDictionary(list => list, ListOf),
    };

    private IReadOnlyList<IKubernetesObject> ListOf(Lookup.List list)
    {
        var resource = ResourceTable.Served.Find(list.Resource.Group, list.Resource.Version, list.Resource.Resource);
        return _objects.Values.Where(item => item.GroupVersionKind == resource?.Kind && item.Namespace == list.Namespace).ToList();
    }

    private void CarryOut(IReadOnlyList<Intent> intents)
    {
        foreach (var intent in intents)
        {
            if (!CarryOut(intent) && !intent.ContinueOnFailure)
                return;
        }
    }

    private bool CarryOut(Intent intent)
    {
        if (intent is Batch batch)
            return CarryOut(batch);
        Done.Add(intent);
        var status = Refusal(intent);
        string name = "";
        try
        {
            if (status is null)
                name = Apply(intent);
        }
        catch (RefusedException refusal)
        {
            // In a test with one hand on the cluster a conflict is a mistake of the controller's.
            Assert.Fail($"{refusal.Status.Reason}: {intent}");
        }
        if (status is not null)
        {
            Failures = [.. Failures, new IntentFailure(intent, status)];
            Note(intent.OnFailure, "", status.Message ?? "");
            return false;
        }
        Note(intent.OnSuccess, name, "");
        return true;
    }

    /// <summary>What the API answers a refused request.</summary>
    public sealed class RefusedException(Status status) : Exception(status.Message)
    {
        public Status Status => status;
    }

    private static RefusedException Refuse(string reason, int code, string what) =>
        new(Make.Refused(reason, what, code));

    private IKubernetesObject Stored(GroupVersionKind kind, string ns, string name, string uid, string version)
    {
        if (!_objects.TryGetValue((kind, ns, name), out var stored))
            throw Refuse("NotFound", 404, $"{kind.Kind} \"{name}\" not found");
        if ((uid.Length > 0 && stored.Uid != uid) || (version.Length > 0 && stored.ResourceVersion != version))
            throw Refuse("Conflict", 409, $"the {kind.Kind} \"{name}\" has been modified");
        return stored;
    }

    private bool CarryOut(Batch batch)
    {
        int next = 0;
        bool allWell = true;
        for (int size = batch.IsSlowStart ? 1 : batch.Intents.Count; next < batch.Intents.Count; size *= 2)
        {
            var group = batch.Intents.Skip(next).Take(size).ToList();
            next += group.Count;
            foreach (var intent in group)
                allWell &= CarryOut(intent);
            if (!allWell && batch.IsSlowStart)
                return false;
        }
        return allWell;
    }

    private void Note(EventNote? note, string name, string error)
    {
        if (note is not null)
            Events.Add($"{note.Type} {note.Reason} {note.Format(name, error)}");
    }

    /// <exception cref="RefusedException">Nothing was changed.</exception>
    public string Apply(Intent intent)
    {
        switch (intent)
        {
            case Create create when create.Object.Name.Length > 0 && _objects.ContainsKey(KeyOf(create.Object)):
                throw Refuse("AlreadyExists", 409, $"{create.Object.Name} already exists");
            case Create create:
                return Add(Clone(create.Object)).Metadata.Name!;
            case Update update:
                return ApplyUpdate(update);
            case Patch patch:
                return ApplyPatch(patch);
            case Delete delete:
                ApplyDelete(delete);
                return delete.Target.Name;
            case DeleteCollection collection:
                foreach (var item in ListOf(new Lookup.List(collection.Resource, collection.Namespace)))
                    ApplyDelete(new Delete(ObjectRef.To(item)));
                return "";
            case EmitEvent emit:
                Note(emit.Note, "", "");
                return "";
            case SignCertificate sign:
                Change<CertificateSigningRequest>("", sign.Request.Name, request => request.Status.Certificate = [1]);
                return sign.Request.Name;
            default:
                throw new NotSupportedException(intent.ToString());
        }
    }

    private static IKubernetesObject Clone(IKubernetesObject item) => item.DeepClone();

    private string ApplyUpdate(Update update)
    {
        var item = update.Object.DeepClone();
        var stored = Stored(item.GroupVersionKind, item.Namespace, item.Name, item.Uid, item.ResourceVersion);
        if (update.Subresource is "" && stored is not ControllerRevision)
        {
            // A change of the spec counts on the generation; the status is not written this way.
            var before = (JsonObject)Json(stored);
            var after = (JsonObject)Json(item);
            if (!JsonNode.DeepEquals(before["spec"], after["spec"]))
                item.Metadata.Generation = (stored.Metadata.Generation ?? 0) + 1;
        }
        StoreOrRemove(item);
        return item.Name;
    }

    private static JsonNode Json(IKubernetesObject item) => JsonNode.Parse(KubernetesJson.Serialize(item))!;

    /// <summary>Merge patches, and of strategic ones what controllers use: lists of owners and conditions.</summary>
    private string ApplyPatch(Patch patch)
    {
        var body = (JsonObject)JsonNode.Parse(patch.Body)!;
        var stored = Stored(patch.Target.Kind, patch.Target.Namespace, patch.Target.Name,
            (string?)body["metadata"]?["uid"] ?? "", (string?)body["metadata"]?["resourceVersion"] ?? "");
        var json = (JsonObject)Json(stored);
        Merge(json, body, patch.Type == PatchType.StrategicMerge);
        StoreOrRemove(KubernetesJson.Deserialize(patch.Target.Kind, JsonSerializer.SerializeToUtf8Bytes(json)));
        return patch.Target.Name;
    }

    private static void Merge(JsonObject into, JsonObject patch, bool isStrategic)
    {
        foreach (var (key, value) in patch)
        {
            if (value is null)
                into.Remove(key);
            else if (value is JsonObject child && into[key] is JsonObject target)
                Merge(target, child, isStrategic);
            else if (isStrategic && value is JsonArray items && key is "ownerReferences" or "conditions" or "finalizers")
                into[key] = MergeLists(into[key] as JsonArray, (JsonArray)value!, key switch
                {
                    "conditions" => "type",
                    "finalizers" => "",
                    _ => "uid",
                });
            else if (key == "$deleteFromPrimitiveList/finalizers")
                into["finalizers"] = new JsonArray((into["finalizers"] as JsonArray ?? [])
                    .Where(item => !((JsonArray)value).Any(gone => (string?)gone == (string?)item))
                    .Select(item => item?.DeepClone()).ToArray());
            else
                into[key] = value.DeepClone();
        }
    }

    private static JsonArray MergeLists(JsonArray? into, JsonArray patch, string key)
    {
        var merged = (into ?? []).Select(item => item!.DeepClone()).ToList();
        foreach (var item in patch)
        {
            if (key.Length == 0)
            {
                merged.Add(item!.DeepClone());
                continue;
            }
            merged.RemoveAll(other => (string?)other[key] == (string?)item![key]);
            if ((string?)item!["$patch"] != "delete")
                merged.Add(item.DeepClone());
        }
        return new JsonArray(merged.ToArray<JsonNode?>());
    }

    private void ApplyDelete(Delete delete)
    {
        if (!_objects.TryGetValue((delete.Target.Kind, delete.Target.Namespace, delete.Target.Name), out var item)
            || (delete.Target.Uid.Length > 0 && item.Uid != delete.Target.Uid))
        {
            return;
        }
        if (delete.Target.ResourceVersion.Length > 0 && delete.Target.ResourceVersion != item.ResourceVersion)
            throw Refuse("Conflict", 409, $"{item.Name} has been modified");
        var changed = item.DeepClone();
        if (delete.Propagation is PropagationPolicy.Foreground or PropagationPolicy.Orphan)
        {
            string finalizer = delete.Propagation is PropagationPolicy.Foreground ? "foregroundDeletion" : "orphan";
            changed.Metadata.Finalizers = [.. changed.Metadata.Finalizers.OrEmpty(), finalizer];
        }
        changed.Metadata.DeletionTimestamp ??= Now;
        bool waitsForKubelet = changed is Pod { Spec.NodeName: { Length: > 0 }, Status.Phase: not ("Succeeded" or "Failed") }
            && delete.GracePeriodSeconds != 0;
        if (waitsForKubelet)
            Store(changed);
        else
            StoreOrRemove(changed);
    }

    private void StoreOrRemove(IKubernetesObject item)
    {
        bool isKept = item.Metadata.Finalizers.OrEmpty().Count > 0
            || (item is Namespace { Spec.Finalizers.Count: > 0 })
            || (item is Pod { Spec.NodeName: { Length: > 0 }, Status.Phase: not ("Succeeded" or "Failed") });
        if (item.IsBeingDeleted && !isKept)
            Remove(item);
        else
            Store(item);
    }

    private static (GroupVersionKind, string, string) KeyOf(IKubernetesObject item) =>
        (item.GroupVersionKind, item.Namespace, item.Name);
}
