using System.Collections.ObjectModel;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>Who makes a request, as the authenticator found out.</summary>
/// <param name="Uid">Empty if the way of signing in gives none.</param>
public sealed record UserInfo(
    string Name, string Uid, IReadOnlyList<string> Groups, IReadOnlyDictionary<string, IReadOnlyList<string>> Extra)
{
    public const string AllAuthenticated = "system:authenticated";
    public const string AllUnauthenticated = "system:unauthenticated";
    public const string Masters = "system:masters";

    public UserInfo(string name, params IReadOnlyList<string> groups)
        : this(name, "", groups, ReadOnlyDictionary<string, IReadOnlyList<string>>.Empty)
    {
    }

    /// <summary>Nobody in particular.</summary>
    public static UserInfo Anonymous { get; } = new("system:anonymous", AllUnauthenticated);

    public bool IsMember(string group) => Groups.Contains(group, StringComparer.Ordinal);
}
