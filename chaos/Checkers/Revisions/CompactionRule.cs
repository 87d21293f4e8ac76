using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Revisions;

/// <summary>A read of the past is refused when it is gone, and only then; likewise one of the future.</summary>
internal sealed class CompactionRule(RunHistory history, RevisionSightings sightings, CheckResult result)
{
    public const string CompactedText = "required revision has been compacted";
    public const string FutureText = "required revision is a future revision";

    private List<Operation> _compactions = [];

    public void Check()
    {
        _compactions = [.. history.Operations.Where(operation => operation.Request.RpcCase == Request.RpcOneofCase.Compaction
            && operation.Outcome != Outcome.Failed).OrderBy(operation => operation.CalledAt)];
        foreach (var operation in history.Operations)
        {
            if (operation.Request.RpcCase != Request.RpcOneofCase.Range || operation.Request.Range.Revision <= 0)
                continue;
            if (operation.Outcome == Outcome.Ok && operation.IsLinearizable())
                CheckAnswered(operation);
            else if (operation.Outcome == Outcome.Failed)
                CheckRefused(operation);
        }
    }

    private void CheckAnswered(Operation operation)
    {
        var gone = _compactions.Find(compaction => compaction.Outcome == Outcome.Ok && compaction.ReturnedAt < operation.CalledAt
            && compaction.Request.Compaction.Revision > operation.Request.Range.Revision);
        if (gone is not null)
            result.Violate("read of what is compacted",
                $"{Wording.Of(operation)} at revision {operation.Request.Range.Revision} was answered after "
                + $"{Wording.Of(gone)} was acknowledged", operation.ReturnedAt, Evidence.Of(operation), Evidence.Of(gone));
    }

    private void CheckRefused(Operation operation)
    {
        long revision = operation.Request.Range.Revision;
        bool canBeGone = _compactions.Exists(compaction => compaction.CalledAt <= operation.ReturnedAt
            && compaction.Request.Compaction.Revision > revision);
        if (operation.ErrorText.Contains(CompactedText, StringComparison.Ordinal) && !canBeGone && history.IsComplete)
            result.Violate("wrongly compacted",
                $"{Wording.Of(operation)} at revision {revision} was refused as compacted, but no compaction went so far",
                operation.ReturnedAt, Evidence.Of(operation));
        if (operation.ErrorText.Contains(FutureText, StringComparison.Ordinal) && operation.IsLinearizable()
            && sightings.SeenAt(revision) < operation.CalledAt)
            result.Violate("wrongly in the future",
                $"{Wording.Of(operation)} was refused since revision {revision} was to come, but it had been seen before the call",
                operation.ReturnedAt, Evidence.Of(operation));
    }
}
