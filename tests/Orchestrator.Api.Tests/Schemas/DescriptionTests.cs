namespace Orchestrator.Api.Tests.Schemas;

public sealed class DescriptionTests
{
    /// <summary>What people look up: everything below these is explained, except for what belongs to clouds and to rare hardware.</summary>
    public static TheoryData<string> ExplainedKinds() =>
    [
        "v1 Pod", "v1 Service", "v1 Endpoints", "v1 Node", "v1 Namespace", "v1 ConfigMap", "v1 Secret", "v1 ServiceAccount",
        "v1 PersistentVolume", "v1 PersistentVolumeClaim", "v1 Event", "v1 ReplicationController", "v1 ResourceQuota", "v1 LimitRange",
        "apps/v1 Deployment", "apps/v1 ReplicaSet", "apps/v1 StatefulSet", "apps/v1 DaemonSet", "batch/v1 Job", "batch/v1 CronJob",
        "networking.k8s.io/v1 Ingress", "networking.k8s.io/v1 NetworkPolicy", "discovery.k8s.io/v1 EndpointSlice",
        "storage.k8s.io/v1 StorageClass", "autoscaling/v2 HorizontalPodAutoscaler", "autoscaling/v1 HorizontalPodAutoscaler",
        "policy/v1 PodDisruptionBudget", "rbac.authorization.k8s.io/v1 Role", "rbac.authorization.k8s.io/v1 ClusterRoleBinding",
        "coordination.k8s.io/v1 Lease", "scheduling.k8s.io/v1 PriorityClass",
    ];

    [Theory]
    [MemberData(nameof(ExplainedKinds))]
    public void A_kind_its_spec_and_its_status_are_explained_field_by_field(string name)
    {
        var schema = SchemaSet.Kubernetes.ForKind(GroupVersionKind.Parse(name.Split(' ')[0], name.Split(' ')[1]));

        Assert.NotNull(schema.Description);
        Assert.All(schema.Properties, field => Assert.False(string.IsNullOrEmpty(field.Value.Description), field.Key));
        foreach (var part in schema.Properties.Where(field => field.Key is "spec" or "status"))
        {
            // Kinds of volumes are many: those that no cluster of ours has go without.
            var fields = part.Value.Name == "io.k8s.api.core.v1.PersistentVolumeSpec"
                ? part.Value.Properties.Where(field => field.Value.Name is null)
                : part.Value.Properties;
            Assert.All(fields, field => Assert.True(field.Value.Description is not null || Rare.Contains(field.Key), $"{part.Key}.{field.Key}"));
        }
    }

    [Fact]
    public void A_field_has_its_own_sentence_or_that_of_what_it_is()
    {
        var pod = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("", "v1", "Pod"));

        Assert.StartsWith("What should run", pod.Properties["spec"].Description);
        Assert.StartsWith("The group and version", pod.Properties["apiVersion"].Description);
        var timestamp = SchemaSet.Kubernetes.Get("io.k8s.api.storage.v1.VolumeError").Properties["time"];
        Assert.Equal("A point in time, to the second.", timestamp.Description);
        Assert.Null(SchemaSet.Kubernetes.Get("io.k8s.api.core.v1.RBDVolumeSource").Properties["pool"].Description);
    }

    [Fact]
    public void Every_sentence_is_about_something_that_there_is()
    {
        foreach (string place in EmbeddedTables.ReadDescriptions().Keys.Where(place => place[0] != '*'))
        {
            string[] parts = place.Split('/');
            var schema = SchemaSet.Kubernetes.Find(parts[0]);
            Assert.True(schema is not null && (parts.Length == 1 || schema.Properties.ContainsKey(parts[1])), place);
        }
    }

    [Fact]
    public void Sentences_end_with_a_full_stop() =>
        Assert.All(EmbeddedTables.ReadDescriptions(), entry => Assert.True(entry.Value.EndsWith('.'), entry.Key));

    /// <summary>New, of devices, or not in use.</summary>
    private static readonly string[] Rare =
    [
        "schedulingGroup", "allocatedResources", "extendedResourceClaimStatus", "nodeAllocatableResourceClaimStatuses",
        "resourceClaimStatuses", "config", "declaredFeatures", "allocatedResourceStatuses", "currentVolumeAttributesClassName",
        "modifyVolumeStatus",
    ];
}
