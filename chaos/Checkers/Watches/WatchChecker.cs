using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Watches;

/// <summary>
/// Watches are ordered, unique, atomic, reliable and resumable, their bookmarks never ahead, their filters and previous values
/// exact, and compaction is told where it is met.
/// </summary>
internal static class WatchChecker
{
    public const string Name = "watches";

    public static CheckResult Check(RunHistory history, Timeline timeline)
    {
        var result = new CheckResult(Name);
        var compactions = history.Operations
            .Where(operation => operation.Request.RpcCase == Request.RpcOneofCase.Compaction
                && operation.Outcome != Outcome.Failed).ToList();
        var audits = new Dictionary<WatchHistory, WatchAudit>(ReferenceEqualityComparer.Instance);
        foreach (var watch in history.Watches)
        {
            var audit = new WatchAudit(watch, timeline, compactions, history.IsComplete, result);
            if (watch.Resumes is not null && audits.TryGetValue(watch.Resumes, out var before))
                CheckResumption(watch, before, result);
            audits.Add(watch, audit);
            audit.Check();
        }
        foreach (var stray in history.StrayResponses)
            result.Violate("answer for no watch",
                $"stream {stray.Stream} brought an answer for watch {stray.Response.WatchId}, which nobody made", stray.At,
                Evidence.Of(stray));
        return result;
    }

    /// <summary>Between the two nothing is left out, unless it was compacted.</summary>
    private static void CheckResumption(WatchHistory watch, WatchAudit before, CheckResult result)
    {
        result.Count("watches resumed");
        if (watch.Resumes!.Member != watch.Member)
            result.Count("watches resumed on another member");
        long start = watch.Request.StartRevision;
        if (before.NextRevision > 0 && (start == 0 || start > before.NextRevision) && !before.IsCompacted)
            result.Violate("resumed past events",
                $"{watch} goes on from {watch.Resumes} at revision {start}, which had been told only up to {before.NextRevision - 1}", watch.SentAt);
    }
}
