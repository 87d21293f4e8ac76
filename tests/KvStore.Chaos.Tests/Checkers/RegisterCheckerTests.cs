using Google.Protobuf;
using KvStore.Chaos.Checkers.Registers;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class RegisterCheckerTests
{
    private static readonly TrafficMix Mix = new() { Registers = 1, OperationCount = 50, ClientCount = 5, CrashCount = 0,
        IsAudited = false };

    private static readonly Dictionary<string, Corrupt> All = new()
    {
        ["a value is read that nobody wrote"] = history => history.Pick(Reads(history), out var read) && Show(read, "9.999999"),
        ["an overwritten value is read"] = Stale,
        ["an acknowledged value is not there"] = Lost,
        ["a value is read before its write is called"] = Future,
        ["reads go back to an older value"] = WentBack,
        ["two compare-and-sets replace the same value"] = BothReplace,
        ["a compare-and-set fails on the value that it finds"] = FailsOnItsValue,
        ["a delete finds nothing though all was written and nothing deleted"] = DeletesNothing,
        ["a deleted value is read"] = Undeleted,
    };

    public static TheoryData<string> Corruptions() => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption) =>
        Assert.Empty(CorruptedHistory.Undetected(corruption, All[corruption], Mix, count: 25, RegisterChecker.Check));

    [Fact]
    public void Ten_thousand_valid_histories_pass()
    {
        for (int seed = 0; seed < 10_000; seed++)
        {
            var result = RegisterChecker.Check(RunHistory.Of(HistoryGenerator.Generate(seed,
                Mix with { OperationCount = 24 }).Records));

            Assert.True(result.IsPassed,
                $"seed {seed}: {string.Join("\n", result.Violations.Select(v => v.Sentence).Concat(result.Undecided))}");
        }
    }

    [Fact]
    public void It_agrees_with_trying_all_orders()
    {
        var random = new Random(1);
        int valid = 0;
        for (int round = 0; round < 5_000; round++)
        {
            var operations = Enumerable.Range(0, random.Next(2, 7)).Select(_ => Random(random)).ToList();

            bool expected = HasOrder(operations, RegisterOperation.Absent);

            Assert.Equal(expected ? LinearizationResult.Found : LinearizationResult.None,
                Linearization.Search(operations, long.MaxValue, out _));
            valid += expected ? 1 : 0;
        }
        Assert.InRange(valid, 500, 4_500);
    }

    [Fact]
    public void What_takes_too_many_steps_is_left_undecided()
    {
        var puts = Enumerable.Range(1, 20).Select(value => new RegisterOperation(At(0, 100)) { Written = value });
        var read = new RegisterOperation(At(200, 300)) { Found = 99 };

        Assert.Equal(LinearizationResult.Undecided, Linearization.Search([.. puts, read], 100_000, out _));
    }

    [Fact]
    public void A_request_that_is_none_on_a_register_leaves_it_undecided()
    {
        var operation = At(0, 1);
        operation.Request = new Request { DeleteRange = new DeleteRangeRequest { Key = ByteString.CopyFromUtf8("a"),
            RangeEnd = ByteString.CopyFromUtf8("z") } };
        operation.Response = new Response { DeleteRange = new DeleteRangeResponse() };

        Assert.False(RegisterChecker.Check(RunHistory.Of([new HistoryRecord { Operation = operation }])).IsPassed);
    }

    private static RegisterOperation Random(Random random)
    {
        long called = random.Next(20);
        var operation = At(called, called + random.Next(1, 8));
        if (random.Next(6) == 0)
            operation.Outcome = Outcome.Unknown;
        int value = random.Next(3);
        bool isUnknown = operation.Outcome == Outcome.Unknown;
        return random.Next(4) switch
        {
            0 => new RegisterOperation(operation) { Written = random.Next(1, 3) },
            1 => new RegisterOperation(operation) { Condition = value, HasHeld = isUnknown ? null : random.Next(2) == 0,
                Written = random.Next(1, 3) },
            2 => new RegisterOperation(operation) { HasFoundSome = isUnknown ? null : random.Next(2) == 0,
                Written = RegisterOperation.Absent },
            _ => new RegisterOperation(operation) { Found = isUnknown ? null : value },
        };
    }

    private static bool HasOrder(List<RegisterOperation> left, int state)
    {
        if (left.TrueForAll(operation => operation.IsUnknown))
            return true;
        long firstReturn = left.Min(operation => operation.ReturnedAt);
        foreach (var next in left.Where(operation => operation.CalledAt <= firstReturn))
        {
            int after = next.Apply(state);
            if (after >= 0 && HasOrder([.. left.Where(other => other != next)], after))
                return true;
        }
        return false;
    }

    private static Operation At(long called, long returned) => new() { CalledAt = called, ReturnedAt = returned,
        Outcome = Outcome.Ok, Request = new Request() };

    private static IEnumerable<Operation> Reads(CorruptedHistory history) =>
        Ok(history, Rpc.Range).Where(read => read.Request.Range.RangeEnd.IsEmpty);

    private static IEnumerable<Operation> Ok(CorruptedHistory history, Rpc kind) =>
        history.Operations.Where(operation => operation.Outcome == Outcome.Ok && operation.Request.RpcCase == kind);

    private static IEnumerable<Operation> Puts(CorruptedHistory history) => Ok(history, Rpc.Put);

    private static bool Show(Operation read, string value) => Show(read, ByteString.CopyFromUtf8(value));

    private static bool Show(Operation read, ByteString value)
    {
        read.Response.Range.Kvs.Clear();
        read.Response.Range.Kvs.Add(new KeyValue { Key = read.Request.Range.Key, Value = value });
        return true;
    }

    private static bool IsAfter(Operation later, Operation earlier) => later.CalledAt > earlier.ReturnedAt;

    private static bool Stale(CorruptedHistory history)
    {
        var found = from first in Puts(history)
                    from second in Puts(history).Where(second => second.Request.Put.Key == first.Request.Put.Key
                        && IsAfter(second, first))
                    from read in Reads(history).Where(read => read.Request.Range.Key == first.Request.Put.Key
                        && IsAfter(read, second))
                    select Tuple.Create(first, read);
        return history.Pick(found, out var picked) && Show(picked.Item2, picked.Item1.Request.Put.Value);
    }

    private static bool Lost(CorruptedHistory history)
    {
        var found = from put in Puts(history).Where(put => !history.Operations.Any(other =>
            other.Request.DeleteRange?.Key == put.Request.Put.Key))
                    from read in Reads(history).Where(read => read.Request.Range.Key == put.Request.Put.Key && IsAfter(read, put))
                    select read;
        if (!history.Pick(found, out var picked))
            return false;
        picked.Response.Range.Kvs.Clear();
        return true;
    }

    private static bool Future(CorruptedHistory history)
    {
        var found = from put in Puts(history)
                    from read in Reads(history).Where(read => read.Request.Range.Key == put.Request.Put.Key && IsAfter(put, read))
                    select Tuple.Create(put, read);
        return history.Pick(found, out var picked) && Show(picked.Item2, picked.Item1.Request.Put.Value);
    }

    private static bool WentBack(CorruptedHistory history)
    {
        var found = from first in Puts(history)
                    from second in Puts(history).Where(second => second.Request.Put.Key == first.Request.Put.Key
                        && IsAfter(second, first))
                    from read in Reads(history).Where(read => read.Request.Range.Key == first.Request.Put.Key
                        && read.CalledAt > second.CalledAt)
                    from later in Reads(history).Where(later => later.Request.Range.Key == first.Request.Put.Key
                        && IsAfter(later, read))
                    select (first, second, read, later);
        var all = found.Take(50).ToList();
        if (all.Count == 0)
            return false;
        var picked = all[history.Random.Next(all.Count)];
        return Show(picked.read, picked.second.Request.Put.Value) && Show(picked.later, picked.first.Request.Put.Value);
    }

    private static IEnumerable<Operation> Sets(CorruptedHistory history, bool succeeded) =>
        Ok(history, Rpc.Txn).Where(txn => txn.Response.Txn.Succeeded == succeeded);

    private static bool BothReplace(CorruptedHistory history)
    {
        if (!history.Pick(Sets(history, succeeded: true), out var set))
            return false;
        var again = set.Clone();
        (again.Id, again.CalledAt, again.ReturnedAt) = (99_999, set.ReturnedAt + 1, set.ReturnedAt + 2);
        again.Request.Txn.Success[0].RequestPut.Value = ByteString.CopyFromUtf8("9.999999");
        history.Records.Add(new HistoryRecord { Operation = again });
        return true;
    }

    private static bool FailsOnItsValue(CorruptedHistory history)
    {
        if (!history.Pick(Sets(history, succeeded: false), out var set))
            return false;
        var read = set.Response.Txn.Responses[0].ResponseRange;
        read.Kvs.Clear();
        read.Kvs.Add(new KeyValue { Key = set.Request.Txn.Compare[0].Key, Value = set.Request.Txn.Compare[0].Value });
        return true;
    }

    private static bool DeletesNothing(CorruptedHistory history)
    {
        if (!history.Pick(Puts(history).Where(put => !history.Operations.Any(other =>
            other.Request.DeleteRange?.Key == put.Request.Put.Key)), out var put))
            return false;
        history.Records.Add(new HistoryRecord
        {
            Operation = new Operation
            {
                Id = 99_999, Client = 99_999, CalledAt = put.ReturnedAt + 1, ReturnedAt = put.ReturnedAt + 2,
                    Outcome = Outcome.Ok,
                Request = new Request { DeleteRange = new DeleteRangeRequest { Key = put.Request.Put.Key } },
                Response = new Response { DeleteRange = new DeleteRangeResponse() },
            },
        });
        return true;
    }

    private static bool Undeleted(CorruptedHistory history)
    {
        var found = from put in Puts(history)
                    from delete in Ok(history, Rpc.DeleteRange).Where(delete =>
                        delete.Request.DeleteRange.Key == put.Request.Put.Key && IsAfter(delete, put))
                    from read in Reads(history).Where(read => read.Request.Range.Key == put.Request.Put.Key
                        && IsAfter(read, delete))
                    select Tuple.Create(put, read);
        return history.Pick(found, out var picked) && Show(picked.Item2, picked.Item1.Request.Put.Value);
    }
}
