using System.Collections.Frozen;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.FlowcontrolV1;
using Orchestrator.Api.NetworkingV1;
using Orchestrator.Api.NodeV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Api.SchedulingV1;
using Orchestrator.Api.StorageV1;

namespace Orchestrator.Api.Strategies;

/// <summary>One line a kind: which has a generation, a status, and what else is peculiar to it.</summary>
internal static class StrategyTable
{
    private static readonly Strategy _ordinary = new KindStrategy<IKubernetesObject>();

    private static readonly FrozenDictionary<GroupVersionKind, Strategy> _strategies = All().ToFrozenDictionary();

    public static Strategy For(GroupVersionKind kind) => _strategies.GetValueOrDefault(kind, _ordinary);

    private static IEnumerable<KeyValuePair<GroupVersionKind, Strategy>> All() =>
        [.. Core(), .. Workloads(), .. Network(), .. Policies(), .. Storage()];

    private static KeyValuePair<GroupVersionKind, Strategy> Of<T>(KindStrategy<T> strategy)
        where T : class, IKubernetesObject<T> => new(T.StaticKind, strategy);

    private static IEnumerable<KeyValuePair<GroupVersionKind, Strategy>> Core()
    {
        yield return Of(PodStrategy.Create());
        yield return Of(ServiceStrategy.Create());
        yield return Of(NamespaceStrategy.Create());
        yield return Of(new KindStrategy<Node>
        {
            // A node comes with its status: who registers it knows it.
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            Warns = (node, _) => MiscellaneousWarnings.Of(node),
        });
        yield return Of(new KindStrategy<ReplicationController>
        {
            ResetStatus = controller => controller.Status = new ReplicationControllerStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
            Warns = (controller, old) => PodWarnings.OfTemplate(controller, controller.Spec.Template, old?.Spec.Template),
        });
        yield return Of(new KindStrategy<PodTemplate>
        {
            SameSpec = (updated, old) => updated.Template.DeepEquals(old.Template),
            Warns = (template, old) => PodWarnings.OfTemplate(template.Template, old?.Template, "template"),
        });
        yield return Of(new KindStrategy<ResourceQuota>
        {
            ResetStatus = quota => quota.Status = new ResourceQuotaStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        });
        yield return Of(new KindStrategy<LimitRange> { AllowsCreateOnUpdate = true });
        yield return Of(new KindStrategy<ServiceAccount> { Warns = (account, _) => MiscellaneousWarnings.Of(account) });
        yield return Of(new KindStrategy<Endpoints>
        {
            AllowsCreateOnUpdate = true,
            DeprecationWarning = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        });
        yield return Of(new KindStrategy<ComponentStatus> { DeprecationWarning = "v1 ComponentStatus is deprecated in v1.19+" });
        yield return Of(new KindStrategy<Event> { AllowsCreateOnUpdate = true });
        yield return Of(new KindStrategy<EventsV1.Event> { AllowsCreateOnUpdate = true });
        yield return Of(new KindStrategy<Lease> { AllowsCreateOnUpdate = true, AllowsUnconditionalUpdate = false });
    }

