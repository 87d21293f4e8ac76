namespace Orchestrator.Api.Printing;

/// <summary>One column of the server's table.</summary>
/// <param name="Name">As kubectl heads it, in capitals there.</param>
/// <param name="Type"><c>string</c>, <c>integer</c>, <c>boolean</c> or <c>date</c>.</param>
/// <param name="Format"><c>name</c> for the column that names the object, else empty.</param>
/// <param name="Description">What stands in it.</param>
/// <param name="Priority">0 is always shown, more only with <c>-o wide</c>.</param>
public sealed record TableColumn(string Name, string Type, string Format, string Description, int Priority);
