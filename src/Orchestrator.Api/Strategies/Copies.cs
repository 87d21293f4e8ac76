namespace Orchestrator.Api.Strategies;

/// <summary>Maps taken over from the stored object, and their comparison; an absent map is an empty one.</summary>
internal static class Copies
{
    public static Dictionary<string, string>? Of(Dictionary<string, string>? map) =>
        map is null ? null : new Dictionary<string, string>(map, StringComparer.Ordinal);

    public static bool Same(Dictionary<string, string>? left, Dictionary<string, string>? right)
    {
        if ((left?.Count ?? 0) != (right?.Count ?? 0))
            return false;
        foreach (var (key, value) in left.OrEmpty())
        {
            if (!right!.TryGetValue(key, out string? other) || other != value)
                return false;
        }
        return true;
    }
}
