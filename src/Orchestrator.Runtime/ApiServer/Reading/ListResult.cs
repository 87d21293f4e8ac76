using Orchestrator.Runtime.ApiServer.Caching;

namespace Orchestrator.Runtime.ApiServer.Reading;

/// <param name="Continue">For the next page; empty if this is the last.</param>
/// <param name="RemainingItemCount">Null where unknown.</param>
internal sealed record ListResult(
    IReadOnlyList<StoredObject> Items, long Revision, string Continue = "", long? RemainingItemCount = null)
{
    /// <summary>Keys of what should be among them, but can not be read.</summary>
    public IReadOnlyList<string> Unreadable { get; init; } = [];
}
