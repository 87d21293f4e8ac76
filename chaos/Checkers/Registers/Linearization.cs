namespace KvStore.Chaos.Checkers.Registers;

internal enum LinearizationResult
{
    Found,
    None,

    /// <summary>The limit of steps was met first.</summary>
    Undecided,
}

/// <summary>Searches an order of concurrent operations in which each answer fits: Wing and Gong's search with Lowe's
/// cache.</summary>
/// <remarks>
/// Calls and returns stand in one list by time. The first call that fits is taken out with its return, until a return is met
/// whose call is still in: then the last choice was wrong. A set of taken operations with a state is tried once.
/// </remarks>
internal sealed class Linearization
{
    private readonly Entry _head = new(-1, null, false);
    private readonly IReadOnlyList<RegisterOperation> _operations;
    private readonly ulong[] _taken;
    private readonly HashSet<Tried> _tried = [];
    private readonly Stack<(Entry Call, int StateBefore)> _choices = new();
    private int _returnsLeft;

    private Linearization(IReadOnlyList<RegisterOperation> operations)
    {
        _operations = operations;
        _taken = new ulong[operations.Count / 64 + 1];
        Link();
    }

    /// <param name="stepLimit">Of operations tried.</param>
    /// <param name="blocked">When there is none: the operation that stood in the way of the longest order found.</param>
    public static LinearizationResult Search(IReadOnlyList<RegisterOperation> operations, long stepLimit,
        out RegisterOperation? blocked) =>
        new Linearization(operations).Search(stepLimit, out blocked);

    private LinearizationResult Search(long stepLimit, out RegisterOperation? blocked)
    {
        blocked = null;
        int state = RegisterOperation.Absent, most = -1;
        var entry = _head.Next;
        // Those without a return may be left out.
        while (_returnsLeft > 0)
        {
            if (entry!.IsCall)
            {
                if (--stepLimit < 0)
                    return LinearizationResult.Undecided;
                int after = _operations[entry.Operation].Apply(state);
                if (after >= 0 && TryTake(entry.Operation, after))
                {
                    _choices.Push((entry, state));
                    state = after;
                    Lift(entry);
                    entry = _head.Next;
                }
                else
                    entry = entry.Next;
                continue;
            }
            if (_choices.Count > most)
                (most, blocked) = (_choices.Count, _operations[entry.Operation]);
            if (!_choices.TryPop(out var choice))
                return LinearizationResult.None;
            state = choice.StateBefore;
            Unlift(choice.Call);
            _taken[choice.Call.Operation / 64] &= ~(1UL << choice.Call.Operation);
            entry = choice.Call.Next;
        }
        return LinearizationResult.Found;
    }

    private bool TryTake(int operation, int state)
    {
        _taken[operation / 64] |= 1UL << operation;
        if (_tried.Add(new Tried((ulong[])_taken.Clone(), state)))
            return true;
        _taken[operation / 64] &= ~(1UL << operation);
        return false;
    }

    private void Link()
    {
        var events = new List<(long At, int Order, Entry Entry)>();
        for (int i = 0; i < _operations.Count; i++)
        {
            var @return = _operations[i].IsUnknown ? null : new Entry(i, null, false);
            events.Add((_operations[i].CalledAt, 0, new Entry(i, @return, true)));
            if (@return is null)
                continue;
            events.Add((_operations[i].ReturnedAt, 1, @return));
            _returnsLeft++;
        }
        var last = _head;
        // Where a call and a return are at one time, the two are concurrent.
        foreach (var (_, _, entry) in events.OrderBy(other => other.At).ThenBy(other => other.Order))
        {
            (last.Next, entry.Previous) = (entry, last);
            last = entry;
        }
    }

    private void Lift(Entry call)
    {
        call.Unlink();
        if (call.Return is null)
            return;
        call.Return.Unlink();
        _returnsLeft--;
    }

    private void Unlift(Entry call)
    {
        if (call.Return is not null)
        {
            call.Return.Relink();
            _returnsLeft++;
        }
        call.Relink();
    }

    private sealed class Entry(int operation, Entry? @return, bool isCall)
    {
        public int Operation => operation;

        public bool IsCall => isCall;

        /// <summary>Of a call; null when it never came.</summary>
        public Entry? Return => @return;

        public Entry? Previous { get; set; }

        public Entry? Next { get; set; }

        public void Unlink()
        {
            Previous!.Next = Next;
            if (Next is not null)
                Next.Previous = Previous;
        }

        /// <summary>Its own links are still those from before.</summary>
        public void Relink()
        {
            Previous!.Next = this;
            if (Next is not null)
                Next.Previous = this;
        }
    }

    private readonly struct Tried(ulong[] taken, int state) : IEquatable<Tried>
    {
        private readonly ulong[] _taken = taken;
        private readonly int _state = state;

        public bool Equals(Tried other) => _state == other._state && _taken.AsSpan().SequenceEqual(other._taken);

        public override bool Equals(object? other) => other is Tried tried && Equals(tried);

        public override int GetHashCode()
        {
            ulong hash = (ulong)_state;
            foreach (ulong word in _taken)
                hash = (hash ^ word) * 0x9E3779B97F4A7C15 ^ (hash >> 29);
            return (int)(hash >> 32) ^ (int)hash;
        }
    }
}
