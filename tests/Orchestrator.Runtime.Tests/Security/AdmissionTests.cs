using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.SchedulingV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Admission;

namespace Orchestrator.Runtime.Tests.Security;

public sealed class AdmissionTests
{
    private readonly FakeObjects _objects = new();

    internal static AdmissionRequest Request(
        IObjectReader objects, IKubernetesObject? value, IKubernetesObject? old = null, string subresource = "", UserInfo? user = null,
        AdmissionOperation? operation = null)
    {
        var subject = value ?? old!;
        var resource = ResourceTable.Served.ForKind(subject.GroupVersionKind)!;
        return new AdmissionRequest
        {
            Operation = operation ?? (value is null ? AdmissionOperation.Delete : old is null ? AdmissionOperation.Create : AdmissionOperation.Update),
            Resource = resource.GroupVersionResource,
            Kind = subject.GroupVersionKind,
            Subresource = subresource,
            Namespace = subject.Namespace,
            Name = subject.Name,
            Object = value,
            OldObject = old,
            User = user ?? new UserInfo("ann", UserInfo.AllAuthenticated),
            Objects = objects,
        };
    }

    internal static Pod Pod(string name = "p", string? node = null, params List<Container> containers) => new()
    {
        Metadata = new ObjectMeta { Namespace = "ns", Name = name, Uid = $"uid-{name}" },
        Spec = new PodSpec { NodeName = node, Containers = containers.Count > 0 ? containers : [new Container { Name = "c" }] },
    };

    private static Container With(string? request, string? limit) => new()
    {
        Name = "c",
        Resources = new ResourceRequirements
        {
            Requests = request is null ? null : new() { ["cpu"] = Quantity.Parse(request) },
            Limits = limit is null ? null : new() { ["cpu"] = Quantity.Parse(limit) },
        },
    };

    private static LimitRange Range(string type, string? min = null, string? max = null, string? ratio = null, string? limit = null, string? request = null)
    {
        static Dictionary<string, Quantity>? Cpu(string? text) => text is null ? null : new() { ["cpu"] = Quantity.Parse(text) };
        return new()
        {
            Metadata = new ObjectMeta { Namespace = "ns", Name = "lr" },
            Spec = new LimitRangeSpec
            {
                Limits = [new LimitRangeItem { Type = type, Min = Cpu(min), Max = Cpu(max), MaxLimitRequestRatio = Cpu(ratio), Default = Cpu(limit), DefaultRequest = Cpu(request) }],
            },
        };
    }

    private static async Task<string?> RefusalAsync(IAdmissionPlugin plugin, AdmissionRequest request)
    {
        try
        {
            await plugin.AdmitAsync(request, default);
            await plugin.ValidateAsync(request, default);
            return null;
        }
        catch (ApiException refusal)
        {
            return refusal.Status.Message;
        }
    }

    [Fact]
    public async Task Containers_get_their_namespaces_defaults()
    {
        _objects.Put(Range("Container", limit: "500m", request: "100m"));
        var pod = Pod("p", null, new Container { Name = "a" }, With("200m", null));

        Assert.Null(await RefusalAsync(new LimitRanger(), Request(_objects, pod)));

        Assert.Equal("100m/500m", $"{pod.Spec.Containers![0].Resources!.Requests!["cpu"]}/{pod.Spec.Containers[0].Resources!.Limits!["cpu"]}");
        Assert.Equal("200m", pod.Spec.Containers[1].Resources!.Requests!["cpu"].ToString());
        Assert.Equal("LimitRanger plugin set: cpu request for container a; cpu limit for container a; cpu limit for container c",
            pod.Annotations["kubernetes.io/limit-ranger"]);
    }

    [Theory]
    [InlineData("Container", "100m", null, null, "50m", "1", "minimum cpu usage per Container is 100m, but request is 50m")]
    [InlineData("Container", "100m", null, null, null, "1", "minimum cpu usage per Container is 100m.  No request is specified")]
    [InlineData("Container", null, "1", null, "50m", "2", "maximum cpu usage per Container is 1, but limit is 2")]
    [InlineData("Container", null, "1", null, "50m", null, "maximum cpu usage per Container is 1.  No limit is specified")]
    [InlineData("Container", null, null, "2", "500m", "2", "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000")]
    [InlineData("Pod", "1", null, null, "500m", "2", "minimum cpu usage per Pod is 1, but request is 500m")]
    [InlineData("Pod", "1", "1", null, "500m", "2", "[minimum cpu usage per Pod is 1, but request is 500m, maximum cpu usage per Pod is 1, but limit is 2]")]
    [InlineData("Container", "100m", "1", "2", "500m", "1", null)]
    public async Task Limits_are_held(string type, string? min, string? max, string? ratio, string? request, string? limit, string? refusal)
    {
        _objects.Put(Range(type, min, max, ratio));

        string? message = await RefusalAsync(new LimitRanger(), Request(_objects, Pod("p", null, With(request, limit))));

        Assert.Equal(refusal is null ? null : $"pods \"p\" is forbidden: {refusal}", message);
    }

