namespace Orchestrator.Runtime.Client;

/// <summary>One page of a list.</summary>
/// <param name="ResourceVersion">The state of the store that the list shows; a watch goes on from here.</param>
/// <param name="Continue">Asks for the next page; null after the last.</param>
public sealed record ObjectList<T>(
    IReadOnlyList<T> Items, string ResourceVersion, string? Continue = null, long? RemainingItemCount = null);
