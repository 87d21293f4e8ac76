using System.Diagnostics.CodeAnalysis;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Service accounts as users: <c>system:serviceaccount:NAMESPACE:NAME</c>.</summary>
internal static class ServiceAccountNames
{
    public const string AllGroup = "system:serviceaccounts";

    private const string Prefix = "system:serviceaccount:";

    public static string UserName(string namespaceName, string name) => $"{Prefix}{namespaceName}:{name}";

    public static IReadOnlyList<string> Groups(string namespaceName) => [AllGroup, $"{AllGroup}:{namespaceName}"];

    public static bool TrySplit(string user, [NotNullWhen(true)] out string? namespaceName, [NotNullWhen(true)] out string? name)
    {
        (namespaceName, name) = (null, null);
        if (!user.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        string[] parts = user[Prefix.Length..].Split(':');
        if (parts.Length != 2 || parts[0].Length == 0 || parts[1].Length == 0)
            return false;
        (namespaceName, name) = (parts[0], parts[1]);
        return true;
    }
}