    [Fact]
    public async Task A_class_gives_a_pod_its_priority()
    {
        _objects.Put(new PriorityClass { Metadata = new ObjectMeta { Name = "high" }, Value = 1000, PreemptionPolicy = "Never" });
        var pod = Pod();
        pod.Spec.PriorityClassName = "high";

        Assert.Null(await RefusalAsync(new PriorityAdmission(), Request(_objects, pod)));

        Assert.Equal((1000, "Never"), (pod.Spec.Priority, pod.Spec.PreemptionPolicy));
        pod.Spec.Priority = 7;
        Assert.Equal("pods \"p\" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name",
            await RefusalAsync(new PriorityAdmission(), Request(_objects, pod)));
        pod.Spec.PriorityClassName = "none";
        Assert.Equal("pods \"p\" is forbidden: no PriorityClass with name none was found", await RefusalAsync(new PriorityAdmission(), Request(_objects, pod)));
    }

    [Fact]
    public async Task There_is_one_default_priority_and_pods_get_it()
    {
        _objects.Put(new PriorityClass { Metadata = new ObjectMeta { Name = "usual" }, Value = 5, GlobalDefault = true });
        var pod = Pod();

        Assert.Null(await RefusalAsync(new PriorityAdmission(), Request(_objects, pod)));
        string? second = await RefusalAsync(new PriorityAdmission(),
            Request(_objects, new PriorityClass { Metadata = new ObjectMeta { Name = "other" }, Value = 6, GlobalDefault = true }));

        Assert.Equal(("usual", 5), (pod.Spec.PriorityClassName, pod.Spec.Priority));
        Assert.Equal("priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is already marked as default. Only one default can exist", second);
    }

    [Fact]
    public async Task A_claim_without_class_gets_the_newest_default_and_one_with_an_empty_class_none()
    {
        StorageClass Class(string name, int day) => new()
        {
            Metadata = new ObjectMeta
            {
                Name = name, CreationTimestamp = new DateTimeOffset(2026, 1, day, 0, 0, 0, TimeSpan.Zero),
                Annotations = new() { ["storageclass.kubernetes.io/is-default-class"] = "true" },
            },
        };
        _objects.Put(Class("old", 1)).Put(Class("new", 2));
        PersistentVolumeClaim Claim(string? name) => new() { Metadata = new ObjectMeta { Namespace = "ns", Name = "c" }, Spec = new() { StorageClassName = name } };
        var (open, chosen, none) = (Claim(null), Claim("old"), Claim(""));

        foreach (var claim in new[] { open, chosen, none })
            Assert.Null(await RefusalAsync(new DefaultStorageClass(), Request(_objects, claim)));

        Assert.Equal(("new", "old", ""), (open.Spec.StorageClassName, chosen.Spec.StorageClassName, none.Spec.StorageClassName));
    }

    [Fact]
    public async Task A_claim_grows_where_its_class_lets_it()
    {
        PersistentVolumeClaim Claim(string size, string storageClass) => new()
        {
            Metadata = new ObjectMeta { Namespace = "ns", Name = "c" },
            Spec = new() { StorageClassName = storageClass, Resources = new() { Requests = new() { ["storage"] = Quantity.Parse(size) } } },
            Status = new() { Phase = "Bound" },
        };
        _objects.Put(new StorageClass { Metadata = new ObjectMeta { Name = "grows" }, AllowVolumeExpansion = true }).Put(new StorageClass { Metadata = new ObjectMeta { Name = "fixed" } });

        Assert.Null(await RefusalAsync(new PersistentVolumeClaimResize(), Request(_objects, Claim("2Gi", "grows"), Claim("1Gi", "grows"))));
        Assert.Null(await RefusalAsync(new PersistentVolumeClaimResize(), Request(_objects, Claim("1Gi", "fixed"), Claim("1Gi", "fixed"))));
        Assert.Equal("persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
            await RefusalAsync(new PersistentVolumeClaimResize(), Request(_objects, Claim("2Gi", "fixed"), Claim("1Gi", "fixed"))));
    }

    [Fact]
    public async Task A_service_account_that_is_not_there_refuses_the_pod()
    {
        var pod = Pod();
        pod.Spec.ServiceAccountName = "ghost";

        Assert.Equal("pods \"p\" is forbidden: error looking up service account ns/ghost: serviceaccount \"ghost\" not found",
            await RefusalAsync(new ServiceAccountAdmission(TimeProvider.System), Request(_objects, pod)));
    }

    [Fact]
    public async Task A_pod_takes_over_its_accounts_pull_secrets_and_may_do_without_a_token()
    {
        _objects.Put(new ServiceAccount { Metadata = new ObjectMeta { Namespace = "ns", Name = "default" }, ImagePullSecrets = [new LocalObjectReference { Name = "pull" }] });
        var pod = Pod();
        pod.Spec.AutomountServiceAccountToken = false;

        Assert.Null(await RefusalAsync(new ServiceAccountAdmission(TimeProvider.System), Request(_objects, pod)));

        Assert.Equal("pull", pod.Spec.ImagePullSecrets!.Single().Name);
        Assert.Empty(pod.Spec.Volumes.OrEmpty());
    }

