namespace Orchestrator.Api.Printing;

/// <summary>Columns, written down one after the other in the order in which they are shown.</summary>
internal sealed class ColumnSet : List<TableColumn>
{
    /// <summary>Starts with the column that names the object, as nearly all tables do.</summary>
    public static ColumnSet Named() => new ColumnSet().Add("Name", "Name of the object, unique in its namespace.", format: "name");

    public ColumnSet Text(string name, string description) => Add(name, description);

    public ColumnSet Integer(string name, string description) => Add(name, description, "integer");

    public ColumnSet Boolean(string name, string description) => Add(name, description, "boolean");

    public ColumnSet Wide(string name, string description) => Add(name, description, priority: 1);

    public ColumnSet Age() => Add("Age", "Time since the object was made.");

    /// <summary>What workloads show with <c>-o wide</c>.</summary>
    public ColumnSet Containers() => Wide("Containers", "Names of the template's containers.")
        .Wide("Images", "Images of the template's containers.");

    public ColumnSet Selector() => Wide("Selector", "Labels by which pods are chosen.");

    public ColumnSet Add(string name, string description, string type = "string", string format = "", int priority = 0)
    {
        Add(new TableColumn(name, type, format, description, priority));
        return this;
    }
}
