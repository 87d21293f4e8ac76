using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.FlowcontrolV1;
using Orchestrator.Api.NetworkingV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Api.SchedulingV1;
using Orchestrator.Api.StorageV1;
using Subject = Orchestrator.Api.RbacV1.Subject;

namespace Orchestrator.Api.Defaulting;

/// <summary>Fills in what an object leaves open, with the values of Kubernetes 1.33.</summary>
/// <remarks>
/// Applied to every object that comes in, before admission, and again after it. Applying twice changes nothing.
/// What depends on the cluster (cluster addresses, service accounts, priorities) is not a default: allocators and admission do it.
/// </remarks>
public static class Defaults
{
    /// <summary>Changes <paramref name="target"/> in place. Kinds without defaults stay as they are.</summary>
    public static void Apply(IKubernetesObject target)
    {
        switch (target)
        {
            case Pod pod: PodDefaults.Apply(pod); break;
            case PodTemplate template: PodDefaults.Apply(template.Template.Spec); break;
            case ReplicationController controller: WorkloadDefaults.Apply(controller); break;
            case Service service: ServiceDefaults.Apply(service); break;
            case Endpoints endpoints: ServiceDefaults.Apply(endpoints); break;
            case Secret secret: ApplySecret(secret); break;
            case Namespace ns: ApplyNamespace(ns); break;
            case Node node: ApplyNode(node); break;
            case LimitRange range: LimitRangeDefaults.Apply(range); break;
            case PersistentVolume volume: StorageDefaults.Apply(volume); break;
            case PersistentVolumeClaim claim: StorageDefaults.Apply(claim); break;

            case Deployment deployment: WorkloadDefaults.Apply(deployment); break;
            case ReplicaSet set: WorkloadDefaults.Apply(set); break;
            case StatefulSet set: WorkloadDefaults.Apply(set); break;
            case DaemonSet set: WorkloadDefaults.Apply(set); break;
            case Job job: JobDefaults.Apply(job); break;
            case CronJob job: JobDefaults.Apply(job); break;

            case AutoscalingV1.HorizontalPodAutoscaler scaler: scaler.Spec.MinReplicas ??= 1; break;
            case AutoscalingV2.HorizontalPodAutoscaler scaler: AutoscalerDefaults.Apply(scaler); break;

            case EndpointSlice slice: ServiceDefaults.Apply(slice); break;
            case Ingress ingress: ingress.Status.LoadBalancer ??= new IngressLoadBalancerStatus(); break;
            case IngressClass ingressClass: ApplyIngressClass(ingressClass); break;
            case NetworkPolicy policy: ApplyNetworkPolicy(policy); break;

            case RoleBinding binding: ApplyBinding(binding.RoleRef, binding.Subjects); break;
            case ClusterRoleBinding binding: ApplyBinding(binding.RoleRef, binding.Subjects); break;
            case PriorityClass priority: priority.PreemptionPolicy ??= "PreemptLowerPriority"; break;
            case StorageClass storage: StorageDefaults.Apply(storage); break;
            case CSIDriver driver: StorageDefaults.Apply(driver); break;
            case FlowSchema schema: FlowControlDefaults.Apply(schema); break;
            case PriorityLevelConfiguration level: FlowControlDefaults.Apply(level); break;
        }
    }

    /// <summary>An absent text and an empty one are the same to a default.</summary>
    internal static string Filled(string? value, string fallback) => string.IsNullOrEmpty(value) ? fallback : value;

    internal static int Filled(int? value, int fallback) => value is null or 0 ? fallback : value.Value;

    private static void ApplyNamespace(Namespace ns)
    {
        // A namespace whose name is generated gets its label once it has the name (see its strategy).
        if (ns.Name.Length > 0)
            (ns.Metadata.Labels ??= [])[NamespaceLabel] = ns.Name;
        ns.Status.Phase = Filled(ns.Status.Phase, "Active");
    }

    // stringData is a convenience of writers alone: what it says is stored as data, and nobody ever reads it.
    private static void ApplySecret(Secret secret)
    {
        secret.Type = Filled(secret.Type, "Opaque");
        foreach (var (key, value) in secret.StringData.OrEmpty())
            (secret.Data ??= [])[key] = System.Text.Encoding.UTF8.GetBytes(value);
        secret.StringData = null;
    }

    internal const string NamespaceLabel = "kubernetes.io/metadata.name";

    private static void ApplyNode(Node node)
    {
        if (node.Status.Allocatable is null && node.Status.Capacity is { } capacity)
            node.Status.Allocatable = new Dictionary<string, Quantity>(capacity, StringComparer.Ordinal);
    }

    private static void ApplyIngressClass(IngressClass ingressClass)
    {
        if (ingressClass.Spec.Parameters is { } parameters)
            parameters.Scope ??= "Cluster";
    }

    private static void ApplyNetworkPolicy(NetworkPolicy policy)
    {
        var spec = policy.Spec;
        foreach (var port in spec.Ingress.OrEmpty().SelectMany(rule => rule.Ports.OrEmpty()))
            port.Protocol ??= "TCP";
        foreach (var port in spec.Egress.OrEmpty().SelectMany(rule => rule.Ports.OrEmpty()))
            port.Protocol ??= "TCP";
        if (spec.PolicyTypes is null or { Count: 0 })
            spec.PolicyTypes = spec.Egress is { Count: > 0 } ? ["Ingress", "Egress"] : ["Ingress"];
        spec.PodSelector ??= new MetaV1.LabelSelector();
    }

    private static void ApplyBinding(RoleRef? role, List<Subject>? subjects)
    {
        const string group = "rbac.authorization.k8s.io";
        if (role is not null)
            role.ApiGroup = Filled(role.ApiGroup, group);
        foreach (var subject in subjects.OrEmpty())
        {
            if (subject.Kind is "User" or "Group")
                subject.ApiGroup = Filled(subject.ApiGroup, group);
        }
    }
}
