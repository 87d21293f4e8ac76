using System.Collections.Concurrent;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;
using Orchestrator.Api.Selectors;
using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Authorization;

/// <summary>What a node may do: read what its own pods refer to, and what every node may (the role system:node).</summary>
internal sealed class NodeAuthorizer(IObjectReader objects)
{
    private const int RememberedLimit = 200_000;
    private const string LeaseNamespace = "kube-node-lease";

    private static readonly List<PolicyRule> NodeRules =
        BootstrapPolicy.ClusterRoles().Single(role => role.Name == "system:node").Rules.OrEmpty();

    // Which pod led to a yes: asked again for another pod of the node, or the same, it is looked at first. Only a hint.
    private readonly ConcurrentDictionary<(string Node, string Resource, string Namespace, string Name), string> _remembered = new();

    public async ValueTask<AuthorizationDecision> AuthorizeAsync(RequestAttributes request, CancellationToken cancellationToken)
    {
        if (NodeIdentity.NodeOf(request.User) is not { } node)
            return AuthorizationDecision.Deny();
        if (node.Length == 0)
            return AuthorizationDecision.Deny($"unknown node for user {Quoted.Text(request.User.Name)}");
        return request.IsResourceRequest ? await AuthorizeResourceAsync(node, request, cancellationToken) : ByRules(request);
    }

    private ValueTask<AuthorizationDecision> AuthorizeResourceAsync(string node, RequestAttributes request, CancellationToken cancellationToken)
    {
        switch ((request.Group, request.Resource))
        {
            case ("", "secrets" or "configmaps"):
                return AuthorizeReadAsync(node, request, cancellationToken);
            case ("", "persistentvolumeclaims") when request.Subresource == "status":
                return AuthorizeClaimStatusAsync(node, request, cancellationToken);
            case ("", "persistentvolumes"):
                return AuthorizeVolumeAsync(node, request, cancellationToken);
            case ("", "persistentvolumeclaims") or ("storage.k8s.io", "volumeattachments"):
                return AuthorizeGetAsync(node, request, cancellationToken);
            case ("", "serviceaccounts"):
                return AuthorizeTokenAsync(node, request, cancellationToken);
            case ("", "nodes"):
                return new(AuthorizeNode(node, request));
            case ("", "pods"):
                return AuthorizePodAsync(node, request, cancellationToken);
            case ("coordination.k8s.io", "leases"):
                return new(AuthorizeLease(node, request));
            case ("storage.k8s.io", "csinodes"):
                return new(AuthorizeCsiNode(node, request));
            default:
                return new(ByRules(request));
        }
    }

    private static AuthorizationDecision ByRules(RequestAttributes request) =>
        RuleMatching.Allows(NodeRules, request.ToAccessRequest()) ? AuthorizationDecision.Allow() : AuthorizationDecision.Deny();

    private ValueTask<AuthorizationDecision> AuthorizeReadAsync(string node, RequestAttributes request, CancellationToken cancellationToken)
    {
        if (request.Verb is not ("get" or "list" or "watch"))
            return Denied("can only read resources of this type");
        if (request.Subresource.Length > 0)
            return Denied("cannot read subresource");
        if (request.Namespace.Length == 0)
            return Denied("can only read namespaced object of this type");
        return AuthorizeRelatedAsync(node, request, cancellationToken);
    }

    private ValueTask<AuthorizationDecision> AuthorizeGetAsync(string node, RequestAttributes request, CancellationToken cancellationToken)
    {
        if (request.Verb != "get")
            return Denied("can only get individual resources of this type");
        return request.Subresource.Length > 0 ? Denied("cannot get subresource") : AuthorizeRelatedAsync(node, request, cancellationToken);
    }

    /// <summary>Beyond what Kubernetes lets its nodes: they look for volumes on their own disks that are to go, and let them go.</summary>
    private async ValueTask<AuthorizationDecision> AuthorizeVolumeAsync(string node, RequestAttributes request, CancellationToken cancellationToken)
    {
        if (request.Subresource.Length == 0)
        {
            if (request.Verb is "list" or "watch")
                return AuthorizationDecision.Allow();
            if (request.Verb is "get" or "update" && await objects.GetAsync<PersistentVolume>("", request.Name, cancellationToken) is { } volume
                && LocalPathProvisioner.NodeOf(volume) == node)
                return AuthorizationDecision.Allow();
        }
        return await AuthorizeGetAsync(node, request, cancellationToken);
    }

    private ValueTask<AuthorizationDecision> AuthorizeClaimStatusAsync(string node, RequestAttributes request, CancellationToken cancellationToken) =>
        request.Verb is "get" or "update" or "patch"
            ? AuthorizeRelatedAsync(node, request, cancellationToken)
            : Denied("can only get/update/patch this type");

