using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Authorization;

/// <summary>Kubelets as users: <c>system:node:NAME</c> of <c>system:nodes</c>.</summary>
internal static class NodeIdentity
{
    public const string Group = "system:nodes";

    private const string Prefix = "system:node:";

    public static string UserOf(string node) => Prefix + node;

    /// <summary>Null for whoever is no node; "" for a node that does not say which.</summary>
    public static string? NodeOf(UserInfo user)
    {
        if (!user.IsMember(Group))
            return null;
        return user.Name.StartsWith(Prefix, StringComparison.Ordinal) ? user.Name[Prefix.Length..] : null;
    }
}
