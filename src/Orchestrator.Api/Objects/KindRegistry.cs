namespace Orchestrator.Api;

/// <summary>All kinds of the object model that have an ObjectMeta, by name.</summary>
public static partial class KindRegistry
{
    private static readonly Dictionary<GroupVersionKind, RegisteredKind> Table = MakeTable();

    public static IReadOnlyCollection<RegisteredKind> All => Table.Values;

    public static RegisteredKind? Find(GroupVersionKind kind) => Table.GetValueOrDefault(kind);
}
