using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Authorization;
using CSINode = Orchestrator.Api.StorageV1.CSINode;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>A node changes its own Node, lease and pods alone, and of its Node only what is a kubelet's to say.</summary>
internal sealed class NodeRestriction : IAdmissionPlugin
{
    private const string MirrorAnnotation = "kubernetes.io/config.mirror";
    private const string LeaseNamespace = "kube-node-lease";

    private static readonly string[] KubeletLabels =
    [
        "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region", "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type",
        "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch", "node.kubernetes.io/windows-build",
    ];

    private static readonly string[] KubeletLabelDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];

    public string Name => "NodeRestriction";

    public static bool IsMirror(Pod pod) => pod.Annotations.ContainsKey(MirrorAnnotation);

    public async ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (NodeIdentity.NodeOf(request.User) is not { } node)
            return;
        if (node.Length == 0)
            throw Refused(request, $"could not determine node from user {Quoted.Text(request.User.Name)}");
        switch (request.Resource.Group, request.Resource.Resource, request.Subresource)
        {
            case ("", "pods", ""):
                await CheckPodAsync(request, node, cancellationToken);
                break;
            case ("", "pods", "status"):
                CheckPodStatus(request, node);
                break;
            case ("", "pods", "eviction"):
                await CheckEvictionAsync(request, node, cancellationToken);
                break;
            case ("", "nodes", _):
                CheckNode(request, node);
                break;
            case ("", "persistentvolumeclaims", "status"):
                CheckClaimStatus(request, node);
                break;
            case ("", "persistentvolumes", _):
                CheckVolume(request, node);
                break;
            case ("", "serviceaccounts", "token"):
                await CheckTokenAsync(request, node, cancellationToken);
                break;
            case ("coordination.k8s.io", "leases", _):
                CheckLease(request, node);
                break;
            case ("storage.k8s.io", "csinodes", _):
                CheckCsiNode(request, node);
                break;
        }
    }

    private static async ValueTask CheckPodAsync(AdmissionRequest request, string node, CancellationToken cancellationToken)
    {
        switch (request.Operation)
        {
            case AdmissionOperation.Create:
                await CheckMirrorAsync(request, node, (Pod)request.Object!, cancellationToken);
                break;
            case AdmissionOperation.Delete:
                var pod = request.OldObject as Pod ?? await request.Objects.GetAsync<Pod>(request.Namespace, request.Name, cancellationToken);
                if (pod is not null && pod.Spec.NodeName != node)
                    throw Refused(request, $"node {Quoted.Text(node)} can only delete pods with spec.nodeName set to itself");
                break;
            default:
                throw Refused(request, $"unexpected operation {Quoted.Text(OperationName(request))}, node {Quoted.Text(node)} can only create and delete mirror pods");
        }
    }

    private static async ValueTask CheckMirrorAsync(AdmissionRequest request, string node, Pod pod, CancellationToken cancellationToken)
    {
        string quoted = Quoted.Text(node);
        if (!IsMirror(pod))
            throw Refused(request, $"pod does not have {Quoted.Text(MirrorAnnotation)} annotation, node {quoted} can only create mirror pods");
        if (pod.Spec.NodeName != node)
            throw Refused(request, $"node {quoted} can only create pods with spec.nodeName set to itself");
        var owners = pod.Metadata.OwnerReferences.OrEmpty();
        if (owners.Count > 1)
            throw Refused(request, $"node {quoted} can only create pods with a single owner reference set to itself");
        if (owners.Count == 0)
            throw Refused(request, $"node {quoted} can only create pods with an owner reference set to itself");
        if (owners[0] is not { ApiVersion: "v1", Kind: "Node" } owner || owner.Name != node)
            throw Refused(request, $"node {quoted} can only create pods with an owner reference set to itself");
        if (owner.Controller != true)
            throw Refused(request, $"node {quoted} can only create pods with a controller owner reference set to itself");
        if (owner.BlockOwnerDeletion == true)
            throw Refused(request, $"node {quoted} must not set blockOwnerDeletion on an owner reference");
        var self = await request.Objects.GetAsync<Node>("", node, cancellationToken)
            ?? await request.Objects.GetLiveAsync<Node>("", node, cancellationToken)
            ?? throw ApiErrors.NotFound(new GroupResource("", "nodes"), node);
        if (owner.Uid != self.Uid)
            throw Refused(request, $"node {quoted} UID mismatch: expected {owner.Uid} got {self.Uid}");
        if (!string.IsNullOrEmpty(pod.Spec.ServiceAccountName))
            throw Refused(request, $"node {quoted} can not create pods that reference a service account");
        if (PodReferences.HasSecrets(pod))
            throw Refused(request, $"node {quoted} can not create pods that reference secrets");
        if (PodReferences.HasConfigMaps(pod))
            throw Refused(request, $"node {quoted} can not create pods that reference configmaps");
        if (PodReferences.Claims(pod).Any())
            throw Refused(request, $"node {quoted} can not create pods that reference persistentvolumeclaims");
    }

    private static void CheckPodStatus(AdmissionRequest request, string node)
    {
        if (!request.IsUpdate())
            throw Refused(request, $"unexpected operation {Quoted.Text(OperationName(request))}");
        if (request.OldObject is not Pod old || request.Object is not Pod updated)
            throw Refused(request, "unexpected object");
        if (old.Spec.NodeName != node)
            throw Refused(request, $"node {Quoted.Text(node)} can only update pod status for pods with spec.nodeName set to itself");
        if (!SameTexts(old.Labels, updated.Labels))
            throw Refused(request, $"node {Quoted.Text(node)} cannot update labels through pod status");
    }

    private static async ValueTask CheckEvictionAsync(AdmissionRequest request, string node, CancellationToken cancellationToken)
    {
        string name = request.Name.Length > 0 ? request.Name : (request.Object as Eviction)?.Name ?? "";
        if (name.Length == 0)
            throw Refused(request, "could not determine pod from request data");
        var pod = await request.Objects.GetAsync<Pod>(request.Namespace, name, cancellationToken);
        if (pod is not null && pod.Spec.NodeName != node)
            throw Refused(request, $"node {node} can only evict pods with spec.nodeName set to itself");
    }

    private static void CheckNode(AdmissionRequest request, string node)
    {
        string name = request.Name.Length > 0 ? request.Name : request.Object?.Name ?? "";
        if (name != node)
            throw Refused(request, $"node {Quoted.Text(node)} is not allowed to modify node {Quoted.Text(name)}");
        if (request.Object is not Node updated)
            return;
        string self = $"node {Quoted.Text(node)}";
        if (request.IsCreate())
        {
            if (updated.Spec.ConfigSource is not null)
                throw Refused(request, $"{self} is not allowed to create pods with a non-nil configSource");
            if (ForbiddenLabels(updated.Labels.Keys) is { Length: > 0 } set)
                throw Refused(request, $"{self} is not allowed to set the following labels: {set}");
            return;
        }
        if (!request.IsUpdate() || request.OldObject is not Node old)
            return;
        if (!SameOwners(old, updated))
            throw Refused(request, $"{self} is not allowed to modify ownerReferences");
        if (updated.Spec.ConfigSource is not null && !updated.Spec.ConfigSource.DeepEquals(old.Spec.ConfigSource))
            throw Refused(request, $"{self} is not allowed to update configSource to a new non-nil configSource");
        if (!SameTaints(old, updated))
            throw Refused(request, $"{self} is not allowed to modify taints");
        if (ForbiddenLabels(Changed(old.Labels, updated.Labels)) is { Length: > 0 } changed)
            throw Refused(request, $"is not allowed to modify labels: {changed}");
    }

    private static void CheckClaimStatus(AdmissionRequest request, string node)
    {
        if (!request.IsUpdate() || request.OldObject is not PersistentVolumeClaim old || request.Object is not PersistentVolumeClaim updated)
            throw Refused(request, $"unexpected operation {Quoted.Text(OperationName(request))}");
        // What a kubelet says of a claim is how far its growing is.
        var (before, after) = (old.DeepClone(), updated.DeepClone());
        foreach (var claim in new[] { before, after })
        {
            claim.Metadata.ResourceVersion = null;
            claim.Metadata.ManagedFields = null;
            claim.Status.Capacity = null;
            claim.Status.Conditions = null;
            claim.Status.AllocatedResources = null;
            claim.Status.AllocatedResourceStatuses = null;
        }
        if (!before.DeepEquals(after))
            throw Refused(request, $"node {Quoted.Text(node)} is not allowed to update fields other than status.quantity and status.conditions");
    }

    /// <summary>What a node says of a volume is that its own disk has it no more.</summary>
    private static void CheckVolume(AdmissionRequest request, string node)
    {
        if (!request.IsUpdate() || request.OldObject is not PersistentVolume old || request.Object is not PersistentVolume updated)
            throw Refused(request, $"unexpected operation {Quoted.Text(OperationName(request))}");
        var (before, after) = (old.DeepClone(), updated.DeepClone());
        foreach (var volume in new[] { before, after })
        {
            volume.Metadata.ResourceVersion = null;
            volume.Metadata.ManagedFields = null;
            volume.Metadata.Finalizers?.Remove(LocalPathProvisioner.Finalizer);
        }
        if (!old.IsBeingDeleted || LocalPathProvisioner.NodeOf(old) != node || !before.DeepEquals(after))
            throw Refused(request, $"node {Quoted.Text(node)} is only allowed to let go of deleted volumes on its own disk");
    }

    private static async ValueTask CheckTokenAsync(AdmissionRequest request, string node, CancellationToken cancellationToken)
    {
        if (request.Object is TokenRequest token)
            await CheckTokenAsync(request.Objects, node, request.Namespace, request.Name, token, text => Refused(request, text), cancellationToken);
    }

    /// <summary>A node asks for tokens that are bound to a pod of its own.</summary>
    internal static async ValueTask CheckTokenAsync(
        IObjectReader objects, string node, string namespaceName, string accountName, TokenRequest request, Func<string, ApiException> refuse,
        CancellationToken cancellationToken)
    {
        if (request.Spec.BoundObjectRef is not { ApiVersion: "v1", Kind: "Pod", Name: { Length: > 0 } name } bound)
            throw refuse("node requested token not bound to a pod");
        if (string.IsNullOrEmpty(bound.Uid))
            throw refuse("node requested token with a pod binding without a uid");
        var pod = await objects.GetAsync<Pod>(namespaceName, name, cancellationToken)
            ?? await objects.GetLiveAsync<Pod>(namespaceName, name, cancellationToken)
            ?? throw ApiErrors.NotFound(new GroupResource("", "pods"), name);
        if (bound.Uid != pod.Uid)
        {
            throw refuse($"the UID in the bound object reference ({bound.Uid}) does not match the UID in record ({pod.Uid}). "
                + "The object might have been deleted and then recreated");
        }
        if (pod.Spec.NodeName != node)
            throw refuse("node requested token bound to a pod scheduled on a different node");
        if (accountName.Length > 0 && pod.Spec.ServiceAccountName != accountName)
            throw refuse("node requested token bound to a pod running as a different service account");
    }

    private static void CheckLease(AdmissionRequest request, string node)
    {
        if (request.Namespace != LeaseNamespace)
            throw Refused(request, $"can only access leases in the {Quoted.Text(LeaseNamespace)} system namespace");
        string name = request.Name.Length > 0 ? request.Name : (request.Object as Lease)?.Name ?? "";
        if (name != node)
            throw Refused(request, "can only access node lease with the same name as the requesting node");
    }

    private static void CheckCsiNode(AdmissionRequest request, string node)
    {
        string name = request.Name.Length > 0 ? request.Name : (request.Object as CSINode)?.Name ?? "";
        if (name != node)
            throw Refused(request, "can only access CSINode with the same name as the requesting node");
    }

    private static string ForbiddenLabels(IEnumerable<string> labels) =>
        string.Join(", ", labels.Where(IsForbiddenLabel).Order(StringComparer.Ordinal));

    /// <summary>Labels of Kubernetes' own domains say what others rely on: of those a kubelet sets the ones that are known to be its own.</summary>
    private static bool IsForbiddenLabel(string label)
    {
        int slash = label.IndexOf('/', StringComparison.Ordinal);
        string domain = slash < 0 ? "" : label[..slash];
        if (IsWithin(domain, "node-restriction.kubernetes.io"))
            return true;
        if (!IsWithin(domain, "kubernetes.io") && !IsWithin(domain, "k8s.io"))
            return false;
        return !KubeletLabels.Contains(label) && !KubeletLabelDomains.Any(allowed => IsWithin(domain, allowed));
    }

    private static bool IsWithin(string domain, string parent) => domain == parent || domain.EndsWith("." + parent, StringComparison.Ordinal);

    private static IEnumerable<string> Changed(IReadOnlyDictionary<string, string> old, IReadOnlyDictionary<string, string> updated) =>
        old.Keys.Union(updated.Keys).Where(key => !(old.TryGetValue(key, out string? before) && updated.TryGetValue(key, out string? after) && before == after));

    private static bool SameTexts(IReadOnlyDictionary<string, string> some, IReadOnlyDictionary<string, string> others) => !Changed(some, others).Any();

    private static bool SameOwners(Node old, Node updated)
    {
        var (before, after) = (old.Metadata.OwnerReferences.OrEmpty(), updated.Metadata.OwnerReferences.OrEmpty());
        return before.Count == after.Count && before.Zip(after).All(pair => pair.First.DeepEquals(pair.Second));
    }

    private static bool SameTaints(Node old, Node updated)
    {
        var (before, after) = (old.Spec.Taints.OrEmpty(), updated.Spec.Taints.OrEmpty());
        return before.Count == after.Count && before.Zip(after).All(pair => pair.First.DeepEquals(pair.Second));
    }

    private static string OperationName(AdmissionRequest request) => request.Operation.ToString().ToUpperInvariant();

    private static ApiException Refused(AdmissionRequest request, string text) => AdmissionRefusals.Forbidden(request, text);
}
