using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>The next events of a watch, in order; revisions are never split over two batches.</summary>
/// <param name="Revision">Everything up to this revision has been delivered with this batch. A watch that is begun at the next
/// one goes on without gap or repetition.</param>
/// <param name="Events">Empty for progress: nothing happened up to the revision that this watch would show.</param>
public sealed record WatchBatch(long Revision, IReadOnlyList<Event> Events)
{
    public bool IsProgress => Events.Count == 0;
}
