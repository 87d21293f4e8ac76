namespace Orchestrator.Api.Rbac;

/// <summary>Texts in quotes as messages of Kubernetes have them.</summary>
public static class Quoted
{
    /// <summary><c>"a"</c>, escaped.</summary>
    public static string Text(string? text) => GoText.Quote(text ?? "");

    /// <summary><c>["a" "b"]</c>; an empty or absent list is <c>[]</c>.</summary>
    public static string List(IEnumerable<string>? texts) => $"[{string.Join(' ', (texts ?? []).Select(Text))}]";
}