    [Theory]
    [InlineData("one", "kubernetes.io/hostname", null)]
    [InlineData("one", "example.com/rack", null)]
    [InlineData("one", "node-restriction.kubernetes.io/zone", "nodes \"one\" is forbidden: node \"one\" is not allowed to set the following labels: node-restriction.kubernetes.io/zone")]
    [InlineData("one", "node-role.kubernetes.io/control-plane", "nodes \"one\" is forbidden: node \"one\" is not allowed to set the following labels: node-role.kubernetes.io/control-plane")]
    [InlineData("two", "x", "nodes \"two\" is forbidden: node \"one\" is not allowed to modify node \"two\"")]
    public async Task A_node_makes_itself_with_labels_of_its_own(string name, string label, string? refusal)
    {
        var node = new Node { Metadata = new ObjectMeta { Name = name, Labels = new() { [label] = "v" } } };

        Assert.Equal(refusal, await RefusalAsync(new NodeRestriction(), Request(_objects, node, user: Kubelet("one"))));
    }

    [Fact]
    public async Task A_node_changes_no_taints_and_no_other_nodes_pods()
    {
        var old = new Node { Metadata = new ObjectMeta { Name = "one" }, Spec = new() { Taints = [new Taint { Key = "k", Effect = "NoSchedule" }] } };
        var untainted = old.DeepClone();
        untainted.Spec.Taints = null;
        Assert.Equal("nodes \"one\" is forbidden: node \"one\" is not allowed to modify taints", await RefusalAsync(new NodeRestriction(), Request(_objects, untainted, old, user: Kubelet("one"))));
        Assert.Equal("pods \"p\" is forbidden: node \"one\" can only delete pods with spec.nodeName set to itself",
            await RefusalAsync(new NodeRestriction(), Request(_objects, null, Pod("p", "two"), user: Kubelet("one"))));
        Assert.Null(await RefusalAsync(new NodeRestriction(), Request(_objects, null, Pod("p", "one"), user: Kubelet("one"))));
        Assert.Equal("pods \"p\" is forbidden: node \"one\" can only update pod status for pods with spec.nodeName set to itself",
            await RefusalAsync(new NodeRestriction(), Request(_objects, Pod("p", "two"), Pod("p", "two"), "status", Kubelet("one"))));
        Assert.Null(await RefusalAsync(new NodeRestriction(), Request(_objects, Pod("p", "one"), Pod("p", "one"), "status", Kubelet("one"))));
        Assert.Equal("pods \"p\" is forbidden: pod does not have \"kubernetes.io/config.mirror\" annotation, node \"one\" can only create mirror pods",
            await RefusalAsync(new NodeRestriction(), Request(_objects, Pod("p", "one"), user: Kubelet("one"))));
    }

    [Fact]
    public async Task A_node_lets_go_of_deleted_volumes_on_its_own_disk_and_changes_nothing_else_of_any()
    {
        var old = new PersistentVolume
        {
            Metadata = new ObjectMeta
            {
                Name = "v",
                DeletionTimestamp = DateTimeOffset.UnixEpoch,
                Annotations = new() { [StorageNames.ProvisionedBy] = LocalPathProvisioner.Name, [StorageNames.SelectedNode] = "one" },
                Finalizers = [LocalPathProvisioner.Finalizer, StorageFinalizers.Volume],
            },
        };
        var alive = old.DeepClone();
        alive.Metadata.DeletionTimestamp = null;

        Assert.Null(await ChangeAsync("one", old, volume => volume.Metadata.Finalizers!.Remove(LocalPathProvisioner.Finalizer)));
        foreach (string? refusal in (string?[])
        [
            await ChangeAsync("one", old, volume => volume.Metadata.Finalizers!.Remove(StorageFinalizers.Volume)),
            await ChangeAsync("one", old, volume => volume.Spec.PersistentVolumeReclaimPolicy = "Retain"),
            await ChangeAsync("one", alive, volume => volume.Metadata.Finalizers!.Remove(LocalPathProvisioner.Finalizer)),
        ])
        {
            Assert.Equal("persistentvolumes \"v\" is forbidden: node \"one\" is only allowed to let go of deleted volumes on its own disk", refusal);
        }
        Assert.Equal("persistentvolumes \"v\" is forbidden: node \"two\" is only allowed to let go of deleted volumes on its own disk",
            await ChangeAsync("two", old, volume => volume.Metadata.Finalizers!.Remove(LocalPathProvisioner.Finalizer)));
        Assert.Equal("persistentvolumes \"v\" is forbidden: unexpected operation \"CREATE\"",
            await RefusalAsync(new NodeRestriction(), Request(_objects, old, user: Kubelet("one"))));

        async Task<string?> ChangeAsync(string node, PersistentVolume before, Action<PersistentVolume> change)
        {
            var changed = before.DeepClone();
            change(changed);
            return await RefusalAsync(new NodeRestriction(), Request(_objects, changed, before, user: Kubelet(node)));
        }
    }

    internal static UserInfo Kubelet(string node) => new($"system:node:{node}", "system:nodes", UserInfo.AllAuthenticated);
}
