using Google.Protobuf;
using KvStore.Chaos.Checkers.Appends;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class AppendCheckerTests
{
    private static readonly TrafficMix Mix = new() { Appends = 1, OperationCount = 25, ClientCount = 4, CrashCount = 0,
        IsAudited = false };

    private static readonly Dictionary<string, Corrupt> All = new()
    {
        ["an element is read that was not to be appended"] = Aborted,
        ["an element is read that nobody appended"] = history => OnRead(history, 0, kv =>
            kv.Value = Longer(kv.Value, "9.999999")),
        ["an append overwrites another"] = LostUpdate,
        ["two elements are read in another order"] = history => OnRead(history, 2, kv =>
            kv.Value = Join([.. Parse(kv)[..^2], Parse(kv)[^1], Parse(kv)[^2]])),
        ["an element is read twice"] = history => OnRead(history, 1, kv => kv.Value = Longer(kv.Value, Parse(kv)[0])),
        ["an old list is read"] = Stale,
        ["a list is read before the append is called"] = Future,
        ["half of a transaction is read"] = Fractured,
        ["a list has the mod revision of another"] = OtherRevision,
    };

    public static TheoryData<string> Corruptions() => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption) =>
        Assert.Empty(CorruptedHistory.Undetected(corruption, All[corruption], Mix, count: 25, AppendChecker.Check));

    [Fact]
    public void Ten_thousand_valid_histories_pass()
    {
        for (int seed = 0; seed < 10_000; seed++)
        {
            var result = AppendChecker.Check(RunHistory.Of(HistoryGenerator.Generate(seed,
                Mix with { OperationCount = 12 }).Records));

            Assert.True(result.IsPassed,
                $"seed {seed}: {string.Join("\n", result.Violations.Select(v => v.Sentence).Concat(result.Undecided))}");
        }
    }

    [Theory]
    [InlineData("G0", Dependency.WriteWrite, Dependency.WriteWrite)]
    [InlineData("G1c", Dependency.WriteWrite, Dependency.WriteRead)]
    [InlineData("G1c", Dependency.WriteRead, Dependency.WriteRead)]
    [InlineData("G-single", Dependency.WriteWrite, Dependency.ReadWrite)]
    [InlineData("G-single", Dependency.WriteRead, Dependency.ReadWrite)]
    [InlineData("G2", Dependency.ReadWrite, Dependency.ReadWrite)]
    [InlineData("G0-realtime", Dependency.WriteWrite, Dependency.RealTime)]
    [InlineData("G1c-realtime", Dependency.WriteRead, Dependency.RealTime)]
    [InlineData("G-single-realtime", Dependency.ReadWrite, Dependency.RealTime)]
    internal void A_cycle_has_its_name(string name, Dependency there, Dependency back)
    {
        var graph = new DependencyGraph(6);
        graph.Add(0, 1, Dependency.WriteWrite);
        graph.Add(1, 2, there);
        graph.Add(2, 1, back);
        graph.Add(2, 3, Dependency.WriteRead);

        var (found, steps) = Assert.Single(graph.Anomalies());

        Assert.Equal(name, found);
        Assert.Equal([1, 2], steps.Select(step => step.From).Order());
    }

    [Fact]
    public void A_long_cycle_is_found_among_many_nodes()
    {
        var graph = new DependencyGraph(100_000);
        for (int i = 1; i < 100_000; i++)
            graph.Add(i - 1, i, Dependency.WriteWrite);
        graph.Add(70_000, 69_990, Dependency.ReadWrite);

        var (name, steps) = Assert.Single(graph.Anomalies());

        Assert.Equal(("G-single", 11), (name, steps.Count));
    }

    private static string[] Parse(KeyValue kv) => AppendHistory.Parse(kv.Value);

    private static ByteString Join(string[] elements) => ByteString.CopyFromUtf8(string.Join(',', elements));

    private static ByteString Longer(ByteString list, string element) => Join([.. AppendHistory.Parse(list), element]);

    private static bool IsAfter(Operation later, Operation earlier) => later.CalledAt > earlier.ReturnedAt;

    private static IEnumerable<(Operation Read, KeyValue Kv)> Reads(CorruptedHistory history) => history.Operations
        .Where(operation => operation.Outcome == Outcome.Ok && operation.Request.RpcCase == Rpc.Range)
        .SelectMany(read => read.Response.Range.Kvs.Select(kv => (read, kv)));

    private static IEnumerable<(Operation Txn, PutRequest Put)> Appends(CorruptedHistory history, bool succeeded) =>
        history.Operations
        .Where(operation => operation.Outcome == Outcome.Ok && operation.Request.Txn is not null
            && operation.Response.Txn.Succeeded == succeeded)
        .SelectMany(txn => txn.Request.Puts().Select(put => (txn, put)));

    private static bool OnRead(CorruptedHistory history, int least, Action<KeyValue> change)
    {
        // Something acknowledged must contradict it.
        var acknowledged = Appends(history, succeeded: true).Select(append => append.Put.Value.ToStringUtf8()).ToHashSet();
        if (!history.Pick(Reads(history).Select(read => read.Kv).Where(kv => Parse(kv).Length >= least
            && acknowledged.Contains(kv.Value.ToStringUtf8())), out var kv))
            return false;
        change(kv);
        return true;
    }

    private static bool Aborted(CorruptedHistory history)
    {
        var found = from append in Appends(history, succeeded: false)
                    from read in Reads(history).Where(read => read.Kv.Key.Equals(append.Put.Key))
                    select Tuple.Create(append.Put, read.Kv);
        if (!history.Pick(found, out var picked))
            return false;
        picked.Item2.Value = picked.Item1.Value;
        return true;
    }

    private static bool LostUpdate(CorruptedHistory history)
    {
        var found = from first in Appends(history, succeeded: true)
                    from second in Appends(history, succeeded: true)
                    let before = AppendHistory.Parse(first.Put.Value)
                    let after = AppendHistory.Parse(second.Put.Value)
                    where first.Put.Key.Equals(second.Put.Key) && after.Length > before.Length
                        && after.AsSpan().StartsWith(before)
                    select Tuple.Create(before, after, second.Put);
        if (!history.Pick(found, out var picked))
            return false;
        picked.Item3.Value = Join([.. picked.Item1[..^1], .. picked.Item2[picked.Item1.Length..]]);
        return true;
    }

    private static bool Stale(CorruptedHistory history)
    {
        var found = from append in Appends(history, succeeded: true)
                    from read in Reads(history)
                    where read.Kv.Key.Equals(append.Put.Key) && IsAfter(read.Read, append.Txn)
                    select Tuple.Create(append.Put, read.Read, read.Kv);
        if (!history.Pick(found, out var picked))
            return false;
        // The list before the append, with the right mod revision of that, which is in no other's way.
        string[] elements = AppendHistory.Parse(picked.Item1.Value)[..^1];
        if (elements.Length == 0)
        {
            picked.Item2.Request.Range = new RangeRequest { Key = picked.Item1.Key };
            picked.Item2.Response.Range.Kvs.Clear();
            return true;
        }
        var older = history.Origin.Model.Events.Last(change => change.KeyValue.Key.Equals(picked.Item1.Key)
            && AppendHistory.Parse(change.KeyValue.Value).Length == elements.Length).KeyValue;
        (picked.Item3.Value, picked.Item3.ModRevision) = (older.Value, older.ModRevision);
        return true;
    }

    private static bool Future(CorruptedHistory history)
    {
        var found = from append in Appends(history, succeeded: true)
                    from read in Reads(history)
                    where read.Kv.Key.Equals(append.Put.Key) && IsAfter(append.Txn, read.Read)
                    select Tuple.Create(append, read.Kv);
        if (!history.Pick(found, out var picked))
            return false;
        (picked.Item2.Value, picked.Item2.ModRevision) = (picked.Item1.Put.Value, CorruptedHistory.RevisionOf(picked.Item1.Txn));
        return true;
    }

    private static bool Fractured(CorruptedHistory history)
    {
        var found = from txn in history.Operations
                    where txn.Outcome == Outcome.Ok && txn.Request.Txn is not null && txn.Response.Txn.Succeeded
                        && txn.Request.Puts().Count() == 2
                    from read in Reads(history)
                    let puts = txn.Request.Puts().ToArray()
                    where read.Kv.Key.Equals(puts[0].Key)
                        && Parse(read.Kv).AsSpan().StartsWith(AppendHistory.Parse(puts[0].Value))
                    let other = read.Read.Response.Range.Kvs.FirstOrDefault(kv => kv.Key.Equals(puts[1].Key))
                    let before = AppendHistory.Parse(puts[1].Value)[..^1]
                    where other is not null && before.Length > 0
                    select Tuple.Create(other, before);
        if (!history.Pick(found, out var picked))
            return false;
        var older = history.Origin.Model.Events.Last(change => change.KeyValue.Key.Equals(picked.Item1.Key)
            && AppendHistory.Parse(change.KeyValue.Value).Length == picked.Item2.Length).KeyValue;
        (picked.Item1.Value, picked.Item1.ModRevision) = (older.Value, older.ModRevision);
        return true;
    }

    private static bool OtherRevision(CorruptedHistory history) => OnRead(history, 2, kv => kv.ModRevision--);
}
