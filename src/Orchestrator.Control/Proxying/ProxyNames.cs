using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.Control.Proxying;

/// <summary>Names of the table's parts and of what they are for.</summary>
internal static class ProxyNames
{
    public const string Masquerade = "mark-for-masquerade";
    public const string Reject = "reject-now";
    public const string Services = "services";
    public const string ServiceIps = "service-ips";
    public const string ServiceNodePorts = "service-nodeports";
    public const string NoEndpointServices = "no-endpoint-services";
    public const string NoEndpointNodePorts = "no-endpoint-nodeports";
    public const string FirewallIps = "firewall-ips";
    public const string ClusterIps = "cluster-ips";
    public const string NodePortIps = "nodeport-ips";
    public const string PodCidrs = "pod-cidrs";
    public const string HairpinEndpoints = "hairpin-endpoints";

    // The kernel's limit is 255 bytes, nft's for comments 128.
    private const int NameLimit = 240;
    private const int CommentLimit = 128;

    /// <summary>As <c>service-1f3a9c04d2-default/web/tcp/http</c>: unlike all others by the number, told apart by the rest.</summary>
    public static string Of(string prefix, string what)
    {
        // 40 bits: the whole name is in it, so that what is cut off at the end does not matter.
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(what)))[..10];
        string name = $"{prefix}-{hash}-{what.Replace(':', '.')}";
        return name.Length <= NameLimit ? name : name[..(NameLimit - 3)] + "...";
    }

    public static string Comment(string text) => text.Length <= CommentLimit ? text : text[..(CommentLimit - 3)] + "...";
}
