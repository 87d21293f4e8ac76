namespace Orchestrator.Api.Printing;

/// <summary>The printer of one kind.</summary>
internal sealed class KindPrinter<T>(IReadOnlyList<TableColumn> columns, Func<T, DateTimeOffset, object?[]> cells)
    : TablePrinter(columns)
    where T : class, IKubernetesObject
{
    public override IReadOnlyList<object?> Cells(IKubernetesObject printed, DateTimeOffset now) => cells((T)printed, now);
}
