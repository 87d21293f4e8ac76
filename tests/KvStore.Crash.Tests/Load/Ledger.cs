namespace KvStore.Crash.Tests.Load;

/// <summary>What the clients were told, over all rounds: the store is held to every word of it.</summary>
internal sealed class Ledger
{
    private readonly Lock _lock = new();
    private readonly List<(long Revision, Operation Operation)> _acknowledged = [];
    private readonly List<Operation> _unknown = [];
    private readonly List<Reading> _readings = [];
    private readonly Dictionary<long, Lease> _leases = [];
    private readonly HashSet<long> _compactionsTried = [];
    private long _nextLease = 1000;
    private long _lastRevision = 1;

    /// <summary>The greatest revision that any client was told.</summary>
    public long LastRevision => Interlocked.Read(ref _lastRevision);

    /// <summary>The greatest revision whose compaction was acknowledged; 0 for none.</summary>
    public long Compacted { get; private set; }

    public long AcknowledgedCount { get; private set; }

    public long UnknownCount { get; private set; }

    public long ReadCount { get; private set; }

    public long CompactionCount { get; private set; }

    /// <summary>Acknowledged since the last <see cref="CloseRound"/>, as the other lists of a round.</summary>
    public IReadOnlyList<(long Revision, Operation Operation)> Acknowledged => Copy(_acknowledged);

    public IReadOnlyList<Operation> Unknown => Copy(_unknown);

    public IReadOnlyList<Reading> Readings => Copy(_readings);

    public IReadOnlyList<Lease> Leases
    {
        get
        {
            lock (_lock)
                return [.. _leases.Values];
        }
    }

    public void Acknowledge(long revision, Operation operation)
    {
        lock (_lock)
        {
            _acknowledged.Add((revision, operation));
            AcknowledgedCount++;
            Note(revision);
        }
    }

    /// <summary>Whether it happened only the history tells.</summary>
    public void LeaveOpen(Operation operation)
    {
        lock (_lock)
        {
            _unknown.Add(operation);
            UnknownCount++;
        }
    }

    public void Read(Reading reading)
    {
        lock (_lock)
        {
            _readings.Add(reading);
            ReadCount++;
            Note(reading.Revision);
        }
    }

    public void TryCompaction(long revision)
    {
        lock (_lock)
            _compactionsTried.Add(revision);
    }

    public void AcknowledgeCompaction(long revision)
    {
        lock (_lock)
        {
            Compacted = Math.Max(Compacted, revision);
            CompactionCount++;
        }
    }

    public bool WasCompactionTried(long revision)
    {
        lock (_lock)
            return _compactionsTried.Contains(revision);
    }

    /// <summary>A lease with an id of its own, to be asked for.</summary>
    public Lease NewLease(bool isShort)
    {
        lock (_lock)
        {
            var lease = new Lease(++_nextLease, isShort);
            _leases.Add(lease.Id, lease);
            return lease;
        }
    }

    public void Forget(Lease lease)
    {
        lock (_lock)
            _leases.Remove(lease.Id);
    }

    public Lease? FindLease(long id)
    {
        lock (_lock)
            return _leases.GetValueOrDefault(id);
    }

    /// <summary>Everything that was left open is settled: what the history does not tell of will never happen.</summary>
    public void CloseRound()
    {
        lock (_lock)
        {
            _acknowledged.Clear();
            _unknown.Clear();
            _readings.Clear();
        }
    }

    private void Note(long revision) => Interlocked.Exchange(ref _lastRevision, Math.Max(_lastRevision, revision));

    private T[] Copy<T>(List<T> list)
    {
        lock (_lock)
            return [.. list];
    }
}
