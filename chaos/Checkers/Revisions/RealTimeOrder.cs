using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Revisions;

/// <summary>What came after something in real time comes after it in revisions.</summary>
/// <remarks>
/// Whoever saw revision r at a time: a write called later makes a higher one, and a linearizable answer to a later call shows
/// r or more. A serializable answer has only to keep up with what the same process of the same member has shown.
/// </remarks>
internal sealed class RealTimeOrder(RunHistory history, RevisionSightings sightings, Writers writers, CheckResult result)
{
    public void Check()
    {
        CheckWholeStore();
        CheckMembers();
    }

    private void CheckWholeStore()
    {
        var revisionOf = RevisionsOfWrites();
        var floor = default(RevisionSightings.Sighting);
        int next = 0;
        foreach (var operation in history.Operations.OrderBy(operation => operation.CalledAt))
        {
            for (; next < sightings.ByTime.Count && sightings.ByTime[next].At < operation.CalledAt; next++)
            {
                if (sightings.ByTime[next].Revision > floor.Revision)
                    floor = sightings.ByTime[next];
            }
            if (revisionOf.TryGetValue(operation.Id, out long written))
                CheckWrite(operation, written, floor);
            else if (operation.Outcome == Outcome.Ok && operation.IsLinearizable() && operation.Revision() < floor.Revision)
            {
                result.Violate("stale",
                    $"{Wording.Of(operation)} was answered at revision {operation.Revision()}, though {Wording.Seconds(operation.CalledAt - floor.At)} "
                    + $"before its call {Source(floor)} had shown revision {floor.Revision}", operation.ReturnedAt,
                        Both(operation, floor));
            }
        }
    }

    private void CheckWrite(Operation operation, long revision, RevisionSightings.Sighting floor)
    {
        if (revision <= floor.Revision)
        {
            result.Violate("order of writes",
                $"{Wording.Of(operation)} was done at revision {revision}, though {Wording.Seconds(operation.CalledAt - floor.At)} "
                + $"before its call {Source(floor)} had shown revision {floor.Revision}", operation.ReturnedAt,
                    Both(operation, floor));
        }
    }

    private Dictionary<long, long> RevisionsOfWrites()
    {
        var revisionOf = new Dictionary<long, long>();
        for (long revision = Timeline.FirstRevision + 1; revision <= sightings.LastRevision; revision++)
        {
            if (writers.At(revision) is { } writer)
                revisionOf[writer.Id] = revision;
        }
        return revisionOf;
    }

    /// <summary>The store of one process never goes back.</summary>
    private void CheckMembers()
    {
        var lives = new ProcessLives(history.Processes);
        var shown = new List<(long CalledAt, long ReturnedAt, string Process, long Revision, Operation Operation)>();
        foreach (var operation in history.Operations)
        {
            long revision = operation.Revision();
            if (revision > 0 && lives.Of(operation.Member, operation.CalledAt, operation.ReturnedAt) is { } process)
                shown.Add((operation.CalledAt, operation.ReturnedAt, process, revision, operation));
        }
        var returns = shown.OrderBy(answer => answer.ReturnedAt).ToList();
        var floors = new Dictionary<string, (long Revision, Operation Operation)>();
        int next = 0;
        foreach (var answer in shown.OrderBy(answer => answer.CalledAt))
        {
            for (; next < returns.Count && returns[next].ReturnedAt < answer.CalledAt; next++)
            {
                if (returns[next].Revision > floors.GetValueOrDefault(returns[next].Process).Revision)
                    floors[returns[next].Process] = (returns[next].Revision, returns[next].Operation);
            }
            if (floors.TryGetValue(answer.Process, out var floor) && answer.Revision < floor.Revision)
            {
                result.Violate("member went back",
                    $"{answer.Operation.Member} answered {Wording.Of(answer.Operation)} at revision {answer.Revision}, "
                    + $"though the same process had answered {Wording.Of(floor.Operation)} at revision {floor.Revision} before",
                    answer.ReturnedAt, Evidence.Of(answer.Operation), Evidence.Of(floor.Operation));
            }
        }
    }

    private static string Source(RevisionSightings.Sighting floor) =>
        floor.Operation is { } operation ? $"the answer to {Wording.Of(operation)}"
        : floor.Received is { } received ? $"a watch on stream {received.Stream}" : "the status of a member";

    private static Evidence[] Both(Operation operation, RevisionSightings.Sighting floor) =>
        floor.Operation is { } other ? [Evidence.Of(operation), Evidence.Of(other)]
        : floor.Received is { } received ? [Evidence.Of(operation), Evidence.Of(received)] : [Evidence.Of(operation)];
}
