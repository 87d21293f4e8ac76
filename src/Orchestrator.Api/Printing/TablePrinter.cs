namespace Orchestrator.Api.Printing;

/// <summary>Makes the row of an object that <c>kubectl get</c> shows.</summary>
public abstract class TablePrinter(IReadOnlyList<TableColumn> columns)
{
    /// <summary>The printer of <paramref name="resource"/>; what has none shows its name and when it was made.</summary>
    public static TablePrinter For(ResourceDescription resource) => For(resource.Kind);

    /// <inheritdoc cref="For(ResourceDescription)"/>
    public static TablePrinter For(GroupVersionKind kind) => PrinterTable.For(kind);

    public IReadOnlyList<TableColumn> Columns { get; } = columns;

    /// <summary>One value a column: texts, whole numbers (<c>long</c>) and booleans. Ages are counted to <paramref name="now"/>.</summary>
    public abstract IReadOnlyList<object?> Cells(IKubernetesObject printed, DateTimeOffset now);
}
