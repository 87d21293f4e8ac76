using System.Collections.Concurrent;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Tests.Support;

/// <summary>Values in a dictionary that any thread may read, with a log-like order for compaction.</summary>
internal sealed class TestValueStore : IValueStore
{
    private readonly ConcurrentDictionary<Revision, byte[]> _values = new();
    private readonly Queue<Revision> _order = new();

    /// <summary>Called before each write; may throw.</summary>
    public Action? BeforeWrite { get; set; }

    public int Count => _values.Count;

    public long SizeBytes => _values.Sum(pair => (long)pair.Value.Length);

    public bool IsReserveInUse => false;

    public bool Contains(Revision revision) => _values.ContainsKey(revision);

    public void Write(Revision revision, ReadOnlySpan<byte> value)
    {
        BeforeWrite?.Invoke();
        if (!_values.ContainsKey(revision))
            _order.Enqueue(revision);
        _values[revision] = value.ToArray();
    }

    public IValueReader OpenReader() => new Reader(_values);

    public CompactionStep Compact(long budgetBytes, ValuePredicate isLive)
    {
        long examined = 0, freed = 0;
        while (examined < budgetBytes && _order.TryDequeue(out var revision))
        {
            byte[] value = _values[revision];
            examined += value.Length;
            if (isLive(revision, value))
            {
                _order.Enqueue(revision);
                continue;
            }
            _values.TryRemove(revision, out _);
            freed += value.Length;
        }
        return new CompactionStep(examined, freed);
    }

    public void Scan(ValueVisitor visitor)
    {
        // In no helpful order, and one value twice.
        foreach (var revision in _order.Reverse().Concat(_order.Take(1)))
            visitor(revision, _values[revision]);
    }

    public ICheckpointInProgress BeginCheckpoint() => throw new NotSupportedException("tests of the state machine save no values");

    public ICheckpointReader ReadCheckpoint(CheckpointId checkpoint, long position = 0) =>
        throw new NotSupportedException("tests of the state machine save no values");

    public void Refresh()
    {
    }

    public void KeepOnly(IReadOnlyCollection<CheckpointId> checkpoints)
    {
    }

    public void Dispose()
    {
    }

    private sealed class Reader(ConcurrentDictionary<Revision, byte[]> values) : IValueReader
    {
        public bool TryRead(Revision revision, out ReadOnlySpan<byte> value)
        {
            bool isThere = values.TryGetValue(revision, out byte[]? bytes);
            value = bytes;
            return isThere;
        }

        public void ReadMany(ReadOnlySpan<Revision> revisions, ValueVisitor visitor)
        {
            foreach (var revision in revisions)
            {
                if (!TryRead(revision, out var value))
                    throw new InvalidDataException($"the value of revision {revision} is missing");
                visitor(revision, value);
            }
        }

        public void Dispose()
        {
        }
    }
}
