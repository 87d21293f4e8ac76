using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Appends;

/// <summary>Transactions on append lists are strictly serializable: no cycle of dependencies and real time among them.</summary>
/// <remarks>
/// A list tells its own history, so the order of its versions is read off the longest one, as Elle does. A key is put once in a
/// transaction at most, so nothing intermediate (G1b) can be there to be read.
/// </remarks>
internal sealed class AppendChecker
{
    public const string Name = "append lists";

    private readonly RunHistory _history;
    private readonly CheckResult _result = new(Name);
    private readonly IReadOnlyList<AppendTransaction> _transactions;
    private readonly Dictionary<(ByteString Key, string Element), AppendTransaction> _writers = [];

    private AppendChecker(RunHistory history)
    {
        _history = history;
        _transactions = new AppendHistory(history).Transactions;
    }

    public static CheckResult Check(RunHistory history)
    {
        var checker = new AppendChecker(history);
        checker.Check();
        return checker._result;
    }

    private void Check()
    {
        FindWriters();
        var orders = VersionOrders();
        if (_result.ViolationCount == 0)
            CheckCycles(orders);
        _result.Count("transactions", _transactions.Count);
        _result.Count("lists", orders.Count);
    }

    private void FindWriters()
    {
        foreach (var transaction in _transactions)
        {
            foreach (var (key, elements) in transaction.Appends)
            {
                if (elements.Length > 0)
                    _writers[(key, elements[^1])] = transaction;
            }
        }
    }

    /// <summary>The longest list of each key, of which all others must be beginnings.</summary>
    private Dictionary<ByteString, string[]> VersionOrders()
    {
        var longest = new Dictionary<ByteString, (string[] Elements, AppendTransaction By)>();
        var seen = _transactions.SelectMany(transaction => Seen(transaction).Select(list =>
            (list.Key, list.Elements, By: transaction))).ToList();
        foreach (var (key, elements, by) in seen)
        {
            if (!longest.TryGetValue(key, out var other) || elements.Length > other.Elements.Length)
                longest[key] = (elements, by);
        }
        foreach (var (key, elements, by) in seen)
        {
            var order = longest[key];
            if (!order.Elements.AsSpan().StartsWith(elements))
            {
                int place = elements.Zip(order.Elements).TakeWhile(pair => pair.First == pair.Second).Count();
                _result.Violate("incompatible order",
                    $"{Wording.Of(by.Operation)} has element {place + 1} of {Wording.Of(key)} as {elements[place]}, "
                    + $"{Wording.Of(order.By.Operation)} as {order.Elements[place]}", by.Operation.ReturnedAt,
                        Evidence.Of(by.Operation), Evidence.Of(order.By.Operation));
            }
        }
        foreach (var (key, (elements, by)) in longest)
            CheckElements(key, elements, by);
        var orders = longest.ToDictionary(pair => pair.Key, pair => pair.Value.Elements);
        CheckRevisions();
        return orders;
    }

    /// <summary>What is certain to have been there: all that was read, and what acknowledged transactions wrote.</summary>
    private static IEnumerable<(ByteString Key, string[] Elements)> Seen(AppendTransaction transaction)
    {
        // What a transaction of unknown outcome saw was there only if it was done; it says nothing that others do not.
        if (!transaction.IsCommitted)
            return [];
        var reads = transaction.Reads.Select(read => (read.Key, read.Elements));
        return transaction.MayHaveWritten ? reads.Concat(transaction.Appends) : reads;
    }

    private void CheckElements(ByteString key, string[] elements, AppendTransaction by)
    {
        if (elements.Distinct().Count() < elements.Length)
            _result.Violate("appended twice",
                $"{Wording.Of(by.Operation)} has {elements.GroupBy(element => element).First(group => group.Count() > 1).Key} twice in {Wording.Of(key)}",
                by.Operation.ReturnedAt, Evidence.Of(by.Operation));
        foreach (string element in elements)
        {
            if (!_writers.TryGetValue((key, element), out var writer))
            {
                if (_history.IsComplete)
                    _result.Violate("appended by nobody",
                        $"{Wording.Of(by.Operation)} has {element} in {Wording.Of(key)}, which nobody appended",
                        by.Operation.ReturnedAt, Evidence.Of(by.Operation));
            }
            else if (writer.MayHaveWritten)
                writer.IsCommitted = true;
            else
                _result.Violate("G1a",
                    $"{Wording.Of(by.Operation)} has {element} in {Wording.Of(key)}, which {Wording.Of(writer.Operation)} was not to append: it was refused or took its other branch",
                    by.Operation.ReturnedAt, Evidence.Of(by.Operation), Evidence.Of(writer.Operation));
        }
    }