    private ValueTask<AuthorizationDecision> AuthorizeTokenAsync(string node, RequestAttributes request, CancellationToken cancellationToken)
    {
        if (request.Subresource != "token")
            return Denied("can only create tokens for individual service accounts");
        return request.Verb == "create" ? AuthorizeRelatedAsync(node, request, cancellationToken) : Denied("can only create tokens for individual service accounts");
    }

    private async ValueTask<AuthorizationDecision> AuthorizeRelatedAsync(string node, RequestAttributes request, CancellationToken cancellationToken)
    {
        if (request.Name.Length == 0)
            return AuthorizationDecision.Deny("No Object name found");
        return await IsRelatedAsync(node, request.Resource, request.Namespace, request.Name, cancellationToken)
            ? AuthorizationDecision.Allow()
            : AuthorizationDecision.Deny($"no relationship found between node '{node}' and this object");
    }

    /// <summary>A node reads and changes its own Node alone; what else it may do with it, NodeRestriction says.</summary>
    private static AuthorizationDecision AuthorizeNode(string node, RequestAttributes request)
    {
        switch (request.Subresource, request.Verb)
        {
            case ("", "create" or "update" or "patch"):
            case ("", "get" or "list" or "watch") when request.Name == node:
            case ("status", "update" or "patch"):
                return AuthorizationDecision.Allow();
            case ("", "get" or "list" or "watch"):
                return AuthorizationDecision.Deny($"node '{node}' cannot read {(request.Name.Length == 0 ? "all nodes" : $"'{request.Name}'")}, only its own Node object");
            default:
                return AuthorizationDecision.Deny();
        }
    }

    private async ValueTask<AuthorizationDecision> AuthorizePodAsync(string node, RequestAttributes request, CancellationToken cancellationToken)
    {
        switch (request.Subresource, request.Verb)
        {
            case ("", "get"):
                if (request.Name.Length == 0)
                    return AuthorizationDecision.Deny("No Object name found");
                var pod = await objects.GetAsync<Pod>(request.Namespace, request.Name, cancellationToken);
                return pod?.Spec.NodeName == node
                    ? AuthorizationDecision.Allow()
                    : AuthorizationDecision.Deny($"no relationship found between node '{node}' and this object");
            case ("", "list" or "watch"):
                return SelectsOwnPods(node, request)
                    ? AuthorizationDecision.Allow()
                    : AuthorizationDecision.Deny("can only list/watch pods with spec.nodeName field selector");
            case ("", "create" or "delete"):
            case ("status", "update" or "patch"):
            case ("eviction", "create"):
                return AuthorizationDecision.Allow();
            default:
                return AuthorizationDecision.Deny();
        }
    }

    private static bool SelectsOwnPods(string node, RequestAttributes request)
    {
        if (request.FieldSelector is not { Length: > 0 } text)
            return false;
        try
        {
            return FieldSelector.Parse(text).TryGetExact("spec.nodeName", out string? value) && value == node;
        }
        catch (ApiException)
        {
            return false; // The request itself is refused for it.
        }
    }

    private static AuthorizationDecision AuthorizeLease(string node, RequestAttributes request)
    {
        if (request.Verb is not ("get" or "create" or "update" or "patch" or "delete"))
            return AuthorizationDecision.Deny("can only get, create, update, patch, or delete a node lease");
        if (request.Namespace != LeaseNamespace)
            return AuthorizationDecision.Deny($"can only access leases in the {Quoted.Text(LeaseNamespace)} system namespace");
        // A create has no name yet; admission looks at it.
        return request.Verb == "create" || request.Name == node
            ? AuthorizationDecision.Allow()
            : AuthorizationDecision.Deny("can only access node lease with the same name as the requesting node");
    }

    private static AuthorizationDecision AuthorizeCsiNode(string node, RequestAttributes request)
    {
        if (request.Verb is not ("get" or "create" or "update" or "patch" or "delete"))
            return AuthorizationDecision.Deny("can only get, create, update, patch, or delete a CSINode");
        if (request.Subresource.Length > 0)
            return AuthorizationDecision.Deny("cannot authorize CSINode subresources");
        return request.Verb == "create" || request.Name == node
            ? AuthorizationDecision.Allow()
            : AuthorizationDecision.Deny("can only access CSINode with the same name as the requesting node");
    }

