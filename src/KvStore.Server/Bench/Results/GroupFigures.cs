using System.Diagnostics;

namespace KvStore.Server.Bench.Results;

/// <summary>
/// What one group of clients has counted in the running phase. Written by the load's thread; counters are read by the display.
/// </summary>
internal sealed class GroupFigures
{
    private const int ErrorTextLimit = 20;

    private readonly Dictionary<string, long> _errors = [];
    private long _completed, _failed;
    private long _started, _ended;

    public LatencyHistogram Latency { get; } = new();

    public long Completed => Volatile.Read(ref _completed);

    public long Failed => Volatile.Read(ref _failed);

    public void Begin(long now)
    {
        Volatile.Write(ref _completed, 0);
        Volatile.Write(ref _failed, 0);
        Latency.Clear();
        _errors.Clear();
        (_started, _ended) = (now, now);
    }

    public void Complete(long start, long now)
    {
        Latency.Record((long)Stopwatch.GetElapsedTime(start, now).TotalNanoseconds);
        Volatile.Write(ref _completed, _completed + 1);
        _ended = now;
    }

    public void Fail(string reason, long now)
    {
        // Texts may carry numbers: a bounded table cannot be flooded by them.
        string text = _errors.ContainsKey(reason) || _errors.Count < ErrorTextLimit ? reason : "other errors";
        _errors[text] = _errors.GetValueOrDefault(text) + 1;
        Volatile.Write(ref _failed, _failed + 1);
        _ended = now;
    }

    /// <summary>The phase's result, once the load's thread has ended.</summary>
    public GroupResult ToResult(string name, string unit, int clients, int connections) => new()
    {
        Name = name,
        Unit = unit,
        Clients = clients,
        Connections = connections,
        Completed = Completed,
        Failed = Failed,
        Errors = new Dictionary<string, long>(_errors),
        Elapsed = Stopwatch.GetElapsedTime(_started, _ended),
        Latency = Latency,
    };
}
