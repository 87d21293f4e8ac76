using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Storage;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Which volumes a pod's claims get on a node, to be written before the pod is bound to it.</summary>
/// <param name="Bindings">Volumes that are there, each for one claim.</param>
/// <param name="Provisions">Claims for which one is to be made on the node.</param>
public sealed record VolumeChoice(
    IReadOnlyList<(PersistentVolumeClaim Claim, PersistentVolume Volume)> Bindings, IReadOnlyList<PersistentVolumeClaim> Provisions)
{
    public static VolumeChoice Nothing { get; } = new([], []);

    public bool IsEmpty => Bindings.Count == 0 && Provisions.Count == 0;

    /// <summary>The objects as they are to be written: volumes that name their claims, claims that name the node.</summary>
    public IReadOnlyList<IKubernetesObject> Writes(string nodeName)
    {
        var writes = new List<IKubernetesObject>();
        foreach (var (claim, volume) in Bindings.Where(binding => binding.Volume.Spec.ClaimRef?.Uid != binding.Claim.Uid))
        {
            var changed = volume.DeepClone();
            (changed.Metadata.Annotations ??= [])[StorageNames.BoundByController] = "yes";
            changed.Spec.ClaimRef = References.To(claim);
            writes.Add(changed);
        }
        foreach (var claim in Provisions.Where(claim => claim.Annotations.GetValueOrDefault(StorageNames.SelectedNode) != nodeName))
        {
            var changed = claim.DeepClone();
            (changed.Metadata.Annotations ??= [])[StorageNames.SelectedNode] = nodeName;
            writes.Add(changed);
        }
        return writes;
    }

    /// <summary>Whether all claims have their volumes by now, so that the pod may be bound.</summary>
    /// <param name="storage">It must have seen what <see cref="Writes"/> led to.</param>
    /// <param name="problem">Why they never will: the pod has to be scheduled anew; else null.</param>
    public bool IsDone(StorageState storage, Node node, out string? problem)
    {
        problem = null;
        bool isDone = true;
        foreach (var claim in Bindings.Select(binding => binding.Claim).Concat(Provisions))
            isDone &= IsDone(claim, storage, node, ref problem);
        foreach (var (claim, volume) in Bindings)
        {
            if (storage.FindVolume(volume.Name)?.Spec.ClaimRef?.Uid != claim.Uid)
                problem ??= $"ClaimRef got reset for pv \"{volume.Name}\"";
        }
        return isDone && problem is null;
    }

    private bool IsDone(PersistentVolumeClaim claim, StorageState storage, Node node, ref string? problem)
    {
        var now = storage.FindClaim(claim.Namespace, claim.Name);
        if (now?.Uid != claim.Uid)
        {
            problem = $"persistentvolumeclaim \"{claim.Name}\" not found";
            return false;
        }
        if (!VolumeBindingPlugin.IsBound(now))
        {
            // Who cannot make a volume there takes the node off the claim.
            if (Provisions.Contains(claim) && now.Annotations.GetValueOrDefault(StorageNames.SelectedNode) != node.Name)
                problem = $"provisioning failed for PVC \"{claim.Name}\"";
            return false;
        }
        if (storage.FindVolume(now.Spec.VolumeName!) is not { } volume)
            return false; // The claim was seen before its volume.
        if (!VolumeMatch.IsReachedFrom(volume, node))
            problem = $"pv \"{volume.Name}\" node affinity doesn't match node \"{node.Name}\"";
        return problem is null;
    }
}

/// <summary>A node must reach the volumes of a pod's claims; claims that wait for their first pod must be able to have one there.</summary>
public sealed class VolumeBindingPlugin(StorageState storage) : IFilterPlugin
{
    private const string PluginName = "VolumeBinding";

    private static readonly FilterResult NodeConflict = FilterResult.Unresolvable(PluginName, "node(s) had volume node affinity conflict");

    private static readonly FilterResult BindConflict =
        FilterResult.Unresolvable(PluginName, "node(s) didn't find available persistent volumes to bind");

    private static readonly FilterResult LostVolume =
        FilterResult.Unresolvable(PluginName, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");

    private readonly List<PersistentVolumeClaim> _waiting = [];
    private readonly List<PersistentVolume> _bound = [];
    private bool _hasLost;
    private IReadOnlyList<PersistentVolume> _volumes = [];

    public string Name => PluginName;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        _waiting.Clear();
        _bound.Clear();
        _hasLost = false;
        if (!pod.HasClaims)
            return Preparation.NotNeeded;
        bool isUnbound = false;
        foreach (var (name, isOwn) in pod.Claims)
        {
            if (storage.FindClaim(pod.Key.Namespace, name) is not { } claim)
                return Refused(isOwn ? $"waiting for ephemeral volume controller to create the persistentvolumeclaim \"{name}\"" : $"persistentvolumeclaim \"{name}\" not found");
            if (claim.IsBeingDeleted)
                return Refused($"persistentvolumeclaim \"{name}\" is being deleted");
            if (claim.Status.Phase == "Lost")
                return Refused($"persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{claim.Spec.VolumeName}\"");
            if (isOwn && claim.ControllerOwner?.Uid != pod.Uid)
                return Refused($"PVC {claim.Namespace}/{claim.Name} was not created for pod {pod.Key} (pod is not owner)");
            isUnbound |= !Sort(claim);
        }
        if (isUnbound)
            return Refused("pod has unbound immediate PersistentVolumeClaims");
        _volumes = _waiting.Count > 0 ? [.. storage.Volumes.Where(volume => _waiting.Exists(claim => MayHave(claim, volume)))] : [];
        return Preparation.Needed;
    }

