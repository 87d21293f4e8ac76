using System.Collections.Frozen;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.NetworkingV1;
using Orchestrator.Api.NodeV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Api.SchedulingV1;
using Orchestrator.Api.StorageV1;

namespace Orchestrator.Api.Validation;

/// <summary>All rules by kind.</summary>
internal static class RuleTable
{
    private static readonly KindRules _ordinary = new KindRules<IKubernetesObject>();

    private static readonly FrozenDictionary<GroupVersionKind, KindRules> _rules =
        Core().Concat(Workloads()).Concat(Network()).Concat(Policies()).Concat(Storage()).ToFrozenDictionary();

    public static KindRules For(GroupVersionKind kind) => _rules.GetValueOrDefault(kind, _ordinary);

    private static KeyValuePair<GroupVersionKind, KindRules> Of<T>(KindRules<T> rules)
        where T : class, IKubernetesObject<T> => new(T.StaticKind, rules);

    private static IEnumerable<KeyValuePair<GroupVersionKind, KindRules>> Core()
    {
        yield return Of(new KindRules<Pod>
        {
            Always = PodRules.Check,
            OnCreate = PodRules.CheckCreate,
            OnUpdate = PodRules.CheckUpdate,
            OnStatusUpdate = PodRules.CheckStatusUpdate,
            OnSubresource = new Dictionary<string, Action<Field, Pod, Pod>>(StringComparer.Ordinal)
            {
                ["ephemeralcontainers"] = (root, pod, old) =>
                {
                    PodRules.Check(root, pod);
                    PodRules.CheckEphemeralContainersUpdate(root, pod, old);
                },
                ["resize"] = (root, pod, old) =>
                {
                    PodRules.Check(root, pod);
                    PodRules.CheckResize(root, pod, old);
                },
            },
        });
        yield return Of(new KindRules<Binding> { Always = PodRules.Check });
        yield return Of(new KindRules<PodTemplate>
        {
            Always = (root, template) => PodSpecRules.CheckTemplate(root["template"], template.Template),
        });
        yield return Of(new KindRules<Service>
        {
            Name = NameRule.Label1035,
            Always = ServiceRules.Check,
            OnUpdate = ServiceRules.CheckUpdate,
            OnStatusUpdate = ServiceRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<Endpoints> { Always = ServiceRules.Check });
        yield return Of(new KindRules<ConfigMap> { Always = CoreRules.Check, OnUpdate = CoreRules.CheckUpdate });
        yield return Of(new KindRules<Secret> { Always = CoreRules.Check, OnUpdate = CoreRules.CheckUpdate });
        yield return Of(new KindRules<Node>
        {
            Always = CoreRules.Check,
            OnCreate = CoreRules.CheckCreate,
            OnUpdate = CoreRules.CheckUpdate,
            OnStatusUpdate = (root, node, old) =>
            {
                CoreRules.Check(root, node);
                CoreRules.CheckUpdate(root, node, old);
            },
        });
        yield return Of(new KindRules<Namespace>
        {
            Name = NameRule.Label,
            ChecksOnUpdate = false,
            Always = CoreRules.CheckFinalizers,
            OnStatusUpdate = CoreRules.CheckStatusUpdate,
            OnSubresource = new Dictionary<string, Action<Field, Namespace, Namespace>>(StringComparer.Ordinal)
            {
                ["finalize"] = (root, ns, _) => CoreRules.CheckFinalizers(root, ns),
            },
        });
        yield return Of(new KindRules<ResourceQuota>
        {
            Always = CoreRules.Check,
            OnUpdate = CoreRules.CheckUpdate,
            OnStatusUpdate = (root, quota, _) => CoreRules.Check(root, quota),
        });
        yield return Of(new KindRules<LimitRange> { Always = CoreRules.Check });
        yield return Of(new KindRules<Event> { Always = CoreRules.Check });
        yield return Of(new KindRules<EventsV1.Event> { Always = CoreRules.Check, OnCreate = CoreRules.CheckCreate });
        yield return Of(new KindRules<ReplicationController>
        {
            Always = WorkloadRules.Check,
            OnStatusUpdate = WorkloadRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<PersistentVolume> { Always = StorageRules.Check, OnUpdate = StorageRules.CheckUpdate });
        yield return Of(new KindRules<PersistentVolumeClaim>
        {
            Always = StorageRules.Check,
            OnUpdate = StorageRules.CheckUpdate,
            OnStatusUpdate = StorageRules.CheckStatusUpdate,
        });
    }

    private static IEnumerable<KeyValuePair<GroupVersionKind, KindRules>> Workloads()
    {
        yield return Of(new KindRules<Deployment>
        {
            Always = WorkloadRules.Check,
            OnUpdate = WorkloadRules.CheckUpdate,
            OnStatusUpdate = WorkloadRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<ReplicaSet>
        {
            Always = WorkloadRules.Check,
            OnUpdate = WorkloadRules.CheckUpdate,
            OnStatusUpdate = WorkloadRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<StatefulSet>
        {
            Always = WorkloadRules.Check,
            OnUpdate = WorkloadRules.CheckUpdate,
            OnStatusUpdate = WorkloadRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<DaemonSet>
        {
            Always = WorkloadRules.Check,
            OnUpdate = WorkloadRules.CheckUpdate,
            OnStatusUpdate = WorkloadRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<ControllerRevision> { Always = WorkloadRules.Check, OnUpdate = WorkloadRules.CheckUpdate });
        yield return Of(new KindRules<Job>
        {
            Always = JobRules.Check,
            OnCreate = JobRules.CheckCreate,
            OnUpdate = JobRules.CheckUpdate,
            OnStatusUpdate = JobRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<CronJob> { Always = JobRules.Check, OnCreate = JobRules.CheckCreate, OnUpdate = JobRules.CheckUpdate });
        yield return Of(new KindRules<AutoscalingV1.HorizontalPodAutoscaler> { Name = NameRule.PathSegment, Always = AutoscalerRules.Check });
        yield return Of(new KindRules<AutoscalingV2.HorizontalPodAutoscaler>
        {
            Always = AutoscalerRules.Check,
            OnStatusUpdate = AutoscalerRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<AutoscalingV1.Scale> { Always = AutoscalerRules.Check });
    }

    private static IEnumerable<KeyValuePair<GroupVersionKind, KindRules>> Network()
    {
        yield return Of(new KindRules<EndpointSlice> { Always = ServiceRules.Check, OnUpdate = ServiceRules.CheckUpdate });
        yield return Of(new KindRules<Ingress>
        {
            Always = NetworkRules.Check,
            OnCreate = NetworkRules.CheckCreate,
            OnStatusUpdate = NetworkRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<IngressClass> { Always = NetworkRules.Check, OnUpdate = NetworkRules.CheckUpdate });
        yield return Of(new KindRules<NetworkPolicy> { Always = NetworkRules.Check });
        yield return Of(new KindRules<ServiceCIDR> { Always = NetworkRules.Check, OnUpdate = NetworkRules.CheckUpdate });
        yield return Of(new KindRules<IPAddress> { Name = NameRule.Of(NameRules.IpAddress), Always = NetworkRules.Check });
    }

    private static IEnumerable<KeyValuePair<GroupVersionKind, KindRules>> Policies()
    {
        yield return Of(new KindRules<PodDisruptionBudget>
        {
            Always = PolicyRules.Check,
            OnStatusUpdate = PolicyRules.CheckStatusUpdate,
        });
        yield return Of(new KindRules<Role> { Name = NameRule.PathSegment, Always = PolicyRules.Check });
        yield return Of(new KindRules<ClusterRole> { Name = NameRule.PathSegment, Always = PolicyRules.Check });
        yield return Of(new KindRules<RoleBinding>
        {
            Name = NameRule.PathSegment,
            Always = PolicyRules.Check,
            OnUpdate = PolicyRules.CheckUpdate,
        });
        yield return Of(new KindRules<ClusterRoleBinding>
        {
            Name = NameRule.PathSegment,
            Always = PolicyRules.Check,
            OnUpdate = PolicyRules.CheckUpdate,
        });
        yield return Of(new KindRules<PriorityClass> { Always = PolicyRules.Check, OnUpdate = PolicyRules.CheckUpdate });
        yield return Of(new KindRules<RuntimeClass> { Always = PolicyRules.Check, OnUpdate = PolicyRules.CheckUpdate });
        yield return Of(new KindRules<Lease> { Always = PolicyRules.Check });
        yield return Of(new KindRules<FlowcontrolV1.FlowSchema>
        {
            Always = FlowControlRules.Check,
            OnStatusUpdate = (root, schema, _) => FlowControlRules.CheckStatus(root, schema),
        });
        yield return Of(new KindRules<FlowcontrolV1.PriorityLevelConfiguration>
        {
            Always = FlowControlRules.Check,
            OnStatusUpdate = (root, level, _) => FlowControlRules.CheckStatus(root, level),
        });
        yield return Of(new KindRules<CertificateSigningRequest>
        {
            Name = NameRule.PathSegment,
            Always = PolicyRules.Check,
            OnUpdate = PolicyRules.CheckUpdate,
            OnStatusUpdate = PolicyRules.CheckStatusUpdate,
            OnSubresource = new Dictionary<string, Action<Field, CertificateSigningRequest, CertificateSigningRequest>>(StringComparer.Ordinal)
            {
                ["approval"] = (root, request, old) =>
                {
                    PolicyRules.Check(root, request);
                    PolicyRules.CheckApproval(root, request, old);
                },
            },
        });
    }

    private static IEnumerable<KeyValuePair<GroupVersionKind, KindRules>> Storage()
    {
        yield return Of(new KindRules<StorageClass> { Always = StorageRules.Check, OnUpdate = StorageRules.CheckUpdate });
        yield return Of(new KindRules<VolumeAttachment> { Always = StorageRules.Check, OnUpdate = StorageRules.CheckUpdate });
        yield return Of(new KindRules<VolumeAttributesClass> { Always = StorageRules.Check });
        yield return Of(new KindRules<CSINode> { Always = StorageRules.Check });
        yield return Of(new KindRules<CSIDriver> { Always = StorageRules.Check });
        yield return Of(new KindRules<CSIStorageCapacity> { Always = StorageRules.Check });
    }
}
