using Orchestrator.Api.Selectors;

namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>Which objects a list or watch shows.</summary>
/// <param name="Namespace">Empty for all.</param>
/// <param name="Name">From the path; empty for all.</param>
/// <param name="Labels">Null for everything.</param>
/// <param name="Fields">Null for everything.</param>
internal sealed record WatchFilter(string Namespace, string Name, Selector? Labels, FieldSelector? Fields)
{
    public static WatchFilter Everything { get; } = new("", "", null, null);

    /// <summary>What all matching keys begin with.</summary>
    public string KeyPrefix { get; } = Namespace.Length == 0 ? "" : Namespace + "/";

    /// <summary>By label or field, beyond namespace and name.</summary>
    public bool IsSelective => Labels is not null || Fields is not null;

    public bool Matches(StoredObject value)
    {
        if (KeyPrefix.Length > 0 && !value.Key.StartsWith(KeyPrefix, StringComparison.Ordinal))
            return false;
        if (Name.Length > 0 && value.Name != Name)
            return false;
        return (Labels is null || Labels.Matches(value.Labels)) && (Fields is null || Fields.Matches(value.Field));
    }
}