    private static IEnumerable<KeyValuePair<GroupVersionKind, Strategy>> Workloads()
    {
        yield return Of(new KindStrategy<Deployment>
        {
            ResetStatus = deployment => deployment.Status = new DeploymentStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) =>
            {
                updated.Spec = old.Spec.DeepClone();
                updated.Metadata.Labels = Copies.Of(old.Metadata.Labels);
            },
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec)
                // Annotations of a deployment go over to its sets, so they count as a change too.
                && Copies.Same(updated.Metadata.Annotations, old.Metadata.Annotations),
            Warns = (deployment, old) => PodWarnings.OfTemplate(deployment, deployment.Spec.Template, old?.Spec.Template),
        });
        yield return Of(new KindStrategy<ReplicaSet>
        {
            ResetStatus = set => set.Status = new ReplicaSetStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
            Warns = (set, old) => PodWarnings.OfTemplate(set, set.Spec.Template, old?.Spec.Template),
        });
        yield return Of(new KindStrategy<StatefulSet>
        {
            ResetStatus = set => set.Status = new StatefulSetStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
            Warns = (set, old) => PodWarnings.OfTemplate(set, set.Spec.Template, old?.Spec.Template),
        });
        yield return Of(new KindStrategy<DaemonSet>
        {
            ResetStatus = set => set.Status = new DaemonSetStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
            Warns = (set, old) => PodWarnings.OfTemplate(set.Spec.Template, old?.Spec.Template, "spec.template"),
        });
        yield return Of(JobStrategy.Create());
        yield return Of(JobStrategy.CreateCron());
        yield return Of(new KindStrategy<AutoscalingV1.HorizontalPodAutoscaler>
        {
            ResetStatus = scaler => scaler.Status = new AutoscalingV1.HorizontalPodAutoscalerStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        });
        yield return Of(new KindStrategy<AutoscalingV2.HorizontalPodAutoscaler>
        {
            ResetStatus = scaler => scaler.Status = new AutoscalingV2.HorizontalPodAutoscalerStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        });
    }

    private static IEnumerable<KeyValuePair<GroupVersionKind, Strategy>> Network()
    {
        yield return Of(new KindStrategy<EndpointSlice>
        {
            SameSpec = (updated, old) => MiscellaneousRules.SameEndpoints(updated, old),
            OnUpdate = MiscellaneousRules.KeepTopology,
        });
        yield return Of(new KindStrategy<Ingress>
        {
            ResetStatus = ingress => ingress.Status = new IngressStatus { LoadBalancer = new IngressLoadBalancerStatus() },
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
            Warns = (ingress, _) => MiscellaneousWarnings.Of(ingress),
        });
        yield return Of(new KindStrategy<IngressClass>
        {
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
        });
        yield return Of(new KindStrategy<NetworkPolicy>
        {
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
        });
        yield return Of(new KindStrategy<ServiceCIDR>
        {
            ResetStatus = range => range.Status = new ServiceCIDRStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        });
    }

    private static IEnumerable<KeyValuePair<GroupVersionKind, Strategy>> Policies()
    {
        yield return Of(new KindStrategy<PodDisruptionBudget>
        {
            AllowsUnconditionalUpdate = false,
            ResetStatus = budget => budget.Status = new PodDisruptionBudgetStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
        });
        yield return Of(new KindStrategy<Role> { AllowsCreateOnUpdate = true });
        yield return Of(new KindStrategy<RoleBinding> { AllowsCreateOnUpdate = true });
        yield return Of(new KindStrategy<ClusterRole> { AllowsCreateOnUpdate = true });
        yield return Of(new KindStrategy<ClusterRoleBinding> { AllowsCreateOnUpdate = true });
        yield return Of(new KindStrategy<PriorityClass>
        {
            OnCreate = (priority, _) => priority.Metadata.Generation = 1,
        });
        yield return Of(new KindStrategy<RuntimeClass> { AllowsUnconditionalUpdate = false });
        yield return Of(CertificateStrategy.Create());
        yield return Of(new KindStrategy<FlowSchema>
        {
            ResetStatus = schema => schema.Status = new FlowSchemaStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
        });
        yield return Of(new KindStrategy<PriorityLevelConfiguration>
        {
            ResetStatus = level => level.Status = new PriorityLevelConfigurationStatus(),
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
            SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
        });
    }

    private static IEnumerable<KeyValuePair<GroupVersionKind, Strategy>> Storage()
    {
        yield return Of(VolumeStrategy.CreateVolume());
        yield return Of(VolumeStrategy.CreateClaim());
        yield return Of(new KindStrategy<VolumeAttachment>
        {
            AllowsUnconditionalUpdate = false,
            ResetStatus = attachment => attachment.Status = new VolumeAttachmentStatus { Attached = false },
            KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
            KeepSpec = (updated, old) =>
            {
                updated.Spec = old.Spec.DeepClone();
                updated.Metadata.Annotations = Copies.Of(old.Metadata.Annotations);
                updated.Metadata.Labels = Copies.Of(old.Metadata.Labels);
            },
        });
        yield return Of(new KindStrategy<CSINode> { AllowsUnconditionalUpdate = false });
        yield return Of(new KindStrategy<CSIDriver>
        {
            AllowsUnconditionalUpdate = false,
            OnUpdate = (updated, old) =>
            {
                if (!updated.Spec.DeepEquals(old.Spec))
                    updated.Metadata.Generation = (old.Metadata.Generation ?? 0) + 1;
            },
        });
        yield return Of(new KindStrategy<StorageClass> { Warns = (storage, _) => MiscellaneousWarnings.Of(storage) });
    }
}
