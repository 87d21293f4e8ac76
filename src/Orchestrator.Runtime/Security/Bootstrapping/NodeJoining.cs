using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;
using Orchestrator.Control.BootstrapTokens;
using Orchestrator.Control.Certificates;
using Orchestrator.Runtime.Security.Certificates;
using Orchestrator.Runtime.Security.Kubeconfigs;

namespace Orchestrator.Runtime.Security.Bootstrapping;

/// <summary>What a cluster has that nodes of other machines may join: whom they may believe, and what they may ask for.</summary>
/// <remarks>
/// <code>
/// kube-public/cluster-info      read by anybody: the authorities' certificates, the address
/// a bootstrap token             asks for a node's certificate, sees whether its name is taken
/// a node                        has its own certificate renewed; sees what names, services and routes are made of
/// </code>
/// Certificates' requests are approved by what roles say alone, as in Kubernetes.
/// </remarks>
internal sealed class NodeJoining(ClusterCertificates certificates, Uri address)
{
    private const string Nodes = "system:nodes";
    private const string Anonymous = "system:anonymous";
    private const string GetNodes = "orchestrator:get-nodes";
    private const string NodeNetwork = "orchestrator:node-network";
    private const string ApproveServing = "orchestrator:approve-kubelet-serving";
    private const string ControllerManager = "system:kube-controller-manager";
    private const string ReadersRole = "orchestrator:cluster-info";
    private const string Requests = "system:certificates.k8s.io:certificatesigningrequests:";

    public IReadOnlyList<ClusterRole> ClusterRoles { get; } =
    [
        // Kubernetes' own controllers leave this one to people: ours says yes to a node's own name and addresses alone.
        ClusterRoleOf(ApproveServing, new PolicyRule
        {
            Verbs = ["approve"], ApiGroups = ["certificates.k8s.io"], Resources = ["signers"], ResourceNames = [CertificateSigners.KubeletServing],
        }),
        ClusterRoleOf(GetNodes, Rule(["get"], "", ["nodes"])),
        // One identity for all that a machine does: the node's. A second certificate would end up in the same folder.
        ClusterRoleOf(NodeNetwork, Rule(["get", "list", "watch"], "", ["namespaces", "nodes", "services"]), Rule(["get", "list", "watch"], "discovery.k8s.io", ["endpointslices"])),
    ];

    public IReadOnlyList<ClusterRoleBinding> ClusterRoleBindings { get; } =
    [
        Bind("orchestrator:node-bootstrapper", "system:node-bootstrapper", BootstrapToken.NodeGroup),
        Bind("orchestrator:node-autoapprove-bootstrap", Requests + "nodeclient", BootstrapToken.NodeGroup),
        Bind("orchestrator:node-autoapprove-certificate-rotation", Requests + "selfnodeclient", Nodes),
        Bind(GetNodes, GetNodes, BootstrapToken.NodeGroup),
        Bind(ApproveServing, ApproveServing, ControllerManager, "User"),
        Bind(NodeNetwork, NodeNetwork, Nodes),
    ];

    public IReadOnlyList<Role> Roles { get; } =
    [
        new Role
        {
            Metadata = new ObjectMeta { Namespace = ClusterInformation.Namespace, Name = ReadersRole },
            Rules = [new PolicyRule { Verbs = ["get"], ApiGroups = [""], Resources = ["configmaps"], ResourceNames = [ClusterInformation.Name] }],
        },
    ];

    public IReadOnlyList<RoleBinding> RoleBindings { get; } =
    [
        new RoleBinding
        {
            Metadata = new ObjectMeta { Namespace = ClusterInformation.Namespace, Name = ReadersRole },
            RoleRef = new RoleRef { ApiGroup = BootstrapPolicy.GroupName, Kind = "Role", Name = ReadersRole },
            Subjects = [new Subject { ApiGroup = BootstrapPolicy.GroupName, Kind = "User", Name = Anonymous }],
        },
    ];

    public IReadOnlyList<ConfigMap> ConfigMaps { get; } =
    [
        new ConfigMap
        {
            Metadata = new ObjectMeta { Namespace = ClusterInformation.Namespace, Name = ClusterInformation.Name },
            Data = new()
            {
                ["kubeconfig"] = KubeconfigFile.RenderCluster(address, certificates.ServerAuthority.CertificatePem),
                [ClusterInformation.AuthorityKey] = certificates.ServerAuthority.CertificatePem,
                [ClusterInformation.ClientAuthorityKey] = certificates.ClientAuthority.CertificatePem,
            },
        },
    ];

    private static ClusterRole ClusterRoleOf(string name, params List<PolicyRule> rules) =>
        new() { Metadata = new ObjectMeta { Name = name }, Rules = rules };

    private static PolicyRule Rule(List<string> verbs, string group, List<string> resources) =>
        new() { Verbs = verbs, ApiGroups = [group], Resources = resources };

    private static ClusterRoleBinding Bind(string name, string role, string subject, string kind = "Group") => new()
    {
        Metadata = new ObjectMeta { Name = name },
        RoleRef = new RoleRef { ApiGroup = BootstrapPolicy.GroupName, Kind = "ClusterRole", Name = role },
        Subjects = [new Subject { ApiGroup = BootstrapPolicy.GroupName, Kind = kind, Name = subject }],
    };
}
