namespace KvStore.Chaos.Checkers.Appends;

/// <summary>Why one transaction comes before another.</summary>
[Flags]
internal enum Dependency
{
    /// <summary>The other appends behind it.</summary>
    WriteWrite = 1,

    /// <summary>The other sees what it appended.</summary>
    WriteRead = 2,

    /// <summary>The other appends what it did not see.</summary>
    ReadWrite = 4,

    /// <summary>It had returned when the other was called.</summary>
    RealTime = 8,
}

/// <summary>Transactions and what orders them. A cycle is an anomaly, named as Adya does.</summary>
internal sealed class DependencyGraph(int nodeCount)
{
    private readonly List<(int To, Dependency Kind)>[] _edges =
        [.. Enumerable.Range(0, nodeCount).Select(_ => new List<(int, Dependency)>())];

    public int EdgeCount { get; private set; }

    public void Add(int from, int to, Dependency kind)
    {
        if (from == to)
            return;
        _edges[from].Add((to, kind));
        EdgeCount++;
    }

    /// <summary>The worst cycle of each knot: without reads first, without real time before with it.</summary>
    public IEnumerable<(string Name, List<(int From, Dependency Kind)> Steps)> Anomalies()
    {
        var reported = new HashSet<int>();
        foreach (var realTime in (Dependency[])[0, Dependency.RealTime])
        {
            string suffix = realTime == 0 ? "" : "-realtime";
            foreach (var (name, kinds) in ((string, Dependency)[])
                [("G0", Dependency.WriteWrite), ("G1c", Dependency.WriteWrite | Dependency.WriteRead),
                    ("G2", Dependency.WriteWrite | Dependency.WriteRead | Dependency.ReadWrite)])
            {
                foreach (var knot in Knots(kinds | realTime))
                {
                    if (knot.Exists(reported.Contains))
                        continue;
                    reported.UnionWith(knot);
                    var single = name == "G2" ? SingleReadWrite(knot, kinds | realTime) : null;
                    var steps = single ?? ShortestCycle(knot, kinds | realTime);
                    yield return ((single is null ? name : "G-single") + suffix, steps);
                }
            }
        }
    }

    /// <summary>Strongly connected components of more than one node: Tarjan, without recursion.</summary>
    private List<List<int>> Knots(Dependency kinds)
    {
        var knots = new List<List<int>>();
        var index = new int[nodeCount];
        var low = new int[nodeCount];
        var isOnStack = new bool[nodeCount];
        var stack = new Stack<int>();
        var calls = new Stack<(int Node, int Edge)>();
        int next = 1;
        for (int root = 0; root < nodeCount; root++)
        {
            if (index[root] != 0)
                continue;
            calls.Push((root, 0));
            while (calls.TryPop(out var call))
            {
                var (node, edge) = call;
                if (edge == 0)
                {
                    index[node] = low[node] = next++;
                    stack.Push(node);
                    isOnStack[node] = true;
                }
                else
                    low[node] = Math.Min(low[node], low[_edges[node][edge - 1].To]);
                if (Descend(node, edge))
                    continue;
                if (low[node] == index[node])
                    Pop(node);
            }
        }
        return knots;

        // Goes on at the first edge to a node not seen; says false when there is none.
        bool Descend(int node, int edge)
        {
            for (; edge < _edges[node].Count; edge++)
            {
                var (to, kind) = _edges[node][edge];
                if ((kind & kinds) == 0)
                    continue;
                if (index[to] == 0)
                {
                    calls.Push((node, edge + 1));
                    calls.Push((to, 0));
                    return true;
                }
                if (isOnStack[to])
                    low[node] = Math.Min(low[node], index[to]);
            }
            return false;
        }

        void Pop(int node)
        {
            var knot = new List<int>();
            int popped;
            do
            {
                popped = stack.Pop();
                isOnStack[popped] = false;
                knot.Add(popped);
            }
            while (popped != node);
            if (knot.Count > 1)
                knots.Add(knot);
        }
    }

    /// <summary>A cycle with one read-write dependency, the others being what was written.</summary>
    private List<(int, Dependency)>? SingleReadWrite(List<int> knot, Dependency kinds)
    {
        var within = knot.ToHashSet();
        foreach (int from in knot)
        {
            foreach (var (to, kind) in _edges[from])
            {
                if (kind != Dependency.ReadWrite || !within.Contains(to))
                    continue;
                if (Path(to, from, within, kinds & ~Dependency.ReadWrite) is { } path)
                    return [(from, kind), .. path];
            }
        }
        return null;
    }

    private List<(int, Dependency)> ShortestCycle(List<int> knot, Dependency kinds)
    {
        var within = knot.ToHashSet();
        List<(int, Dependency)>? shortest = null;
        // From a few of them: the shortest of a large knot is not worth its square.
        foreach (int from in knot.Take(32))
        {
            foreach (var (to, kind) in _edges[from])
            {
                if ((kind & kinds) != 0 && within.Contains(to) && Path(to, from, within, kinds) is { } path
                    && (shortest is null || path.Count + 1 < shortest.Count))
                    shortest = [(from, kind), .. path];
            }
        }
        return shortest!;
    }

    private List<(int, Dependency)>? Path(int from, int to, HashSet<int> within, Dependency kinds)
    {
        var cameFrom = new Dictionary<int, (int Node, Dependency Kind)>();
        var queue = new Queue<int>([from]);
        while (queue.TryDequeue(out int node))
        {
            foreach (var (next, kind) in _edges[node])
            {
                if ((kind & kinds) == 0 || !within.Contains(next) || next == from || !cameFrom.TryAdd(next, (node, kind)))
                    continue;
                if (next != to)
                {
                    queue.Enqueue(next);
                    continue;
                }
                var path = new List<(int, Dependency)>();
                for (int at = to; at != from; at = cameFrom[at].Node)
                    path.Insert(0, cameFrom[at]);
                return path;
            }
        }
        return null;
    }
}