    private async ValueTask<bool> IsRelatedAsync(string node, string resource, string namespaceName, string name, CancellationToken cancellationToken)
    {
        switch (resource)
        {
            case "persistentvolumes":
                return await UsesVolumeAsync(node, name, cancellationToken);
            case "volumeattachments":
                return (await objects.GetAsync<VolumeAttachment>("", name, cancellationToken))?.Spec.NodeName == node;
        }
        var key = (node, resource, namespaceName, name);
        if (_remembered.TryGetValue(key, out string? remembered)
            && await objects.GetAsync<Pod>(namespaceName, remembered, cancellationToken) is { } known && Needs(known, node, resource, name))
            return true;
        foreach (var pod in await objects.ListIndexedAsync<Pod>(namespaceName, node, cancellationToken))
        {
            if (!Needs(pod, node, resource, name))
                continue;
            if (_remembered.Count >= RememberedLimit)
                _remembered.Clear();
            _remembered[key] = pod.Name;
            return true;
        }
        return resource == "secrets" && await IsSecretOfVolumeAsync(node, namespaceName, name, cancellationToken);
    }

    private static bool Needs(Pod pod, string node, string resource, string name)
    {
        if (pod.Spec.NodeName != node)
            return false;
        return resource switch
        {
            "secrets" => PodReferences.UsesSecret(pod, name),
            "configmaps" => PodReferences.UsesConfigMap(pod, name),
            "persistentvolumeclaims" => PodReferences.UsesClaim(pod, name),
            "serviceaccounts" => PodReferences.UsesServiceAccount(pod, name),
            _ => false,
        };
    }

    /// <summary>A volume is bound to one claim, which a pod of the node must use.</summary>
    private async ValueTask<bool> UsesVolumeAsync(string node, string volumeName, CancellationToken cancellationToken)
    {
        var volume = await objects.GetAsync<PersistentVolume>("", volumeName, cancellationToken);
        if (volume?.Spec.ClaimRef is not { Namespace: { Length: > 0 } namespaceName, Name: { Length: > 0 } claimName })
            return false;
        var claim = await objects.GetAsync<PersistentVolumeClaim>(namespaceName, claimName, cancellationToken);
        return claim?.Spec.VolumeName == volumeName
            && await IsRelatedAsync(node, "persistentvolumeclaims", namespaceName, claimName, cancellationToken);
    }

    /// <summary>Secrets that the drivers of claimed volumes need.</summary>
    private async ValueTask<bool> IsSecretOfVolumeAsync(string node, string namespaceName, string secretName, CancellationToken cancellationToken)
    {
        foreach (var volume in await objects.ListAsync<PersistentVolume>(null, cancellationToken))
        {
            if (SecretsOf(volume).Contains((namespaceName, secretName)) && await UsesVolumeAsync(node, volume.Name, cancellationToken))
                return true;
        }
        return false;
    }

    private static IEnumerable<(string Namespace, string Name)> SecretsOf(PersistentVolume volume)
    {
        string claimNamespace = volume.Spec.ClaimRef?.Namespace ?? "";
        (string?, string?)[] named =
        [
            (volume.Spec.AzureFile?.SecretNamespace ?? claimNamespace, volume.Spec.AzureFile?.SecretName),
            (volume.Spec.Cephfs?.SecretRef?.Namespace ?? claimNamespace, volume.Spec.Cephfs?.SecretRef?.Name),
            (volume.Spec.Cinder?.SecretRef?.Namespace, volume.Spec.Cinder?.SecretRef?.Name),
            (volume.Spec.FlexVolume?.SecretRef?.Namespace ?? claimNamespace, volume.Spec.FlexVolume?.SecretRef?.Name),
            (volume.Spec.Iscsi?.SecretRef?.Namespace ?? claimNamespace, volume.Spec.Iscsi?.SecretRef?.Name),
            (volume.Spec.Rbd?.SecretRef?.Namespace ?? claimNamespace, volume.Spec.Rbd?.SecretRef?.Name),
            (volume.Spec.ScaleIO?.SecretRef?.Namespace ?? claimNamespace, volume.Spec.ScaleIO?.SecretRef?.Name),
            (volume.Spec.Csi?.NodePublishSecretRef?.Namespace, volume.Spec.Csi?.NodePublishSecretRef?.Name),
            (volume.Spec.Csi?.NodeStageSecretRef?.Namespace, volume.Spec.Csi?.NodeStageSecretRef?.Name),
            (volume.Spec.Csi?.NodeExpandSecretRef?.Namespace, volume.Spec.Csi?.NodeExpandSecretRef?.Name),
        ];
        return named.Where(pair => !string.IsNullOrEmpty(pair.Item2)).Select(pair => (pair.Item1 ?? "", pair.Item2!));
    }

    private static ValueTask<AuthorizationDecision> Denied(string reason) => new(AuthorizationDecision.Deny(reason));
}