    /// <summary>A list of a length has one mod revision, a longer one a higher.</summary>
    private void CheckRevisions()
    {
        var versions = new Dictionary<ByteString, SortedDictionary<int, (long ModRevision, AppendTransaction By)>>();
        foreach (var transaction in _transactions.Where(transaction => transaction.IsCommitted))
        {
            foreach (var (key, elements, revision) in transaction.Reads)
                See(key, elements.Length, revision, transaction);
            if (transaction.Operation.Outcome == Outcome.Ok && transaction.MayHaveWritten)
            {
                foreach (var (key, elements) in transaction.Appends)
                    See(key, elements.Length, transaction.Operation.Revision(), transaction);
            }
        }
        foreach (var (key, byLength) in versions)
        {
            foreach (var (shorter, longer) in byLength.Zip(byLength.Skip(1)))
            {
                if (shorter.Value.ModRevision >= longer.Value.ModRevision)
                    ViolateRevision(key, shorter.Key, shorter.Value, longer.Key, longer.Value);
            }
        }

        void See(ByteString key, int length, long revision, AppendTransaction by)
        {
            if (!versions.TryGetValue(key, out var byLength))
                versions.Add(key, byLength = []);
            if (!byLength.TryAdd(length, (revision, by)) && byLength[length].ModRevision != revision)
                ViolateRevision(key, length, byLength[length], length, (revision, by));
        }
    }

    private void ViolateRevision(ByteString key, int length, (long ModRevision, AppendTransaction By) first, int otherLength,
        (long ModRevision, AppendTransaction By) second) =>
        _result.Violate("revision of a version",
            $"{Wording.Of(key)} had {length} elements at mod revision {first.ModRevision} ({Wording.Of(first.By.Operation)}) "
            + $"and {otherLength} at {second.ModRevision} ({Wording.Of(second.By.Operation)})", second.By.Operation.ReturnedAt,
                Evidence.Of(first.By.Operation), Evidence.Of(second.By.Operation));

    private void CheckCycles(Dictionary<ByteString, string[]> orders)
    {
        var nodes = _transactions.Where(transaction => transaction.IsCommitted).ToList();
        // Behind the transactions, one node for each return: real time without an edge for each pair.
        var graph = new DependencyGraph(_transactions.Count + nodes.Count);
        AddVersions(graph, orders);
        foreach (var transaction in nodes)
        {
            foreach (var (key, elements, _) in transaction.Reads)
                AddRead(graph, transaction, orders[key], key, elements.Length);
        }
        AddRealTime(graph, nodes);
        _result.Count("dependencies", graph.EdgeCount);
        foreach (var (name, steps) in graph.Anomalies())
            Violate(name, [.. steps.Where(step => step.From < _transactions.Count)]);
    }

    private void AddVersions(DependencyGraph graph, Dictionary<ByteString, string[]> orders)
    {
        foreach (var (key, elements) in orders)
        {
            foreach (var (element, next) in elements.Zip(elements.Skip(1)))
            {
                if (_writers.TryGetValue((key, element), out var first) && _writers.TryGetValue((key, next), out var second))
                    graph.Add(first.Index, second.Index, Dependency.WriteWrite);
            }
        }
    }

    private void AddRead(DependencyGraph graph, AppendTransaction reader, string[] order, ByteString key, int length)
    {
        if (length > 0 && _writers.TryGetValue((key, order[length - 1]), out var writer))
            graph.Add(writer.Index, reader.Index, Dependency.WriteRead);
        if (length < order.Length && _writers.TryGetValue((key, order[length]), out var next))
            graph.Add(reader.Index, next.Index, Dependency.ReadWrite);
    }

    private void AddRealTime(DependencyGraph graph, List<AppendTransaction> nodes)
    {
        var returned = nodes.Where(node => node.Operation.Outcome == Outcome.Ok && !node.IsSerializable).OrderBy(node =>
            node.Operation.ReturnedAt).ToList();
        for (int i = 0; i < returned.Count; i++)
        {
            graph.Add(returned[i].Index, _transactions.Count + i, Dependency.RealTime);
            if (i > 0)
                graph.Add(_transactions.Count + i - 1, _transactions.Count + i, Dependency.RealTime);
        }
        int before = 0;
        foreach (var node in nodes.Where(node => !node.IsSerializable).OrderBy(node => node.Operation.CalledAt))
        {
            while (before < returned.Count && returned[before].Operation.ReturnedAt < node.Operation.CalledAt)
                before++;
            if (before > 0)
                graph.Add(_transactions.Count + before - 1, node.Index, Dependency.RealTime);
        }
    }

    private void Violate(string name, List<(int From, Dependency Kind)> steps)
    {
        var operations = steps.Select(step => _transactions[step.From].Operation).ToList();
        string cycle = string.Join(", ", steps.Select(step => $"{Wording.Of(_transactions[step.From].Operation)} {step.Kind switch
        {
            Dependency.WriteWrite => "appended before",
            Dependency.WriteRead => "was seen by",
            Dependency.ReadWrite => "did not see what was appended by",
            _ => "had returned before",
        }}"));
        _result.Violate(name, $"a cycle ({name}): {cycle} the first", operations.Max(operation => operation.ReturnedAt),
            [.. operations.Select(Evidence.Of)]);
    }
}
