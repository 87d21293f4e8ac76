namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Why a node will not do for a pod. Null stands for "it will".</summary>
/// <param name="Plugin">Whose word it is.</param>
/// <param name="CanBeResolved">Whether the node would do if pods left it.</param>
public sealed record FilterResult(string Plugin, bool CanBeResolved, IReadOnlyList<string> Reasons)
{
    /// <summary>Fewer pods on the node would help.</summary>
    public static FilterResult Resolvable(string plugin, params IReadOnlyList<string> reasons) => new(plugin, true, reasons);

    /// <summary>It is the node's or the pod's own nature.</summary>
    public static FilterResult Unresolvable(string plugin, params IReadOnlyList<string> reasons) => new(plugin, false, reasons);
}
