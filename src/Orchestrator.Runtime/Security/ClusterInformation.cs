namespace Orchestrator.Runtime.Security;

/// <summary>The ConfigMap by which a machine that joins learns whom to believe; anybody may read it. kubeadm's has the same name.</summary>
public static class ClusterInformation
{
    public const string Namespace = "kube-public";
    public const string Name = "cluster-info";

    /// <summary>PEM of the authority that signs what servers show.</summary>
    public const string AuthorityKey = "ca-file";

    /// <summary>PEM of the authority that signs for those that may ask kubelets.</summary>
    public const string ClientAuthorityKey = "client-ca-file";
}