    public FilterResult? Filter(NodeInfo node)
    {
        if (_hasLost)
            return LostVolume;
        if (_bound.Any(volume => !VolumeMatch.IsReachedFrom(volume, node.Node!)))
            return NodeConflict;
        return _waiting.Count == 0 || Choose(node.Node!) is not null ? null : BindConflict;
    }

    /// <summary>What the pod that was prepared for gets on a node that did.</summary>
    public VolumeChoice Reserve(NodeInfo node) => _waiting.Count == 0 ? VolumeChoice.Nothing : Choose(node.Node!) ?? VolumeChoice.Nothing;

    public bool MayHelp(PodInfo pod, in ClusterChange change) => change.Type switch
    {
        ClusterChangeType.ClaimChanged => pod.Uses(change.Claim),
        ClusterChangeType.StorageChanged or ClusterChangeType.WaitingPodUpdated => true,
        _ => change.ChangesLabels,
    };

    internal static bool IsBound(PersistentVolumeClaim claim) =>
        !string.IsNullOrEmpty(claim.Spec.VolumeName) && claim.Annotations.ContainsKey(StorageNames.BindCompleted);

    /// <returns>Whether the claim is bound, or may be bound by this plugin.</returns>
    private bool Sort(PersistentVolumeClaim claim)
    {
        if (IsBound(claim))
        {
            if (storage.FindVolume(claim.Spec.VolumeName!) is { } volume)
                _bound.Add(volume);
            else
                _hasLost = true;
            return true;
        }
        bool waits = string.IsNullOrEmpty(claim.Spec.VolumeName) && ClassOf(claim)?.VolumeBindingMode == StorageNames.WaitForFirstConsumer;
        if (waits)
            _waiting.Add(claim);
        return waits;
    }

    private static bool MayHave(PersistentVolumeClaim claim, PersistentVolume volume) => volume.Spec.ClaimRef is null
        ? volume.Status.Phase == "Available" && StorageNames.ClassOf(volume) == StorageNames.ClassOf(claim)
        : VolumeMatch.IsFor(volume, claim);

    /// <returns>Null if one of the claims can have none there.</returns>
    private VolumeChoice? Choose(Node node)
    {
        var taken = new HashSet<string>();
        var bindings = new List<(PersistentVolumeClaim, PersistentVolume)>();
        var provisions = new List<PersistentVolumeClaim>();
        // The smaller claims first, so that they leave the larger volumes to the larger ones.
        foreach (var claim in _waiting.OrderBy(claim => (claim.Spec.Resources?.Requests).OrEmpty().GetValueOrDefault("storage")))
        {
            string chosen = claim.Annotations.GetValueOrDefault(StorageNames.SelectedNode, "");
            // Its own one is out of reach there.
            if (VolumeMatch.Find(claim, _volumes, node: null, isForPod: false) is { } own && !VolumeMatch.IsReachedFrom(own, node))
                return null;
            if (chosen.Length == 0 && VolumeMatch.Find(claim, _volumes, node, isForPod: true, taken) is { } volume)
            {
                taken.Add(volume.Name);
                bindings.Add((claim, volume));
            }
            // One that is being made somewhere is not made elsewhere too.
            else if ((chosen.Length == 0 || chosen == node.Name) && CanBeMade(claim, node))
            {
                provisions.Add(claim);
            }
            else
            {
                return null;
            }
        }
        return new VolumeChoice(bindings, provisions);
    }

    private bool CanBeMade(PersistentVolumeClaim claim, Node node) =>
        ClassOf(claim) is { Provisioner: { Length: > 0 } and not StorageNames.NoProvisioner } found
        && (found.AllowedTopologies.OrEmpty().Count == 0 || found.AllowedTopologies.OrEmpty().Any(term => IsIn(term, node)));

    private static bool IsIn(TopologySelectorTerm term, Node node) => term.MatchLabelExpressions.OrEmpty().All(requirement =>
        node.Labels.TryGetValue(requirement.Key ?? "", out string? value) && requirement.Values.OrEmpty().Contains(value));

    private StorageClass? ClassOf(PersistentVolumeClaim claim) =>
        StorageNames.ClassOf(claim) is { Length: > 0 } name ? storage.FindClass(name) : null;

    private static Preparation Refused(string reason) => Preparation.Needed with { Refusal = FilterResult.Unresolvable(PluginName, reason) };
}
