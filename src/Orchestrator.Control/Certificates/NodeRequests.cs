using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;

namespace Orchestrator.Control.Certificates;

/// <summary>Which of the nodes' requests need nobody's word.</summary>
internal static class NodeRequests
{
    private const string UserPrefix = "system:node:";
    private const string NodesGroup = "system:nodes";
    private const string MastersGroup = "system:masters";

    /// <summary>Names by which the API server is known: who shows one of them to its clients could be taken for it.</summary>
    private static readonly string[] ServerNames = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];

    /// <summary>Whether the roles of the cluster give the requester this kind of client certificate: "nodeclient" (of a new node) or
    /// "selfnodeclient" (its own again), a right to create certificatesigningrequests/KIND.</summary>
    public static bool MayHave(CertificateSigningRequestSpec spec, string kind, IObjectCache cache)
    {
        var groups = spec.Groups.OrEmpty();
        if (groups.Contains(MastersGroup))
            return true;
        var index = new RbacIndex(cache.List<ClusterRole>(), cache.List<ClusterRoleBinding>(), [], []);
        return index.Authorize(new AccessRequest
        {
            User = spec.Username ?? "",
            Groups = groups,
            Verb = "create",
            Group = "certificates.k8s.io",
            Resource = "certificatesigningrequests",
            Subresource = kind,
        }).IsAllowed;
    }

    /// <summary>Whether a node asks to serve under its own name and addresses, which nobody else has.</summary>
    /// <remarks>
    /// A node tells its addresses itself. One that is another node's, or an API server's, would let it be taken for that one: such a request
    /// waits for a person. So does that of a node on the machine of an API server.
    /// </remarks>
    public static bool IsOwnServing(CertificateSigningRequestSpec spec, RequestedCertificate requested, IObjectCache cache)
    {
        if (requested.CommonName != spec.Username || !spec.Groups.OrEmpty().Contains(NodesGroup) || NodeOf(spec, cache) is not { } node)
            return false;
        var own = AddressesOf(node);
        var others = cache.List<Node>().Where(other => other.Name != node.Name).SelectMany(AddressesOf)
            .Concat(cache.Get<EndpointSlice>("default", "kubernetes")?.Endpoints.OrEmpty().SelectMany(endpoint => endpoint.Addresses.OrEmpty()) ?? [])
            .ToHashSet();
        return requested.DnsNames.All(name => name == node.Name && !IsServers(name))
            && requested.IPAddresses.All(address => own.Contains(address) && !others.Contains(address));
    }

    /// <summary>The requests of a node whose addresses are known or others now.</summary>
    public static IEnumerable<NamespacedName> Of(Node? before, Node? after, IObjectCache cache) =>
        after is null || (before is not null && AddressesOf(before).SequenceEqual(AddressesOf(after)))
            ? []
            : cache.List<CertificateSigningRequest>().Where(request => request.Spec.Username == UserPrefix + after.Name).Select(request => request.Key);

    private static Node? NodeOf(CertificateSigningRequestSpec spec, IObjectCache cache) =>
        spec.Username is { } user && user.StartsWith(UserPrefix, StringComparison.Ordinal) ? cache.Get<Node>("", user[UserPrefix.Length..]) : null;

    private static List<string> AddressesOf(Node node) =>
    [
        .. node.Status.Addresses.OrEmpty().Where(address => address.Type is "InternalIP" or "ExternalIP").Select(address => address.Address ?? ""),
    ];

    private static bool IsServers(string name) =>
        ServerNames.Contains(name) || name.StartsWith("kubernetes.default.svc.", StringComparison.Ordinal);
}
