using Orchestrator.Api.Rbac;

namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>How violations name those who are guilty of them.</summary>
internal static class Words
{
    public static string Plural(string one, string several, int count) => count == 1 ? one : several;

    /// <summary>Sorted, quoted, parted by commas.</summary>
    public static string Sorted(IEnumerable<string> values) => string.Join(", ", values.Distinct().Order(StringComparer.Ordinal).Select(Quoted.Text));

    /// <summary><c>container "a"</c>, <c>containers "a", "b"</c></summary>
    public static string Containers(IReadOnlyCollection<string> quoted) => $"{Plural("container", "containers", quoted.Count)} {string.Join(", ", quoted)}";

    /// <summary><c>pod and container "a"</c>; null when it is nobody.</summary>
    public static string? Setters(bool isPod, IReadOnlyCollection<string> quoted)
    {
        if (!isPod && quoted.Count == 0)
            return null;
        return string.Join(" and ", new[] { isPod ? "pod" : null, quoted.Count > 0 ? Containers(quoted) : null }.OfType<string>());
    }
}
