using KvStore.Chaos.Checkers.Locks;
using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class LockCheckerTests
{
    private static readonly TrafficMix Mix = new() { Locks = 8, Leases = 2, OperationCount = 50, ClientCount = 5,
        UnknownPercent = 4 };

    private static readonly Dictionary<string, Corrupt> All = new()
    {
        ["one writes who is not the first"] = NotTheFirst,
        ["one writes whose key is gone"] = Gone,
        ["two holders write in the other order"] = Swapped,
        ["a stale holder writes after another"] = Stale,
        ["one writes with a token that is not his"] = history => OnGuarded(history, (_, compare) => compare.CreateRevision = 1),
    };

    public static TheoryData<string> Corruptions() => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption) => Assert.Empty(CorruptedHistory.Undetected(
        corruption, All[corruption], Mix, count: 40, history => LockChecker.Check(RevisionOrderChecker.Check(history).Timeline)));

    private static IEnumerable<Operation> Guarded(CorruptedHistory history) =>
        history.Operations.Where(operation => operation.Outcome == Outcome.Ok
        && operation.Request.Txn is { } txn && operation.Response.Txn.Succeeded
            && txn.Compare[0].Target == Compare.Types.CompareTarget.Create && txn.Compare[0].CreateRevision > 0);

    private static bool OnGuarded(CorruptedHistory history, Action<Operation, Compare> change)
    {
        if (!history.Pick(Guarded(history), out var guarded))
            return false;
        change(guarded, guarded.Request.Txn.Compare[0]);
        return true;
    }

    private static List<KeyValue> WaitersBefore(CorruptedHistory history, Operation guarded) => [.. history.Origin.Model
        .AsOf(CorruptedHistory.RevisionOf(guarded) - 1, -1).Range(new RangeRequest { Key = KeyInterval.Prefix("k/a/").Key,
            RangeEnd = KeyInterval.Prefix("k/a/").End }).Kvs];

    private static bool NotTheFirst(CorruptedHistory history)
    {
        if (!history.Pick(Guarded(history).Where(guarded => WaitersBefore(history, guarded).Count > 1), out var guarded))
            return false;
        var other = WaitersBefore(history, guarded).MaxBy(waiter => waiter.CreateRevision)!;
        (guarded.Request.Txn.Compare[0].Key, guarded.Request.Txn.Compare[0].CreateRevision) = (other.Key, other.CreateRevision);
        return true;
    }

    private static bool Gone(CorruptedHistory history)
    {
        var found = from guarded in Guarded(history)
                    let gone = history.Origin.Model.Events.FirstOrDefault(change => change.IsDelete
                        && KeyInterval.Prefix("k/a/").Contains(change.KeyValue.Key)
                        && change.KeyValue.ModRevision < CorruptedHistory.RevisionOf(guarded))
                    where gone is not null
                    select Tuple.Create(guarded, history.Origin.Model.Before(gone.KeyValue.Key, gone.KeyValue.ModRevision)!);
        if (!history.Pick(found, out var picked))
            return false;
        (picked.Item1.Request.Txn.Compare[0].Key, picked.Item1.Request.Txn.Compare[0].CreateRevision) =
            (picked.Item2.Key, picked.Item2.CreateRevision);
        return true;
    }

    private static bool Swapped(CorruptedHistory history)
    {
        var found = from first in Guarded(history)
                    from second in Guarded(history)
                    where first.Request.Txn.Compare[0].CreateRevision < second.Request.Txn.Compare[0].CreateRevision
                    select Tuple.Create(first.Request.Txn, second.Request.Txn);
        if (!history.Pick(found, out var picked))
            return false;
        (picked.Item1.Compare[0], picked.Item2.Compare[0]) = (picked.Item2.Compare[0].Clone(), picked.Item1.Compare[0].Clone());
        return true;
    }

    private static bool Stale(CorruptedHistory history)
    {
        // The holder of an earlier token writes once more, when all is over.
        if (!history.Pick(Guarded(history), out var guarded))
            return false;
        var again = guarded.Clone();
        (again.Id, again.CalledAt, again.ReturnedAt) = (99_999, history.FinalRead.ReturnedAt + 1, history.FinalRead.ReturnedAt
            + 2);
        again.Response.Txn.Header.Revision = history.Origin.Model.Revision + 1;
        history.Records.Insert(history.Records.Count - 1, new HistoryRecord { Operation = again });
        return true;
    }
}
